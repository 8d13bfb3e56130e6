"""Clients with shortened models read the same, and can't change anything."""

import json
import re
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cdk_instance_role.cli.aws.instance_details import DETAILS, DescribedInstances
from cdk_instance_role.cli.aws.short_models import OPERATIONS, load_short_models
from cdk_instance_role.runtime.association.aws.ec2_answers import FIRST_LAUNCH, INSTANCE, read_quickly
from cdk_instance_role.runtime.association.aws.instances import select_by_tags, with_associations
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.request.desired import Selection
from tests.runtime.test_ec2_answers import PAGE, answer
from tests.runtime.test_ec2_answers import client as aws_client
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
    """A client of a world, as the command line has it, or as usual."""
    core = botocore.session.get_session()
    if quick:
        load_short_models(core)
    session = boto3.Session("key", "secret", region_name="eu-west-1", botocore_session=core)
    found = session.client(service)  # type: ignore[call-overload]

    def send(request: Any, **_: Any) -> AWSResponse:
        answer = world.aws.answer(service, request.body, request.headers)
        headers: Any = HTTPHeaders.from_dict({"Content-Type": answer.content_type})
        return AWSResponse(request.url, answer.status, headers, Raw(answer.body))

    found.meta.events.register("before-send", send)
    if quick and service == "ec2":
        read_quickly(found, (*INSTANCE, *FIRST_LAUNCH, *DETAILS))
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


def test_short_and_full_models_read_the_same_instances(world: World) -> None:
    usual = seen(client(world, "ec2", quick=False))

    assert len(usual[0]) == 3
    assert seen(client(world, "ec2", quick=True)) == usual


@pytest.mark.parametrize(("managed", "operator"), [("true", "eks.amazonaws.com"), ("false", None)])
def test_fields_of_an_instance_that_the_simulator_lacks_are_read(managed: str, operator: str | None) -> None:
    said = f"<rootDeviceType>instance-store</rootDeviceType><operator><managed>{managed}</managed>"
    page = PAGE.replace("<tagSet>", f"{said}<principal>eks.amazonaws.com</principal></operator><tagSet>")
    page = page.replace(
        "<httpTokens>",
        "<httpEndpoint>disabled</httpEndpoint><httpPutResponseHopLimit>1</httpPutResponseHopLimit><httpTokens>",
    )
    ec2 = aws_client()
    read_quickly(ec2, (*INSTANCE, *DETAILS))
    answer(ec2, page.replace("<nextToken>more</nextToken>", ""))

    found = DescribedInstances(ec2).of(["i-1"])["i-1"]

    assert (found.ebs, found.operator, found.metadata, found.hops) == (False, operator, False, 1)


def test_short_and_full_models_read_the_same_items_of_a_ledger(world: World) -> None:
    table = Table(client(world, "dynamodb", quick=False), TABLE)
    values = {":a": "text", ":b": 5, ":c": None, ":d": [True, {"x": "y"}], ":e": {"k": {"n": 1}}}
    table.update("kind", "id", "SET A = :a, B = :b, C = :c, D = :d, E = :e", values)
    usual = table.get("kind", "id")

    quick = Table(client(world, "dynamodb", quick=True), TABLE)

    assert usual["D"] == [True, {"x": "y"}]
    assert quick.get("kind", "id") == usual
    assert [*quick.query("kind")] == [usual]


def test_clients_have_all_calls_that_the_read_only_policy_allows() -> None:
    policy = json.loads((ROOT / "docs" / "read-only-policy.json").read_text())
    allowed = {
        action
        for one in policy["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }

    known = {f"{service}:{operation}" for service, operations in OPERATIONS.items() for operation in operations}

    assert {action for action in allowed if action.split(":")[0] in OPERATIONS} - known == set()


def test_clients_have_all_calls_of_the_command_line() -> None:
    """Every paginator by its name, so that none is missed that only rare stacks need."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "constructs/cdk_instance_role/cli").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'get_paginator\("(\w+)"\)', source)}
    known = {xform_name(operation) for operations in OPERATIONS.values() for operation in operations}

    assert "list_exports" in named
    assert named - known == {"get_resources", "lookup_events"}  # services with full models


@pytest.mark.parametrize("service", OPERATIONS)
def test_clients_have_no_method_that_changes_anything(world: World, service: str) -> None:
    quick = client(world, service, quick=True)

    assert {*quick.meta.method_to_api_mapping.values()} == OPERATIONS[service]
    assert not [name for name in OPERATIONS[service] if not re.match("(BatchGet|Describe|Get|List|Query)", name)]
