"""How an association changes its targets: all at once, or in waves that are watched."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from .runtime.association.contract import MAX_TIMEOUT_SECONDS, MAX_UPDATE_SECONDS, Property, RolloutProperty
from .runtime.association.request.rollout import WAVE_SECONDS
from .runtime.association.request.rollout import Rollout as Waves
from .selection import InstanceSelection
from .support.rollout_arguments import (
    bake_seconds,
    different_alarms,
    failure_limit,
    first_wave,
    growth_factor,
    plain_number,
    time_text,
    wave_percentages,
)

PERCENTAGES = (1.0, 10.0, 50.0, 100.0)
BAKE_MINUTES = 5
_LARGE_FLEET = 1_000_000
"""Targets of a fleet in which no two percentages come to the same number."""


@dataclass(frozen=True)
class Rollout:
    """How targets get the profile: all at once, or in waves. Use one of the factories.

    In waves, a deployment begins with a canary of ``first`` targets. Each wave is spread over the Availability Zones.
    A wave is done when EC2 has confirmed all its targets (``associated``). Then it *bakes*: nothing is changed, and the
    alarms are watched. Every wave bakes, also the last one.

    - An alarm that goes to ``ALARM``, or more failed targets than allowed, ends the rollout. All that it has done so
      far is undone as after any failure: a failed create restores all previous profiles, and CloudFormation rolls a
      failed update back, at once and not in waves.
    - An alarm that is in ``ALARM`` already, or that does not exist, refuses the deployment before anything is changed,
      if there is anything to be changed. ``INSUFFICIENT_DATA`` counts as OK: the targets may be where the data come
      from.
    - A failed target that is tolerated keeps what it has, and is tried again by the next update of the association,
      where it does not count a second time. Three failures are never tolerated: that all targets have failed so far, as
      with a canary of one, because the others would fail alike; a target that would keep a former profile of this or
      another association, because that may be deleted next; and a target that EC2 does not confirm, because it has lost
      what it had.
    - If half of a wave or more is terminated while it bakes, the instances that replace them bake as well. Instances
      that get the tags later are in the last wave.
    - Targets that are right already are in no wave. An instance that leaves the selection gets its previous profile
      back after the last wave. Deletes and rollbacks ignore waves.

    Limits: all waves have to be over within the association's ``timeout``, an hour at most; and at most 100 alarms, of
    which about 75 fit into the handler's IAM policies where all are metric alarms of the app.

    Example:
        ::

            web.associate_with(
                "Fleet",
                InstanceSelection.by_tags({"app": ["web"]}),
                rollout=Rollout.in_waves(bake=Duration.minutes(5), alarms=[errors], max_failures="2%"),
            )
    """

    waves: Waves = field(default_factory=Waves)
    """The sizes of the waves, and how long each bakes; `all_at_once` has none."""
    alarms: tuple[cloudwatch.IAlarm, ...] = ()
    """The alarms that end it."""
    max_failures: str = "0"
    """How many targets may fail: a number or a percentage of them, or a token."""

    @classmethod
    def all_at_once(cls) -> "Rollout":
        """All targets as fast as EC2 allows (the default)."""
        return cls()

    @classmethod
    def in_waves(
        cls,
        *,
        first: int = 1,
        growth: float | None = None,
        percentages: Sequence[float] | None = None,
        bake: Duration | None = None,
        alarms: Sequence[cloudwatch.IAlarm] = (),
        max_failures: int | str = 0,
    ) -> "Rollout":
        """Wave by wave, as long as no alarm and no failure ends it.

        The association adds up how long the waves take and refuses what can't fit. Sizes and times therefore have to be
        known at synthesis: they can't be tokens.

        Args:
            first: number of targets in the first wave, the canary. Default: 1.
            growth: how many times as large as the one before each further wave is, rounded up; with ``growth=2``
                waves of 1, 2, 4, 8 and so on. Default: waves by ``percentages``.
            percentages: cumulative share, in percent, of the targets to change at the end of each further wave,
                rounded up, rising to 100. A wave that would bring nothing new is left out. Default: 1, 10, 50
                and 100, unless there is a ``growth``.
            bake: how long each wave is watched after all its targets are confirmed. Make it longer than the period
                of the alarms times their evaluation periods: before that, they can't see what a wave has done.
                Default: 5 minutes.
            alarms: metric or composite alarms, at most 100, in the account and Region of the association, owned or
                imported. If all are metric alarms of the app, the handler may look at these only; about 75 fit into its
                IAM policies. Otherwise it may look at every alarm, because CloudWatch shows composite alarms only to
                callers that may see all, and an imported one may be composite:
                https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
                Default: none.
            max_failures: how many targets may fail without ending the rollout: a whole number of them, or a
                percentage of those that have to be changed, like ``"2%"``, rounded down; but never all so far.
                Default: 0.

        Raises:
            ValueError: growth and percentages are both given, one of the arguments is out of range or a token, or
                something in ``alarms`` is no alarm or has a name that none can have.
        """
        if growth is not None and percentages is not None:
            raise ValueError(
                "growth and percentages are both given: "
                "leave one of them out, because each says how large the further waves are"
            )
        if growth is None and percentages is None:
            percentages = PERCENTAGES
        waves = Waves(
            first=first_wave(first),
            growth=None if growth is None else growth_factor(growth),
            percentages=() if percentages is None else wave_percentages(percentages),
            bake=BAKE_MINUTES * 60 if bake is None else bake_seconds(bake),
        )
        return cls(waves=waves, alarms=different_alarms(alarms), max_failures=failure_limit(max_failures))

    @property
    def is_in_waves(self) -> bool:
        """Whether the targets get the profile wave by wave."""
        return self.waves.first > 0

    def render(self) -> dict[str, Any]:
        """The property of the custom resource that says the same; none for `all_at_once`."""
        if not self.is_in_waves:
            return {}
        return {
            Property.ROLLOUT.value: {
                RolloutProperty.FIRST.value: self.waves.first,
                **self._render_sizes(),
                RolloutProperty.BAKE_SECONDS.value: plain_number(self.waves.bake),
                RolloutProperty.ALARMS.value: [alarm.alarm_name for alarm in self.alarms],
                RolloutProperty.MAX_FAILURES.value: self.max_failures,
            }
        }

    def time_problem(self, instances: InstanceSelection, timeout: float) -> str:
        """Why there is no time for all waves; empty if there is, as far as that can be known at synth.

        What counts is what the handler counts: for each wave, how long EC2 may take to confirm its targets, and the
        bake. Ids are counted as if all of them had to be changed. By tags, the waves of percentages are counted as in a
        large fleet, and of those that grow only the first one is certain. The deployment counts again what it has to
        change, and refuses what does not fit before it changes anything. The one that creates the association has 200
        seconds less than others, in which it can restore its instances.

        Args:
            instances: the targets.
            timeout: how long an operation of the association may take, in seconds.
        """
        targets = self._most_targets(instances)
        seconds = self.waves.bake_seconds(targets) + self.waves.confirmation_seconds(targets)
        if seconds < min(timeout, MAX_UPDATE_SECONDS):
            return ""
        ways = ["bake for a shorter time", "make fewer waves"] if self.waves.bake else ["make fewer waves"]
        if seconds < MAX_UPDATE_SECONDS:
            limit, ways = f"the timeout is {time_text(timeout)}", ["raise `timeout`", *ways]
        else:
            used = time_text(MAX_UPDATE_SECONDS)
            limit = f"CloudFormation waits for {time_text(MAX_TIMEOUT_SECONDS)}, of which the handler may use {used}"
        waves = self._describe(len(self.waves.cumulative_targets(targets)))
        return f"takes {waves}, {time_text(seconds)} in all, and {limit}: {', or '.join(ways)}"

    def _describe(self, count: int) -> str:
        waves = "1 wave" if count == 1 else f"{count} waves"
        bake = f" and {time_text(self.waves.bake)} to bake" if self.waves.bake else ""
        return f"{waves} of up to {WAVE_SECONDS:.0f} seconds until EC2 has confirmed the targets{bake}"

    def _render_sizes(self) -> dict[str, Any]:
        if self.waves.growth is None:
            return {RolloutProperty.PERCENTAGES.value: [plain_number(one) for one in self.waves.percentages]}
        return {RolloutProperty.GROWTH.value: plain_number(self.waves.growth)}

    def _most_targets(self, instances: InstanceSelection) -> int:
        if instances.instance_ids:
            return len(instances.instance_ids)
        return self.waves.first if self.waves.growth else _LARGE_FLEET
