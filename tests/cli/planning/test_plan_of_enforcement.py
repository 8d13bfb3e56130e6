"""What a plan says about enforcement: late arrivals, the next sweep, and other associations of the instances."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from aws_cdk import Stack

from cdk_instance_role import Enforcement, InstanceRole, InstanceSelection, ReplaceableProfiles
from cdk_instance_role.cli.enforcement_plan import EnforcementPlan
from cdk_instance_role.cli.model import AssociationPlan, Event, Verb
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import BY_TAGS, STACK, Servers, new_app, synthesized, written
from tests.simulator.ec2 import DESCRIBE_INSTANCES
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id

REPAIRED = Servers(replaces=("Old",), enforcement=Enforcement.repair(max_changes=2))
REPORTED = Servers(replaces=("Old",), enforcement=Enforcement.report())


@pytest.fixture
def cloud() -> Cloud:
    """An account with three instances that a stack will select, which were launched long ago."""
    cloud = Cloud()
    for number in (1, 2, 3):
        cloud.instance(number)
    cloud.world.clock.sleep(7200)
    return cloud


def deployed(cloud: Cloud, servers: Servers) -> None:
    """Deploy, and let more than an hour pass."""
    cloud.deploy(synthesized(servers))
    cloud.messages.enforcement.run(4000)


def enforcement(plan: AssociationPlan) -> EnforcementPlan:
    assert not plan.unseen
    assert plan.enforcement
    return plan.enforcement


def take_off(cloud: Cloud, numbers: Sequence[int]) -> None:
    for number in numbers:
        cloud.fleet.set_carried(instance_id(number), None)
    cloud.world.clock.sleep(60)


def test_says_nothing_if_there_is_no_enforcement(cloud: Cloud) -> None:
    assert cloud.plan(synthesized()).enforcement is None


def test_says_how_a_new_association_will_be_enforced(cloud: Cloud) -> None:
    found = enforcement(cloud.plan(synthesized(REPAIRED)))

    assert (found.mode, found.every, found.max_changes) == ("repair", 900.0, "2")
    assert (found.late_arrivals, found.next_sweep, found.overlaps) == ((), None, ())


def test_says_so_if_the_deployment_creates_all_targets(cloud: Cloud) -> None:
    servers = Servers(ids=(), server=True, enforcement=Enforcement.report())

    found = enforcement(cloud.plan(synthesized(servers)))

    assert (found.mode, found.next_sweep) == ("report", None)


@pytest.mark.parametrize(
    ("servers", "noted"),
    [(REPAIRED, True), (REPORTED, False), (replace(REPAIRED, ids=(instance_id(1),)), False)],
)
def test_names_the_tags_that_give_the_role_to_an_instance(cloud: Cloud, servers: Servers, noted: bool) -> None:
    notes = enforcement(cloud.plan(synthesized(servers))).notes

    assert [note[:66] for note in notes] == [
        "anyone who may set or delete the selecting tags can give or take t"
    ] * noted


def test_the_next_sweep_has_nothing_to_do(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)

    plan = cloud.plan(synthesized(REPAIRED))
    sweep = enforcement(plan).next_sweep

    assert plan.event is Event.NONE
    assert sweep
    assert (sweep.changes, sweep.pauses, sweep.drifted) == ((), (), 0)


def test_shows_late_arrivals_and_what_the_next_sweep_does_with_them(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    bare, carrying, foreign = (cloud.instance(4), cloud.instance(5, cloud.old), cloud.instance(6, cloud.foreign))

    plan = cloud.plan(synthesized(REPAIRED))
    found = enforcement(plan)

    assert found.late_arrivals == (bare, carrying, foreign)
    assert found.next_sweep
    assert {(one.instance, one.kind, one.held_back) for one in found.next_sweep.changes} == {
        (bare, "giving", False),
        (carrying, "taking", False),
    }
    assert found.next_sweep.drifted == 3
    row = next(row for row in plan.instances if row.id == bare)
    assert row.verb is Verb.KEEP
    assert "the next sweep of enforcement decides about it" in row.warnings[0]


def test_the_deployment_changes_late_arrivals_if_it_calls_the_handler(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    late = cloud.instance(4)

    plan = cloud.plan(synthesized(replace(REPAIRED, minutes=20)))

    assert plan.event is Event.UPDATE
    assert (enforcement(plan).late_arrivals, enforcement(plan).next_sweep) == ((late,), None)


@pytest.mark.parametrize(
    ("servers", "changes"), [(REPAIRED, [(instance_id(1), "taking", False)]), (REPORTED, [])], ids=["repair", "report"]
)
def test_shows_instances_that_have_lost_the_tags(
    cloud: Cloud, servers: Servers, changes: list[tuple[str, str, bool]]
) -> None:
    deployed(cloud, servers)
    cloud.fleet.set_tags(instance_id(1), app=None)

    sweep = enforcement(cloud.plan(synthesized(servers))).next_sweep

    assert sweep
    assert [(one.instance, one.kind, one.held_back) for one in sweep.changes] == changes
    assert (sweep.pauses, sweep.drifted) == ((), 1)


def test_says_that_the_next_sweep_would_pause(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, (1, 2, 3))

    sweep = enforcement(cloud.plan(synthesized(REPAIRED))).next_sweep

    assert sweep
    assert [one.held_back for one in sweep.changes] == [False, False, True]
    (pause,) = sweep.pauses
    assert (pause.kind, pause.has_begun) == ("giving", False)
    assert "3 instances would be given the profile" in pause.reason


def test_says_that_changes_are_paused(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, (1, 2, 3))
    cloud.messages.enforcement.run(1000)

    sweep = enforcement(cloud.plan(synthesized(REPAIRED))).next_sweep

    assert sweep
    assert [(one.kind, one.has_begun) for one in sweep.pauses] == [("giving", True)]


def test_a_sweep_that_reports_changes_nothing(cloud: Cloud) -> None:
    deployed(cloud, REPORTED)
    take_off(cloud, (1, 2))

    sweep = enforcement(cloud.plan(synthesized(REPORTED))).next_sweep

    assert sweep
    assert (sweep.changes, sweep.pauses, sweep.drifted) == ((), (), 2)


def test_says_that_enforcement_is_off(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.deny(DESCRIBE_INSTANCES)
    resource = cloud.deployments[STACK]
    (association,) = resource.values()
    association.deliver(association.event("Update", association.properties, association.properties))
    cloud.traffic.faults.clear()

    found = enforcement(cloud.plan(synthesized(REPAIRED)))

    assert found.next_sweep is None
    assert found.notes[-1].startswith("enforcement is off: the latest update has failed")


# Several associations on one instance


@cache
def layered() -> StackArtifact:
    """A stack with two associations, the second of which may displace what the first has put there."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    web, admin = InstanceRole(stack, "Web"), InstanceRole(stack, "Admin")
    first = web.associate_with("Fleet", InstanceSelection.by_tags(BY_TAGS), enforcement=Enforcement.repair())
    over = ReplaceableProfiles.profiles(web.instance_profile)
    few = InstanceSelection.by_tags({"app": ["web"], "few": ["yes"]})
    admin.associate_with("Few", few, replaces=over, enforcement=Enforcement.repair()).node.add_dependency(first)
    (artifact,) = assembly.read(written(app))
    return artifact


def test_shows_instances_that_another_association_has_a_claim_on_and_the_owner() -> None:
    cloud = Cloud()
    both = cloud.instance(1, tags={"app": "web", "few": "yes"})
    cloud.instance(2)
    cloud.deploy(layered())
    late = cloud.instance(3, tags={"app": "web", "few": "yes"})

    plans = {plan.association: enforcement(plan) for plan in cloud.plans(layered())}

    (below,), (above,) = plans["Web/Fleet"].overlaps, plans["Admin/Few"].overlaps
    assert (set(below.instances), set(above.instances)) == ({both, late}, {both, late})
    assert {below.ours, above.ours} == {0, 2}
    assert above.association.startswith("WebFleet")
    assert above.association.endswith(" of stack InstanceRole-web")
