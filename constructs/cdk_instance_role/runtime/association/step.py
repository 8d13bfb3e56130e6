"""One step of a plan: what has to be done about one instance, and why."""

from dataclasses import dataclass
from enum import StrEnum

from .model import Claim


class Action(StrEnum):
    ASSOCIATE = "associate"
    REPLACE = "replace"
    SWAP = "swap"
    """Disassociate and associate: EC2 refuses to replace the profile of a stopped instance."""
    DISASSOCIATE = "disassociate"
    KEEP = "keep"
    WAIT = "wait"
    CONFLICT = "conflict"
    """The target carries a profile that may not be replaced."""
    REJECT = "reject"
    """The target can't be acted on at all."""
    FORGET = "forget"
    """Nothing (more) to give back: the ledger entry goes."""
    HAND_OVER = "hand over"
    """Another association keeps the profile there, and takes over what is to be given back one day."""


CHANGES = frozenset({Action.ASSOCIATE, Action.REPLACE, Action.SWAP, Action.DISASSOCIATE})
PROBLEMS = frozenset({Action.CONFLICT, Action.REJECT})


@dataclass(frozen=True, slots=True)
class Step:
    """What has to be done about one instance."""

    instance_id: str
    action: Action
    reason: str
    before: str | None = None
    """Profile that the instance carries now."""
    after: str | None = None
    """Profile that it carries once the step is done."""
    association_id: str | None = None
    """The active association that the step replaces or ends."""
    fallback: str | None = None
    """Profile to put back should the second half of a swap fail."""
    undo: bool = False
    """The step gives back what the instance had."""
    first: bool = False
    """Nothing of ours has touched the instance before: what it carries now is what it had."""
    warning: bool = False
    """People should know, although nothing stands in the way."""
    heir: Claim | None = None
    """Whom the instance is handed over to."""
    advice: str = ""
    """What to do about it, where that is not the same for every step of this kind."""
