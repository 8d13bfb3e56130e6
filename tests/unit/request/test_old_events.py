"""Events of every release up to this one are accepted, and keep their meaning."""

import hashlib
import json
from typing import Any

import pytest

from cdk_instance_role.runtime.association.request.desired import Desired, ProfileRef
from cdk_instance_role.runtime.association.request.enforcement import EnforcementSettings
from cdk_instance_role.runtime.association.request.event import Request, RequestType
from cdk_instance_role.runtime.association.request.rollout import Rollout
from tests.unit.frozen_events import FrozenEvent, frozen_events, versions

DIGESTS = {
    "0.1.0": "efc8c27ac7242b6f792759859262478de6e1e65f4b90ccb4ab643f1ed4d89119",
}
"""Of the frozen events of each release. Once it is out, its digest never changes: stacks send these events."""

every_event = pytest.mark.parametrize("frozen", frozen_events(), ids=str)


def meaning_of(request: Request) -> dict[str, Any]:
    """What a request means, in the words of the frozen files."""
    return {
        "type": request.type,
        "association": request.association,
        "physical_id": request.physical_id,
        "known_ids": sorted(request.known_ids),
        "timeout": request.timeout,
        "desired": _desired(request.desired) if request.desired else None,
        **({"rollout": _waves(request.rollout)} if request.rollout.first else {}),
        **({"enforcement": _enforced(request.enforcement)} if request.enforcement else {}),
    }


def _desired(desired: Desired) -> dict[str, Any]:
    selection, replaceable = desired.selection, desired.replaceable
    tags = {key: sorted(values) for key, values in selection.tags}
    return {
        "profile": _profile(desired.profile),
        **({"ids": list(selection.ids)} if selection.ids else {"tags": tags}),
        "replaces": "any" if replaceable.any else [_profile(profile) for profile in replaceable.profiles],
        "on_conflict": desired.on_conflict,
    }


def _waves(rollout: Rollout) -> dict[str, Any]:
    return {
        "of_1000": list(rollout.cumulative_targets(1000)),
        "bake": rollout.bake,
        "alarms": list(rollout.alarms),
        "may_fail_of_1000": rollout.tolerance.of(1000),
    }


def _enforced(enforcement: EnforcementSettings) -> dict[str, Any]:
    return {
        "mode": enforcement.mode,
        "every": enforcement.every,
        "may_change_of_1000": enforcement.limit(1000),
    }


def _profile(profile: ProfileRef) -> list[str]:
    return [profile.arn, profile.role_arn]


def digest(version: str) -> str:
    """Of all events of a release, however the files are formatted."""
    content = [(frozen.name, frozen.event, frozen.means) for frozen in frozen_events(version)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@every_event
def test_an_old_event_means_what_it_meant(frozen: FrozenEvent) -> None:
    assert meaning_of(Request.from_event(frozen.event)) == frozen.means


@pytest.mark.parametrize(
    "frozen", [frozen for frozen in frozen_events() if frozen.event["RequestType"] == "Update"], ids=str
)
def test_an_old_update_can_be_rolled_back(frozen: FrozenEvent) -> None:
    old, new = frozen.event["OldResourceProperties"], frozen.event["ResourceProperties"]
    back = Request.from_event({**frozen.event, "ResourceProperties": old, "OldResourceProperties": new})

    before, after = Request.from_event(frozen.event).digests
    assert before != after
    assert back.digests == (after, before)


@every_event
def test_the_association_of_an_old_stack_can_be_deleted(frozen: FrozenEvent) -> None:
    request = Request.from_event({**frozen.event, "RequestType": "Delete"})

    assert (request.type, request.association) == (RequestType.DELETE, frozen.means["association"])


def test_an_invented_physical_id_leads_to_the_same_association() -> None:
    for version in versions():
        events = {frozen.name: frozen.means for frozen in frozen_events(version)}
        assert events["delete-invented-id"]["association"] == events["delete"]["association"]
        assert events["delete-invented-id"]["physical_id"] != events["delete"]["physical_id"]


@pytest.mark.parametrize("version", versions())
def test_frozen_events_are_not_edited(version: str) -> None:
    """A release that renders something else gets a folder of its own."""
    assert digest(version) == DIGESTS[version]


def test_no_release_is_forgotten() -> None:
    assert versions() == list(DIGESTS)


@every_event
def test_cloudformation_sends_scalars_as_strings(frozen: FrozenEvent) -> None:
    """Shows that the frozen events are like real ones."""
    assert {type(scalar) for scalar in _scalars(frozen.event)} == {str}


def _scalars(value: Any) -> list[Any]:
    match value:
        case dict():
            return [scalar for item in value.values() for scalar in _scalars(item)]
        case list():
            return [scalar for item in value for scalar in _scalars(item)]
    return [value]
