"""What the command line has to say, as plain values: every format shows the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from .enforcement_plan import EnforcementPlan

SCHEMA_VERSION = 1
"""Of the JSON format. It changes when a key goes or gets another meaning, not when one is added."""


class Exit(IntEnum):
    """Exit statuses."""

    NOTHING = 0
    """Nothing to do, or everything in order."""
    ERROR = 1
    """The command could not do its job, or could not see everything that it had to."""
    CHANGES = 2
    """The deployment would change instances; for ``status``: something is not in order."""
    CONFLICTS = 3
    """The deployment would be refused."""


class Event(StrEnum):
    """What CloudFormation will ask the handler for."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NONE = "none"
    """Nothing about the association changes, so the handler is not called."""


class Verb(StrEnum):
    """What happens to an instance."""

    ASSOCIATE = "associate"
    REPLACE = "replace"
    KEEP = "keep"
    WAIT = "wait"
    CONFLICT = "conflict"
    UNDO = "undo"
    """It is no longer a target, and gets its previous profile back."""
    DROP = "drop"
    """It is no longer a target, and there is nothing to restore."""


@dataclass(frozen=True, slots=True)
class ProfileView:
    """An instance profile, for people."""

    name: str
    """Its name, or what the deployment will make of it: the construct's path."""
    role: str | None = None
    """Name of the role in it; None if it is not known."""
    arn: str | None = None
    """None if the deployment creates it and CloudFormation invents its name."""

    @property
    def is_new(self) -> bool:
        """Whether the deployment creates it."""
        return self.arn is None


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One instance, and what happens to it."""

    id: str
    name: str
    """Its tag ``Name``; empty if it has none."""
    state: str
    """EC2's word for it; empty if EC2 does not know the instance."""
    verb: Verb
    reason: str
    current: ProfileView | None = None
    """What it carries now."""
    planned: ProfileView | None = None
    """What it carries afterwards; the same as `current` if it stays as it is. Where another association of the
    deployment changes it, this is what that one gives it."""
    warnings: tuple[str, ...] = ()
    """What people should know about this very instance."""
    tags: tuple[tuple[str, str], ...] = ()
    """Keys and values."""
    renews: bool = False
    """It carries a deleted profile, which was created again under its name, and gets the new one."""

    @property
    def changes(self) -> bool:
        """Whether the association lets it carry something else, at once or as soon as it can be changed."""
        return self.verb not in (Verb.KEEP, Verb.DROP) and (self.renews or self.current != self.planned)


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """What an application loses and gains when one role takes another's place on instances."""

    before: str
    """Name of the role that goes."""
    after: str
    """Name of the role that comes."""
    instances: tuple[str, ...]
    """Ids of the instances that it is about."""
    policies_lost: tuple[str, ...] = ()
    """Names of managed policies, and of inline policies with ``(inline)`` behind."""
    policies_gained: tuple[str, ...] = ()
    actions_lost: tuple[str, ...] = ()
    """Patterns as the policies have them, such as ``s3:* on *, except s3:Get*``: what follows ``except`` stays."""
    actions_gained: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What weighs heavily, such as that the instances drop out of Systems Manager, or what could not be compared."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much there is to do."""

    calls: int = 0
    """Calls of EC2 that change something."""
    seconds: float = 0.0
    """The least time that EC2's documented throttling allows for them."""
    baking: float = 0.0
    """Seconds that it takes longer because waves bake."""

    @property
    def whole(self) -> float:
        """Seconds that all of it takes at least."""
        return self.seconds + self.baking


@dataclass(frozen=True, slots=True)
class RolloutView:
    """How an association brings its targets over wave by wave."""

    waves: tuple[int, ...]
    """How many targets each wave has (not cumulative)."""
    bake: float
    """Seconds that each wave is watched for once all its targets are confirmed; 0 if none is."""
    alarms: tuple[str, ...] = ()
    """Names of the alarms that end it; ``(new)`` and the construct's path of one that the deployment creates."""
    max_failures: int = 0
    """How many targets may fail without ending it. That all targets so far have failed is never tolerated."""


@dataclass(frozen=True, slots=True)
class AssociationPlan:
    """What a deployment will do about one association."""

    stack: str
    """Name of the stack; that of the stack at the top if the association is in a nested one."""
    association: str
    """Path of the construct in the stack, or the logical id if it has none."""
    account: str
    region: str
    event: Event
    profile: ProfileView | None
    """What the targets shall carry; None if the association goes."""
    instances: tuple[InstanceView, ...] = ()
    permissions: tuple[PermissionChange, ...] = ()
    problems: tuple[str, ...] = ()
    """Why the deployment would be refused, besides the conflicts of single instances."""
    warnings: tuple[str, ...] = ()
    """What people should know, besides the warnings of single instances."""
    unseen: tuple[str, ...] = ()
    """What could not be looked at, and why."""
    estimate: Estimate = Estimate()
    rollout: RolloutView | None = None
    """The waves; None if all targets are changed at once, or there is nothing to change."""
    enforcement: EnforcementPlan | None = None
    """None if only deployments act."""


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An account and Region that a command was about."""

    account: str
    region: str
    unseen: tuple[str, ...] = ()
    """What could not be looked at there besides its associations, and why."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Everything that ``instance-role plan`` has found."""

    associations: tuple[AssociationPlan, ...]
    unseen: tuple[str, ...] = ()
    """What could not be looked at besides, and why: no association is known to have to do with it."""
    environments: tuple[EnvironmentView, ...] = ()
    """All accounts and Regions, also those without an association."""

    @property
    def exit(self) -> Exit:
        """The exit status. What could not be seen weighs more than what was."""
        instances = [one for plan in self.associations for one in plan.instances]
        if self.unseen or any(plan.unseen for plan in self.associations):
            return Exit.ERROR
        if any(plan.problems for plan in self.associations) or any(one.verb is Verb.CONFLICT for one in instances):
            return Exit.CONFLICTS
        return Exit.CHANGES if any(one.changes for one in instances) else Exit.NOTHING


class CliError(Exception):
    """What ends the command: one clear line."""

    def __init__(self, sentence: str, output: Sequence[str] = ()) -> None:
        """
        Args:
            sentence: the line.
            output: lines of a command that has failed, to be shown above it.
        """
        super().__init__(sentence)
        self.output = tuple(output)


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things, in words.

    >>> counted(1, "change"), counted(2, "change")
    ('1 change', '2 changes')
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def unique(items: Sequence[str]) -> tuple[str, ...]:
    """The items, each once, in their order."""
    return tuple(dict.fromkeys(items))
