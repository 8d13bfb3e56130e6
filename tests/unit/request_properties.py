"""Properties of every event that reaches the handler. Tests and fuzzer check the same."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cdk_instance_role.runtime.association.contract import ANY_PROFILE
from cdk_instance_role.runtime.association.exceptions import RequestError
from cdk_instance_role.runtime.association.request.desired import Desired, ProfileRef
from cdk_instance_role.runtime.association.request.enforcement import EnforcementSettings
from cdk_instance_role.runtime.association.request.event import DEFAULT_TIMEOUT_SECONDS, Request, RequestType
from cdk_instance_role.runtime.association.request.rollout import Rollout

SIGNED_URL = "https://cloudformation-custom-resource-response.example/signed?Signature=not-for-your-eyes"
MAX_MESSAGE = 1500
"""Bytes: CloudFormation takes 4096 in all, and the provider framework adds its own."""


def check(event: Any) -> Request | None:
    """Parse an event, and check the properties of every event.

    Returns:
        The request; None if the event was refused.
    """
    if isinstance(event, dict):
        event = {**event, "ResponseURL": SIGNED_URL}
    answer = parse(event)
    assert answer == parse(event), "the same event means something else the second time"
    _check_envelope(event, answer)
    if isinstance(event, dict):
        _check_that_unknown_keys_do_not_matter(event, answer)
    if isinstance(answer, str):
        _check_refusal(answer)
        return None
    _check_request(answer, event)
    return answer


def parse(event: Any, read: Callable[[Any], Request] = Request.from_event) -> Request | str:
    """The request, or why there is none. Any other exception is a mistake, and ends the test.

    What it means is compared, and not the properties as they came, unknown ones included.
    """
    try:
        return replace(read(event), properties={})
    except RequestError as error:
        return str(error)


def _check_envelope(event: Any, answer: Request | str) -> None:
    """It is read alike whatever the properties say, and refused with the same words as the whole event."""
    envelope = parse(event, Request.envelope)
    if isinstance(envelope, str):
        assert envelope == answer
    elif isinstance(answer, Request):
        alike = replace(answer, desired=None, timeout=envelope.timeout, rollout=Rollout(), enforcement=None)
        assert envelope == alike
    else:
        assert envelope.desired is None


def _check_that_unknown_keys_do_not_matter(event: dict[str, Any], answer: Request | str) -> None:
    """A later release, or a later CloudFormation, may send more than this one knows."""
    unknown = {"OfALaterRelease": [{"Url": SIGNED_URL}]}
    assert parse(event | unknown) == answer
    if isinstance(event.get("ResourceProperties"), dict):
        more = parse(event | {"ResourceProperties": event["ResourceProperties"] | unknown})
        assert more == answer


def _check_refusal(message: str) -> None:
    """It is one clear line, small enough for CloudFormation, and contains no secret."""
    assert message.strip()
    assert message.isprintable(), message
    assert len(message.encode()) <= MAX_MESSAGE, message
    assert SIGNED_URL not in message


def _check_request(request: Request, event: Mapping[str, Any]) -> None:
    assert request.type == event["RequestType"]
    assert request.id == event["RequestId"]
    assert request.association == f"{event['StackId']}|{event['LogicalResourceId']}"
    assert request.physical_id == event.get("PhysicalResourceId")
    assert request.known_ids <= _old_ids(event.get("OldResourceProperties"))
    assert (request.desired is None) == (request.type is RequestType.DELETE)
    assert 1 <= request.timeout <= 3500
    _check_that_aws_accepts_the_text(request)
    if request.desired:
        properties = event["ResourceProperties"]
        assert request.timeout == _seconds(request.type, properties.get("TimeoutSeconds"))
        _check_desired(request.desired, properties)
        _check_rollout(request.rollout, properties.get("Rollout"))
        _check_enforcement(request.enforcement, properties.get("Enforcement"))
    if request.type is RequestType.UPDATE:
        _check_rollback(request, event)


def _old_ids(properties: Any) -> set[str]:
    ids = properties.get("InstanceIds") if isinstance(properties, dict) else None
    return {id_ for id_ in ids if isinstance(id_, str)} if isinstance(ids, list) else set()


def _seconds(type_: RequestType, stated: Any) -> float:
    longest = 3300 if type_ is RequestType.CREATE else 3500
    return DEFAULT_TIMEOUT_SECONDS if stated is None else min(float(stated), longest)


def _check_desired(desired: Desired, properties: Mapping[str, Any]) -> None:
    """It means exactly what the properties say."""
    _check_profile(desired.profile, properties)
    assert desired.on_conflict == properties.get("OnConflict", "FAIL")
    assert (properties.get("InstanceIds") is None) != (properties.get("InstanceTags") is None)
    assert bool(desired.selection.ids) != bool(desired.selection.tags)
    if desired.selection.ids:
        assert desired.selection.ids == tuple(dict.fromkeys(properties["InstanceIds"]))
        assert all(_is_instance_id(id_) for id_ in desired.selection.ids)
    else:
        assert dict(desired.selection.tags) == {
            key: frozenset(values) for key, values in properties["InstanceTags"].items()
        }
        assert all(key and values for key, values in desired.selection.tags)
    replaces = properties.get("Replaces", [])
    assert desired.replaceable.any == (replaces == ANY_PROFILE)
    if not desired.replaceable.any:
        for listed, stated in zip(desired.replaceable.profiles, replaces, strict=True):
            _check_profile(listed, stated)


def _check_rollout(rollout: Rollout, stated: Mapping[str, Any] | None) -> None:
    """In any fleet its waves rise to everyone, and without one there are none."""
    if stated is None:
        assert rollout == Rollout()
        return
    assert rollout.first == float(stated.get("First", 1)) >= 1
    assert list(rollout.alarms) == list(stated.get("Alarms", ()))
    for total in (1, 7, 100):
        assert rollout.cumulative_targets(total)[-1] == total
        assert 0 <= rollout.baking(total) == len(rollout.cumulative_targets(total)) * rollout.bake
        assert rollout.tolerance.of(total) >= 0


def _check_enforcement(enforcement: EnforcementSettings | None, stated: Mapping[str, Any] | None) -> None:
    """Some changes an hour are always allowed, and without the property nothing is enforced."""
    if enforcement is None or stated is None:
        assert (enforcement, stated) == (None, None)
        return
    assert enforcement.mode == stated["Mode"]
    assert enforcement.every == float(stated.get("EverySeconds", 900))
    assert 60 <= enforcement.every <= 86400
    assert all(enforcement.limit(held) >= 1 for held in (0, 7, 10_000))


def _check_profile(profile: ProfileRef, stated: Mapping[str, Any]) -> None:
    assert (profile.arn, profile.role_arn) == (stated["InstanceProfileArn"], stated["RoleArn"])
    assert _is_iam_arn(profile.arn, "instance-profile")
    assert _is_iam_arn(profile.role_arn, "role")


def _check_rollback(request: Request, event: Mapping[str, Any]) -> None:
    """The same event with old and new swapped has the digests swapped, should it be understood."""
    old, new = event.get("OldResourceProperties", {}), event["ResourceProperties"]
    back = parse({**event, "OldResourceProperties": new, "ResourceProperties": old})
    if isinstance(back, Request):
        assert back.digests == request.digests[::-1]


def _check_that_aws_accepts_the_text(request: Request) -> None:
    """No lone surrogate is left, which is no text for anyone but Python."""
    for text in _words(request):
        text.encode()


def _words(request: Request) -> Iterator[str]:
    yield from (request.id, request.association, request.physical_id or "", *request.rollout.alarms)
    if request.desired:
        yield from request.desired.selection.ids
        for key, values in request.desired.selection.tags:
            yield from (key, *values)


# The rules once more, independent of the parser.


def _is_instance_id(text: str) -> bool:
    return text.startswith("i-") and len(text) in (10, 19) and set(text[2:]) <= set("0123456789abcdef")


def _is_iam_arn(text: str, kind: str) -> bool:
    arn, partition, service, region, account, resource = text.split(":")
    return (
        (arn, service, region) == ("arn", "iam", "")
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and bool(partition)
        and len(account) == 12
        and account.isdigit()
        and resource.startswith(f"{kind}/")
        and 1 <= len(resource.rpartition("/")[2]) <= 128
    )
