"""Metrics of an association, for alarms and dashboards."""

from typing import Any

from aws_cdk import CfnResource, CustomResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from .enforcement import Enforcement
from .rollout import Rollout
from .runtime.association.contract import (
    ASSOCIATION_DIMENSION,
    METRIC_NAMESPACE,
    STACK_DIMENSION,
    EnforcementMetric,
    Metric,
)

WIDGET_WIDTH, ENFORCEMENT_WIDTH = 6, 8
"""Four and three to a row: a dashboard is 24 wide. None of the wider ones fits behind three of the others."""


METRICS = tuple(metric.value for metric in (*Metric, *EnforcementMetric))


class AssociationMetrics:
    """Metrics of an association. Those of deployments are written at the end of each invocation of the handler, also
    while a wave bakes. Those of enforcement are written only where they are not zero.

    All are counts (unit ``Count``), except the lag of enforcement. There are data only while a deployment goes on, or
    where enforcement finds something, so an alarm has to treat missing data as ``NOT_BREACHING``. They come out of the
    handler's log, so they add nothing to the template:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html

    Example:
        ::

            association.metric_failed().create_alarm(
                self, "Failed",
                threshold=1,
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
    """

    _resource: CustomResource
    _rollout: Rollout
    _enforcement: Enforcement

    def metric(self, name: str, **options: Any) -> cloudwatch.Metric:
        """A metric of this association: a count, but for ``EnforcementLag``, which is in seconds. There are data only
        while a deployment goes on or enforcement finds something, so give an alarm
        ``treat_missing_data=TreatMissingData.NOT_BREACHING``. `metric_throttled`, `metric_repaired` and
        `metric_late_arrivals` are sums.

        Args:
            name: its name, as CloudWatch shows it: ``Targets``, ``Done``, ``Failed``, ``Throttled`` or ``Wave``, and
                with enforcement ``Drifted``, ``Repaired``, ``LateArrivals`` or ``EnforcementLag``.
            options: further properties of `aws_cdk.aws_cloudwatch.Metric`, such as ``color``, ``label`` or ``unit``.
                Default: the maximum in each minute.

        Returns:
            The metric, with the dimensions of this association.

        Raises:
            ValueError: there is no such metric.

        Example:
            ::

                association.metric("Done", period=Duration.minutes(5))
        """
        if name not in METRICS:
            raise ValueError(f"{name!r} is no metric of an association: give one of {', '.join(METRICS)}")
        stack, resource = Stack.of(self._resource), self._resource.node.default_child
        assert isinstance(resource, CfnResource)
        defaults = {
            "dimensions_map": {STACK_DIMENSION: stack.stack_name, ASSOCIATION_DIMENSION: resource.logical_id},
            "statistic": cloudwatch.Stats.MAXIMUM,
            "period": Duration.minutes(1),
        }
        metric = cloudwatch.Metric(namespace=METRIC_NAMESPACE, metric_name=name, **{**defaults, **options})
        # On a dashboard elsewhere it says then where it is from.
        return metric.attach_to(self._resource)

    def metric_targets(self, **options: Any) -> cloudwatch.Metric:
        """Count of the instances that are selected; 0 while a delete or a failed create restores everything.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(Metric.TARGETS.value, **options)

    def metric_done(self, **options: Any) -> cloudwatch.Metric:
        """Count of the targets of which EC2 has confirmed that they have the profile.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(Metric.DONE.value, **options)

    def metric_failed(self, **options: Any) -> cloudwatch.Metric:
        """Count of the targets that have failed, tolerated or not.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(Metric.FAILED.value, **options)

    def metric_throttled(self, **options: Any) -> cloudwatch.Metric:
        """Count of the calls that EC2 has refused for coming too fast, and that were made again; their sum in each
        minute.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(Metric.THROTTLED.value, **{"statistic": cloudwatch.Stats.SUM, **options})

    def metric_wave(self, **options: Any) -> cloudwatch.Metric:
        """Which wave of a rollout is running, from 1; 0 if none is.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(Metric.WAVE.value, **options)

    def metric_drifted(self, **options: Any) -> cloudwatch.Metric:
        """Count of the instances with drift after a look of enforcement, those that a pause holds back included; the
        most in each minute. Drift of the instance profile itself counts as one more. There are data only where it is
        not zero.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(EnforcementMetric.DRIFTED.value, **options)

    def metric_repaired(self, **options: Any) -> cloudwatch.Metric:
        """Count of the instances that enforcement has changed: repaired targets, late arrivals and restored instances;
        their sum in each minute. There are data only where it is not zero.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(EnforcementMetric.REPAIRED.value, **{"statistic": cloudwatch.Stats.SUM, **options})

    def metric_late_arrivals(self, **options: Any) -> cloudwatch.Metric:
        """Count of the instances that matched the selection only after the deployment, and that enforcement has given
        the profile; with ``Enforcement.report`` those that a look has found first. Their sum in each minute. There are
        data only where it is not zero.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        return self.metric(EnforcementMetric.LATE_ARRIVALS.value, **{"statistic": cloudwatch.Stats.SUM, **options})

    def metric_enforcement_lag(self, **options: Any) -> cloudwatch.Metric:
        """Seconds from the message, of EC2 or of a sweep, to the end of the look that has changed something (unit
        ``Seconds``); the longest in each minute. There are data only where something was changed.

        Args:
            options: as for `metric`.

        Returns:
            The metric.
        """
        unit = cloudwatch.Unit.SECONDS
        return self.metric(EnforcementMetric.ENFORCEMENT_LAG.value, **{"unit": unit, **options})

    def dashboard_widgets(self) -> list[cloudwatch.IWidget]:
        """Widgets that tell how far a deployment is, and how the alarms of its rollout are. With enforcement there is a
        second row for it.

        On a dashboard in another account or Region, alarms of the app need a physical ``alarm_name``: that stack
        can't refer to what CloudFormation calls them.

        Returns:
            A row of widgets, or two with enforcement.

        Example:
            ::

                dashboard.add_widgets(*association.dashboard_widgets())
        """
        return [
            _graph("Targets", self.metric_targets(label="selected"), self.metric_done(label="done")),
            _graph(
                "Failures and throttling",
                self.metric_failed(label="failed"),
                self.metric_throttled(label="throttled calls"),
            ),
            _graph("Wave", self.metric_wave(label="wave")),
            *self._alarms(),
            *self._of_enforcement(),
        ]

    def _alarms(self) -> list[cloudwatch.IWidget]:
        alarms = self._rollout.alarms
        return [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=WIDGET_WIDTH)] if alarms else []

    def _of_enforcement(self) -> list[cloudwatch.IWidget]:
        if not self._enforcement.is_on:
            return []
        repaired = [self.metric_repaired(label="repaired"), self.metric_late_arrivals(label="late arrivals")]
        return [
            _graph("Drift", self.metric_drifted(label="drifted"), width=ENFORCEMENT_WIDTH),
            _graph("Enforcement", *repaired, width=ENFORCEMENT_WIDTH),
            _graph("Enforcement lag", self.metric_enforcement_lag(label="seconds"), width=ENFORCEMENT_WIDTH),
        ]


def _graph(title: str, *metrics: cloudwatch.Metric, width: int = WIDGET_WIDTH) -> cloudwatch.IWidget:
    from_zero = cloudwatch.YAxisProps(min=0, show_units=False)
    return cloudwatch.GraphWidget(title=title, left=list(metrics), left_y_axis=from_zero, width=width)
