"""What an association does between deployments: nothing, report drift, or repair it."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration

from .runtime.association.contract import (
    MAX_SWEEP_SECONDS,
    MIN_SWEEP_SECONDS,
    EnforcementMode,
    EnforcementProperty,
    Property,
)
from .support.argument_types import is_number_token, whole_seconds
from .support.arns import is_token
from .support.change_limits import change_limit
from .support.lookups import is_dummy

DEFAULT_EVERY_MINUTES = 15
DEFAULT_MAX_CHANGES = "10%"


@dataclass(frozen=True)
class Enforcement:
    """What an association does between deployments. Use one of the factories.

    A fleet changes between deployments: instances are launched and tagged, and other automation changes instance
    profiles. With enforcement the association is a controller.

    - A *sweep* observes all targets of the association, at least once in every ``every``. State changes of instances
      (``running``, ``stopped``) and, for a selection by tags, changes of its tag keys start a look at the instance
      within seconds. AWS delivers these events on a best-effort basis, so the sweep is the guarantee.
    - `report` sends an event and writes metrics when a target drifts, and changes nothing.
    - `repair` also changes instances. A target without a profile, or with one that ``replaces`` lists, gets the
      profile. An instance that no longer has the tags gets its previous profile back, after two observations at least a
      minute apart. The ledger records what every instance carried before, so that deleting the association restores
      instances that were launched later, too.
    - A target that carries any other profile is a conflict: it is reported and never changed. Under
      ``ReplaceableProfiles.any()`` so is a profile that a target was given after it had this one.
    - Nothing is enforced while a deployment goes on, or after one that failed, until one has succeeded.
    - After three repairs of one instance without a day in between, enforcement stops for that instance and reports it.
    - If the selection matches nothing, or if more than half of the instances that the association holds have lost the
      tags, changes that replace, restore or disassociate a profile pause. Instances without a profile still get it.

    **With tags, anyone who may set the selecting tags can give an instance the role without ``iam:PassRole``, and
    anyone who may delete them can take it away.** ``docs/security.md`` shows the policy that protects the tags.

    All associations of a provider share one event rule, schedule, queue and function. They are made with the first
    association that has enforcement, at most ten resources more. The instances are observed and changed with the
    permissions that the handler has anyway.

    Events: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html and
    https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-with-eventbridge.html

    Example:
        ::

            association = web.associate_with(
                "Fleet",
                InstanceSelection.by_tags({"app": ["web"]}),
                enforcement=Enforcement.repair(every=Duration.minutes(15), max_changes="10%"),
            )
            association.on_drift("Drift", target=targets.SnsTopic(topic))
    """

    mode: EnforcementMode | None = None
    """What is done about drift; None for `none`."""
    every_seconds: int = 0
    """Seconds between two sweeps; 0 for `none`."""
    max_changes: str = ""
    """How many instances may be changed in an hour: a number or a percentage; empty if none are."""

    @classmethod
    def none(cls) -> "Enforcement":
        """Only deployments act (the default)."""
        return cls()

    @classmethod
    def report(cls, every: Duration | None = None) -> "Enforcement":
        """Report drift, and change nothing.

        Args:
            every: time between two sweeps, in whole seconds, from 1 minute to 1 day. The schedule of the provider takes
                the shortest time of its associations, rounded up to minutes, and may be late by 10 % of it. Default: 15
                minutes.

        Raises:
            ValueError: ``every`` is out of range, not in whole seconds, a token, or no ``Duration``.
        """
        return cls(EnforcementMode.REPORT, _sweep_seconds(every))

    @classmethod
    def repair(cls, every: Duration | None = None, max_changes: int | str = DEFAULT_MAX_CHANGES) -> "Enforcement":
        """Report drift, and repair it.

        Args:
            every: time between two sweeps, in whole seconds, from 1 minute to 1 day. The schedule of the provider takes
                the shortest time of its associations, rounded up to minutes, and may be late by 10 % of it. Default: 15
                minutes.
            max_changes: how many instances may be changed in an hour: a whole number from 1, or a percentage of the
                targets that the ledger held at the start of the hour, above 0 and up to ``"100%"``. A percentage allows
                at least 5. It counts changes that give an instance without a profile this one, and changes that take a
                profile away (replace, restore, disassociate), each on their own. Beyond it, changes of that kind pause
                until the next deployment or ``instance-role reconcile --resume``. Instances that were first launched
                less than an hour ago get the profile without any limit. Default: ``"10%"``.

        Raises:
            ValueError: ``every`` is out of range, not in whole seconds, a token, or no ``Duration``; or ``max_changes``
                is neither a whole number from 1 nor a percentage above 0 and up to 100.
        """
        return cls(EnforcementMode.REPAIR, _sweep_seconds(every), _change_limit(max_changes))

    @property
    def is_on(self) -> bool:
        """Whether anything is done between deployments."""
        return self.mode is not None

    def render(self) -> dict[str, Any]:
        """The property of the custom resource that says the same; none for `none`."""
        if self.mode is None:
            return {}
        rendered: dict[str, Any] = {
            EnforcementProperty.MODE.value: self.mode.value,
            EnforcementProperty.EVERY_SECONDS.value: self.every_seconds,
        }
        if self.max_changes:
            rendered[EnforcementProperty.MAX_CHANGES.value] = self.max_changes
        return {Property.ENFORCEMENT.value: rendered}


def _sweep_seconds(every: Duration | None) -> int:
    if every is None:
        return DEFAULT_EVERY_MINUTES * 60
    return whole_seconds("every", every, MIN_SWEEP_SECONDS, MAX_SWEEP_SECONDS, "from 1 minute to 1 day")


def _change_limit(value: int | str) -> str:
    if is_token(value) if isinstance(value, str) else is_number_token(value):
        raise ValueError("max_changes is a token: give a number or a percentage that is known at synth")
    if isinstance(value, str) and is_dummy(value):
        return value
    try:
        return change_limit(value)
    except ValueError:
        raise ValueError(
            f"max_changes is {value!r}: give a whole number of instances from 1, or a percentage of them above 0 and "
            "up to 100, like '10%'"
        ) from None
