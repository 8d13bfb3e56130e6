"""What the constructs render today is the newest format that is frozen in ``tests/unit/events``.

If a test here fails, the format has changed, and deployed stacks still send the old one. Leave the frozen
events alone, teach the handler both formats, and freeze the new one in a folder named after the coming release.
"""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_instance_role import Enforcement, InstanceRole, InstanceSelection, OnConflict, ReplaceableProfiles, Rollout
from cdk_instance_role.runtime.association.contract import EnforcementProperty, Property, RolloutProperty
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    INSTANCE,
    OTHER_INSTANCE,
    REGION,
    alarm,
    as_text,
    associate_imported,
    associated,
    association_of,
    imported_profile,
    new_stack,
)
from tests.unit.frozen_events import FrozenEvent, frozen_events, versions

PHYSICAL = {
    "${InstanceProfileAssociationProviderFrameworkframeworkonEvent.Arn}": (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Stack-InstanceProfileAssociationProviderFra-pQ7rStUvWx2Y"
    ),
    "${WebInstanceProfile.Arn}": (
        f"arn:aws:iam::{ACCOUNT}:instance-profile/cdk-instance-role/Stack/29751047/"
        "Stack-WebInstanceProfile5F2B8D1C-aB3dEfGhIjK4"
    ),
    "${WebRole.Arn}": f"arn:aws:iam::{ACCOUNT}:role/Stack-WebRole4D6A0E93-Lm5nOpQrStU6",
    "${FrontInstanceProfile.Arn}": (
        f"arn:aws:iam::{ACCOUNT}:instance-profile/cdk-instance-role/Stack/a6175902/"
        "Stack-FrontInstanceProfile0C7D21B6-nO6pQrStUvW7"
    ),
    "${FrontRole.Arn}": f"arn:aws:iam::{ACCOUNT}:role/Stack-FrontRole8E1F4A52-Xy8zAbCdEfG9",
    "${Errors}": "Stack-Errors2B0E4D57-vWxYz0123456",
}
"""What CloudFormation puts in place of references."""

OURS = {key.value for key in Property}

Properties = dict[str, Any]
Make = Callable[[], Stack]


def _replacing_listed() -> Stack:
    stack = new_stack()
    old, older = (imported_profile(stack, name) for name in ("Old", "Older"))
    return associated(stack=stack, replaces=ReplaceableProfiles.profiles(old, older))


def _with_an_imported_profile() -> Stack:
    stack = new_stack()
    associate_imported(stack)
    return stack


def _moved_from_the_imported_profile() -> Stack:
    stack = new_stack()
    return associated(stack=stack, replaces=ReplaceableProfiles.profiles(imported_profile(stack, "Imported")))


def _two_ids() -> Stack:
    return associated(InstanceSelection.by_ids(INSTANCE, OTHER_INSTANCE))


def _renamed() -> Stack:
    stack = new_stack()
    InstanceRole(stack, "Front", former_ids=["Web"]).associate_with("Fleet", BY_TAGS)
    return stack


def _retained() -> Stack:
    return associated(InstanceSelection.by_ids(INSTANCE, OTHER_INSTANCE), removal_policy=RemovalPolicy.RETAIN)


def _any() -> Stack:
    return associated(replaces=ReplaceableProfiles.any())


def _keep() -> Stack:
    return associated(on_conflict=OnConflict.KEEP)


def _in_waves() -> Stack:
    stack = new_stack()
    alarms = [alarm(stack, "Errors"), cloudwatch.Alarm.from_alarm_name(stack, "Imported", "latency")]
    return associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=alarms, max_failures="2.5%"))


def _in_growing_waves() -> Stack:
    rollout = Rollout.in_waves(first=5, growth=1.5, bake=Duration.seconds(90), max_failures=2)
    return associated(BY_TAGS, rollout=rollout)


RENDERED: dict[str, tuple[Make, Make | None]] = {
    "create-by-ids": (_two_ids, None),
    "create-by-tags": (lambda: associated(BY_TAGS), None),
    "create-replaces-listed": (_replacing_listed, None),
    "create-replaces-any": (_any, None),
    "create-keeps-conflicts": (_keep, None),
    "create-renamed": (_renamed, None),
    "create-retained": (_retained, None),
    "create-in-waves": (_in_waves, None),
    "create-in-growing-waves": (_in_growing_waves, None),
    "create-reports-drift": (lambda: associated(BY_TAGS, enforcement=Enforcement.report(Duration.minutes(5))), None),
    "create-repairs": (lambda: associated(BY_TAGS, enforcement=Enforcement.repair()), None),
    "update-to-repair": (
        lambda: associated(BY_TAGS, enforcement=Enforcement.repair(Duration.hours(1), 25)),
        lambda: associated(BY_TAGS),
    ),
    "update-to-waves": (_in_waves, lambda: associated(BY_TAGS)),
    "update-ids-removed": (lambda: associated(BY_ID), _two_ids),
    "update-profile-changed": (_moved_from_the_imported_profile, _with_an_imported_profile),
    "delete": (_two_ids, None),
    "delete-invented-id": (_two_ids, None),
}
"""How the stacks of the frozen events are declared: after the event, and before it."""


def rendered(make: Make | None) -> Properties | None:
    """The properties of a stack's association as an event carries them."""
    return _as_sent(as_text(association_of(make())["Properties"])) if make else None


def _as_sent(value: Any) -> Any:
    """CloudFormation sends every scalar as a string; lists and maps keep their shape."""
    match value:
        case dict():
            return {key: _as_sent(item) for key, item in value.items()}
        case list():
            return [_as_sent(item) for item in value]
        case bool():
            return str(value).lower()
    return PHYSICAL.get(str(value), str(value))


def _shape(value: Any) -> Any:
    """Keys and types of a value, without what is said."""
    match value:
        case dict():
            return {key: _shape(item) for key, item in value.items()}
        case list():
            return [_shape(item) for item in value]
    return type(value)


def _ours(properties: Properties | None) -> Properties | None:
    """Without the two properties that are for CloudFormation, whose values are free to change."""
    return {key: properties[key] for key in sorted(OURS & properties.keys())} if properties else None


newest = pytest.mark.parametrize("frozen", frozen_events(versions()[-1]), ids=str)


@newest
def test_renders_the_keys_and_types_that_are_frozen(frozen: FrozenEvent) -> None:
    new, old = RENDERED[frozen.name]

    assert _shape(rendered(new)) == _shape(frozen.event["ResourceProperties"])
    assert _shape(rendered(old)) == _shape(frozen.event.get("OldResourceProperties"))


@newest
def test_renders_the_values_that_are_frozen(frozen: FrozenEvent) -> None:
    new, old = RENDERED[frozen.name]

    assert _ours(rendered(new)) == _ours(frozen.event["ResourceProperties"])
    assert _ours(rendered(old)) == _ours(frozen.event.get("OldResourceProperties"))


def test_every_form_of_a_property_is_frozen() -> None:
    events = frozen_events(versions()[-1])

    assert {frozen.name for frozen in events} == RENDERED.keys()
    sent = [frozen.event["ResourceProperties"] for frozen in events]
    assert {key for properties in sent for key in properties} >= OURS
    assert {key for properties in sent for key in properties.get(Property.ROLLOUT, ())} == set(RolloutProperty)
    assert {key for properties in sent for key in properties.get(Property.ENFORCEMENT, ())} == set(EnforcementProperty)
