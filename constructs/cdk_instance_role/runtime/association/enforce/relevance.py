"""What a message has to do with an association. Pure."""

from collections.abc import Mapping

from ..decide.model import Instance
from .look import Enforced
from .queue_messages import Hint


def is_about(
    association: Enforced,
    hint: Hint,
    seen: Mapping[str, Instance | None],
    holders: Mapping[str, frozenset[str]],
) -> bool:
    """Whether an event may concern an association: it holds the instance, or selects it, and not both with the profile
    on it. Most events are of instances that are stopped and started, and change nothing."""
    id_, selection = hint.instance_id or "", association.desired.selection
    found = seen.get(id_)
    is_held = association.state.association in holders.get(id_, ())
    is_selected = id_ in selection.ids or (found is not None and selection.matches(found.tags))
    is_right = found is not None and found.shows == association.desired.profile.arn
    if is_held and is_selected and is_right and hint.receives == 1:
        return False
    return is_held or is_selected or selection.matches(hint.tags or {})


def disagree(association: Enforced, hint: Hint, found: Instance) -> bool:
    """Whether an event and EC2's answer say different things of whether an instance is selected."""
    selection = association.desired.selection
    return hint.tags is not None and selection.matches(hint.tags) != selection.matches(found.tags)
