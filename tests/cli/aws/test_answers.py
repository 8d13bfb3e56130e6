"""Answers that are read quickly say the same as those that are read as botocore does it."""

from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cdk_instance_role.cli.aws.answers import ShortModels, read_quickly
from cdk_instance_role.cli.aws.instance_details import DescribedInstances
from cdk_instance_role.runtime.association.aws.instances import select_by_tags, with_associations
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.request.desired import Selection
from tests.simulator.driver import World
from tests.simulator.dynamodb import TABLE

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
        read_quickly(core, ShortModels(include_default_search_paths=True))
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
    for carries in (world.web, None, world.old):
        world.instance(carries, tags={"app": "web", "Name": "web"})
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
    table = Table(client(world, "dynamodb", quick=True), TABLE)
    values = {":a": "text", ":b": 5, ":c": None, ":d": [True, {"x": "y"}], ":e": {"k": {"n": 1}}}
    table.update("kind", "id", "SET A = :a, B = :b, C = :c, D = :d, E = :e", values)

    usual = Table(client(world, "dynamodb", quick=False), TABLE).get("kind", "id")

    assert usual["D"] == [True, {"x": "y"}]
    assert table.get("kind", "id") == usual
    assert [*table.query("kind")] == [usual]


@pytest.mark.parametrize(
    "text",
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05+00:00", "Fri, 02 Jan 2026 03:04:05 GMT"],
)
def test_moments_are_read_in_every_form(text: str) -> None:
    core = botocore.session.get_session()
    read_quickly(core, ShortModels(include_default_search_paths=True))
    parser = core.get_component("response_parser_factory").create_parser("query")

    assert parser._timestamp_parser(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
