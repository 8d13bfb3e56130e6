"""Answers that are read quickly say the same as those that are read as botocore does it."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from cdk_instance_role.cli.aws.answers import OPERATIONS, read_quickly
from cdk_instance_role.cli.aws.instance_details import DescribedInstances
from cdk_instance_role.runtime.association.aws.instances import select_by_tags, with_associations
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.request.desired import Selection
from tests.simulator.driver import World
from tests.simulator.dynamodb import TABLE
from tests.synth.builders import ROOT

SELECTION = Selection(tags=(("app", frozenset({"web"})),))


class Raw:
    """A body that was read already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body


def client(world: World, service: str, *, quick: bool) -> Any:
    """A client of a world, which reads answers quickly, or as usual."""
    core = botocore.session.get_session()
    if quick:
        read_quickly(core)
    session = boto3.Session("key", "secret", region_name="eu-west-1", botocore_session=core)
    found = session.client(service)  # type: ignore[call-overload]

    def send(request: Any, **_: Any) -> AWSResponse:
        answer = world.aws.answer(service, request.body, request.headers)
        headers: Any = HTTPHeaders.from_dict({"Content-Type": answer.content_type})
        return AWSResponse(request.url, answer.status, headers, Raw(answer.body))

    found.meta.events.register("before-send", send)
    return found


@pytest.fixture
def world() -> World:
    world = World()
    for carries, name in ((world.web, "web"), (None, ""), (world.old, "<a> & \u00e9\U0001f600")):
        world.instance(carries, tags={"app": "web", "Name": name})
    return world


def seen(ec2: Any) -> Any:
    limiter = RateLimiter()
    described = DescribedInstances(ec2)
    found = with_associations(ec2, select_by_tags(described.ec2, SELECTION, limiter), limiter)
    return found, described.of(found)


def test_instances_are_the_same(world: World) -> None:
    usual = seen(client(world, "ec2", quick=False))

    assert len(usual[0]) == 3
    assert seen(client(world, "ec2", quick=True)) == usual


def test_items_of_a_ledger_are_the_same(world: World) -> None:
    table = Table(client(world, "dynamodb", quick=False), TABLE)
    values = {":a": "text", ":b": 5, ":c": None, ":d": [True, {"x": "y"}], ":e": {"k": {"n": 1}}}
    table.update("kind", "id", "SET A = :a, B = :b, C = :c, D = :d, E = :e", values)
    usual = table.get("kind", "id")

    quick = Table(client(world, "dynamodb", quick=True), TABLE)

    assert usual["D"] == [True, {"x": "y"}]
    assert quick.get("kind", "id") == usual
    assert [*quick.query("kind")] == [usual]


def test_clients_can_do_what_the_read_only_policy_allows() -> None:
    policy = json.loads((ROOT / "docs" / "read-only-policy.json").read_text())
    allowed = {
        action
        for one in policy["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }

    known = {f"{service}:{operation}" for service, operations in OPERATIONS.items() for operation in operations}

    assert {action for action in allowed if action.split(":")[0] in OPERATIONS} - known == set()


@pytest.mark.parametrize("service", OPERATIONS)
def test_clients_have_no_method_that_changes_anything(world: World, service: str) -> None:
    quick = client(world, service, quick=True)

    assert {*quick.meta.method_to_api_mapping.values()} == OPERATIONS[service]
    assert not [name for name in OPERATIONS[service] if not re.match("(BatchGet|Describe|Get|List|Query)", name)]


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "associations": lambda ec2: ec2.describe_iam_instance_profile_associations(),
    "page": lambda ec2: ec2.describe_iam_instance_profile_associations(MaxResults=5),
    "none": lambda ec2: ec2.describe_instances(Filters=[{"Name": "tag:app", "Values": ["db"]}]),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_whole_answer_of_ec2_is_the_same(world: World, question: str) -> None:
    for _ in range(6):
        world.instance(world.web)

    usual, quick = (QUESTIONS[question](client(world, "ec2", quick=quick)) for quick in (False, True))

    assert quick == usual


def test_an_error_of_ec2_is_the_same(world: World) -> None:
    errors = []
    for quick in (False, True):
        with pytest.raises(ClientError) as error:
            client(world, "ec2", quick=quick).describe_instances(InstanceIds=["i-0123456789abcdef0"])
        errors.append(error.value.response)

    assert errors[0]["Error"]["Code"] == "InvalidInstanceID.NotFound"
    assert errors[1] == errors[0]


def test_an_answer_that_is_no_xml_is_refused(world: World) -> None:
    ec2 = client(world, "ec2", quick=True)
    ec2.meta.events.register("before-parse.ec2", lambda response_dict, **_: response_dict.update(body=b"<html><br>"))

    with pytest.raises(ResponseParserError, match="invalid XML"):
        ec2.describe_instances()


@pytest.mark.parametrize("operation", sorted(OPERATIONS["ec2"]))
def test_every_shape_of_ec2_that_is_asked_for_can_be_read(world: World, operation: str) -> None:
    shape = client(world, "ec2", quick=True).meta.service_model.operation_model(operation).output_shape

    kinds = {one.type_name for one in shapes_in(shape)}

    assert kinds <= {"structure", "list", "string", "integer", "boolean", "timestamp"}


def shapes_in(shape: Any, above: tuple[str, ...] = ()) -> Iterator[Any]:
    """A shape and all shapes in it. EC2 has lists without an element of their own and recursive shapes elsewhere."""
    assert shape.name not in above
    assert "flattened" not in shape.serialization
    yield shape
    inside = (
        shape.members.values()
        if shape.type_name == "structure"
        else [shape.member]
        if shape.type_name == "list"
        else []
    )
    for one in inside:
        yield from shapes_in(one, (*above, shape.name))


@pytest.mark.parametrize(
    "text",
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05+00:00", "Fri, 02 Jan 2026 03:04:05 GMT"],
)
def test_moments_are_read_in_every_form(text: str) -> None:
    core = botocore.session.get_session()
    read_quickly(core)
    parser = core.get_component("response_parser_factory").create_parser("query")

    assert parser._timestamp_parser(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
