"""What applications lose and gain when one role takes another's place, by what the policies of both say.

Control policies of the organization and the policies of resources are the same before and after, and not looked at.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..model import PermissionChange, counted, unique
from .patterns import covers_action
from .permission_set import Grant, PermissionRegion, PermissionSet
from .role import Policy, Role
from .role_permissions import read

_REGISTRATION = "ssm:UpdateInstanceInformation"
_CHANNELS = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
_POLLING = "ec2messages:GetMessages"
_MESSAGES = (
    _POLLING,
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:SendReply",
)
_ADVICE = "attach AmazonSSMManagedInstanceCore to keep them"
_UNLESS = "unless Default Host Management Configuration is on in the account and Region"


def compare(before: Role, after: Role, instances: Sequence[str] = ()) -> PermissionChange:
    """What applications lose and gain with the second role, by what both roles allow.

    Args:
        before: the role that goes.
        after: the role that comes.
        instances: ids of the instances that it is about. Default: none in particular.
    """
    old, new = read(before), read(after)
    lost = old.allowed.without(new.allowed).normalize()
    gained = new.allowed.without(old.allowed).normalize()
    caution = ", as far as its policies could be read" if after.unknown else ""
    had, has = ({policy.key: policy for policy in role.policies} for role in (before, after))
    labels = Counter(policy.label for policy in (had | has).values())
    return PermissionChange(
        before=before.name,
        after=after.name,
        instances=tuple(instances),
        policies_lost=_labels([had[key] for key in had.keys() - has.keys()], labels),
        policies_gained=_labels([has[key] for key in has.keys() - had.keys()], labels),
        actions_lost=_texts(lost),
        actions_gained=_texts(gained),
        notes=unique(
            [
                *(f"{note}{caution}" for note in _systems_manager(old.allowed, new.allowed, lost)),
                *_boundary(before, after),
                *_conditions(_texts(lost), _texts(gained)),
                *before.unknown,
                *old.oddities,
                *after.unknown,
                *new.oddities,
                *_doubts(before, after),
            ]
        ),
    )


def _labels(policies: Iterable[Policy], labels: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(_label(one, labels) for one in policies))


def _label(policy: Policy, labels: Mapping[str, int]) -> str:
    """The policy, for people: by its ARN if several have its name."""
    return policy.arn or policy.label if labels[policy.label] > 1 else policy.label


def _systems_manager(old: PermissionSet, new: PermissionSet, lost: PermissionSet) -> Iterator[str]:
    """What becomes of the instances in Systems Manager.

    The agent registers with `_REGISTRATION` and is then spoken to over the channels. For commands, but not for
    sessions, it asks for messages instead if it is older than 3.3.40.0 or may not use the channels.
    https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
    """
    if not _grants_some(old, _REGISTRATION):
        return
    channels, messages = _gone(_CHANNELS, old, new), _gone(_MESSAGES, old, new)
    if _gone([_REGISTRATION], old, new):
        names = ", ".join([_REGISTRATION, *channels, *messages])
        yield f"the instances drop out of Systems Manager: the new role lacks {names}; {_ADVICE} ({_UNLESS})"
        return
    if channels:
        what = "Session Manager loses" if _grants_some(new, _POLLING) else "Session Manager and Run Command lose"
        yield f"{what} the instances: the new role lacks {', '.join([*channels, *messages])}; {_ADVICE}"
    elif messages:
        names = ", ".join(messages)
        yield f"Run Command loses instances with an SSM Agent before 3.3.40.0: the new role lacks {names}; {_ADVICE}"
    if _grants_some(lost, _REGISTRATION):
        yield f"the instances may drop out of Systems Manager: the new role limits {_REGISTRATION}; {_ADVICE}"


def _gone(actions: Sequence[str], old: PermissionSet, new: PermissionSet) -> list[str]:
    """Those of a service's actions that only the old role has; all of them make one item."""
    gone = [action for action in actions if _grants_some(old, action) and not _grants_some(new, action)]
    return [f"{actions[0].partition(':')[0]}:*"] if len(gone) == len(actions) > 1 else gone


def _grants_some(permissions: PermissionSet, action: str) -> bool:
    """Whether some request for the action is in these regions, whatever the resource and the conditions."""
    return any(
        all(covers_action(pattern, action) for pattern in region.grant.actions)
        and not PermissionRegion(
            Grant(frozenset({action}), region.grant.resources, region.grant.conditions), region.exclusions
        ).is_empty
        for region in permissions
    )


def _boundary(before: Role, after: Role) -> Iterator[str]:
    old, new = before.boundary, after.boundary
    if old and new and old.key == new.key:
        return
    labels = Counter(policy.label for policy in (old, new) if policy)
    if new:
        yield f"the permissions boundary {_label(new, labels)} limits the new role"
    if old:
        yield f"the permissions boundary {_label(old, labels)} of the old role is gone"


def _conditions(*changes: Sequence[str]) -> Iterator[str]:
    if any(" if " in text for texts in changes for text in texts):
        yield "conditions are compared as text: one that means the same in other words counts as another one"


def _doubts(before: Role, after: Role) -> Iterator[str]:
    """What the unread may change in the answer."""
    for role in (before, after):
        if role.unknown:
            what = f"{counted(len(role.unknown), 'thing')} about role {role.name}"
            yield f"{what} could not be read: it may have more or fewer rights than compared here"


def _texts(permissions: PermissionSet) -> tuple[str, ...]:
    return tuple(sorted({str(region) for region in permissions}))
