"""The log: one record per instance and change, fit for people and for queries, and no secrets."""

import json
import logging

import pytest

from tests.simulator.driver import RESPONSE_URL, Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_INSTANCES


def test_never_shows_the_response_url(world: World, resource: Resource, caplog: pytest.LogCaptureFixture) -> None:
    good, refused = world.instance(world.old), world.instance()
    world.traffic.throttle(DESCRIBE_INSTANCES, times=2, skip=1)
    results = [resource.create(world.properties([good], replaces=[world.old]))]
    world.refuse(ASSOCIATE, refused)
    results.append(resource.update(world.properties([good, refused], replaces=[world.old])))
    results.append(resource.update(world.properties(["web-1"])))
    results.append(resource.delete())
    assert [result.ok for result in results] == [True, False, False, True]
    texts = [json.dumps(record.__dict__, default=repr) for record in caplog.records]
    texts += [result.reason for result in results]
    texts += [result.rollback.reason for result in results if result.rollback]
    assert len(texts) > 10
    for text in texts:
        assert RESPONSE_URL not in text
        assert "Signature" not in text


def test_has_a_record_with_the_outcome_of_every_change(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    bare, carrying, refused = world.instance(), world.instance(world.old), world.instance()
    world.refuse(ASSOCIATE, refused)
    resource.create(world.properties([bare, carrying, refused], replaces=[world.old]))
    found = [
        (record.__dict__["instance"], record.__dict__["action"], record.__dict__["before"], record.__dict__["after"])
        for record in caplog.records
        if "instance" in record.__dict__
    ]
    for expected in (
        (bare, "associate", None, world.web),
        (carrying, "replace", world.old, world.web),
        (refused, "associate", None, world.web),
        (bare, "disassociate", world.web, None),
        (carrying, "replace", world.web, world.old),
    ):
        assert expected in found
    (warning,) = (record for record in caplog.records if "not today" in str(record.__dict__.get("error")))
    assert warning.levelno == logging.WARNING
    assert warning.__dict__["instance"] == refused


def test_warns_of_a_conflict_that_is_left_alone(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = world.instance(world.foreign)
    resource.create(world.properties([world.instance(), foreign], on_conflict="KEEP"))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert foreign in warnings[0]
    assert "Foreign" in warnings[0]


def test_says_why_an_observation_is_repeated(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    event = resource.begin(resource.event("Create", world.properties([world.instance()])))
    world.traffic.throttle(DESCRIBE_INSTANCES, times=100)
    assert resource.poll(event) == {"IsComplete": False}
    assert any("RequestLimitExceeded" in str(record.__dict__.get("error")) for record in caplog.records)


def test_names_the_association_in_every_record(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    resource.create(world.properties([world.instance()]))
    resource.delete()
    ours = [record for record in caplog.records if record.name.startswith("cdk_instance_role")]
    assert {record.__dict__["association"] for record in ours} == {"Association"}
