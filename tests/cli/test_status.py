"""The state of deployed associations: what the real handler has left in the ledger, and what has changed since."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from aws_cdk import Stack

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles
from cdk_instance_role.cli.model import Exit, ProfileView
from cdk_instance_role.cli.status_model import AssociationStatus, HeldView, StatusReport
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.runtime.association.decide.step import Action, Step
from cdk_instance_role.runtime.association.request.event import Request, RequestType
from tests.cli.cloud import Cloud, only_association
from tests.cli.servers import BY_TAGS, STACK, Servers, new_app, synthesized, written
from tests.simulator.driver import STACK_ID
from tests.simulator.fleet import TRUST_LAMBDA
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id

FLEET = Servers(replaces=("Old",))
FIRST = instance_id(1)


@pytest.fixture
def cloud() -> Cloud:
    """An account with a deployed association of three instances, of which the second has carried Old and runs, and the
    third has carried it and is stopped."""
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2, cloud.old)
    cloud.instance(3, cloud.old, "stopped")
    cloud.deploy(synthesized(FLEET))
    cloud.world.clock.sleep(60)
    return cloud


def exit_status(*statuses: AssociationStatus) -> Exit:
    return StatusReport(statuses).exit


def held(cloud: Cloud, number: int = 1) -> HeldView:
    (one,) = (one for one in cloud.status(synthesized(FLEET)).instances if one.id == instance_id(number))
    return one


def test_shows_what_an_association_holds(cloud: Cloud) -> None:
    status = cloud.status(synthesized(FLEET))
    ours = ProfileView("Web/InstanceProfile", "Web/Role", cloud.profile_of(synthesized(FLEET)))
    old = ProfileView("Old", "Old", cloud.old)

    assert (status.stack, status.association, status.unseen) == (STACK, "Web/Fleet", ())
    assert [(one.name, one.state, one.carries, one.wanted, one.previous, one.outcome) for one in status.instances] == [
        ("web-1", "running", ours, ours, None, "associate"),
        ("web-2", "running", ours, ours, old, "replace"),
        ("web-3", "stopped", ours, ours, old, "swap"),
    ]
    assert not any(one.drift for one in status.instances)
    assert all(cloud.world.clock() - one.since < 120 for one in status.instances)
    assert exit_status(status) is Exit.NOTHING


def test_changes_nothing(cloud: Cloud) -> None:
    before = cloud.world.mutations

    cloud.status(synthesized(FLEET))

    assert cloud.world.mutations == before


def replaced(cloud: Cloud) -> None:
    cloud.fleet.set_carried(FIRST, cloud.foreign)


def taken_off(cloud: Cloud) -> None:
    cloud.fleet.set_carried(FIRST, None)


def terminated(cloud: Cloud) -> None:
    cloud.fleet.change_state(FIRST, "terminated")


def shutting_down(cloud: Cloud) -> None:
    cloud.fleet.change_state(FIRST, "shutting-down")


def forgotten(cloud: Cloud) -> None:
    del cloud.fleet.instances[FIRST]


def unconfirmed(cloud: Cloud) -> None:
    row = cloud.fleet.active(FIRST)
    assert row
    row.confirmed, row.since, row.takes = False, cloud.world.clock(), 60


@pytest.mark.parametrize(
    ("happens", "drift"),
    [
        (replaced, "someone has given it another profile"),
        (taken_off, "someone has disassociated the profile"),
        (terminated, "the instance is terminated"),
        (shutting_down, "the instance is shutting-down"),
        (forgotten, "the instance does not exist any more"),
        (unconfirmed, "EC2 has not confirmed the association yet"),
    ],
)
def test_reports_drift(cloud: Cloud, happens: Callable[[Cloud], None], drift: str) -> None:
    happens(cloud)

    status = cloud.status(synthesized(FLEET))

    assert {one.id: one.drift for one in status.instances if one.drift} == {FIRST: drift}
    assert exit_status(status) is Exit.CHANGES


def emptied(cloud: Cloud, profile: str) -> None:
    cloud.fleet.change_role(profile, None)


def given_another_role(cloud: Cloud, profile: str) -> None:
    cloud.fleet.change_role(profile, "Another")


def distrusted(cloud: Cloud, profile: str) -> None:
    cloud.fleet.profiles[profile].trust = TRUST_LAMBDA


def recreated(cloud: Cloud, profile: str) -> None:
    role_arn = cloud.fleet.profiles[profile].role_arn
    assert role_arn
    cloud.fleet.recreate_profile(profile, role=role_arn.rpartition("/")[2])


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (emptied, "holds no role: put role"),
        (given_another_role, "holds role Another, not"),
        (distrusted, "EC2 may not assume role"),
        (recreated, "carries a deleted instance profile"),
        (recreated, "was created again since: deploy a change of a property of the association"),
    ],
)
def test_reports_problems_inside_a_profile(cloud: Cloud, happens: Callable[[Cloud, str], None], words: str) -> None:
    """EC2 says `associated` all the time, and the instances get no credentials, or others."""
    happens(cloud, cloud.profile_of(synthesized(FLEET)))

    status = cloud.status(synthesized(FLEET))

    assert len(status.instances) == 3
    assert all(words in one.drift for one in status.instances), [one.drift for one in status.instances]
    assert exit_status(status) is Exit.CHANGES


def claim(cloud: Cloud, step: Step, logical_id: str) -> None:
    """Let an operation of an association begin and stop after its first write to the ledger."""
    world, now = cloud.world, cloud.world.clock()
    request = Request(RequestType.UPDATE, "cut off", STACK_ID, logical_id, physical_id=None, desired=None)
    world.ledger.operations.begin(request, now)
    with world.ledger.lease(request, "cut off", world.services.timing) as lease:
        world.ledger.claim(lease, world.ledger.records_of(request.association, [step.instance_id]), [step], now)


@pytest.mark.parametrize(
    ("carries", "action"),
    [(True, Action.REPLACE), (True, Action.SWAP), (False, Action.SWAP), (False, Action.ASSOCIATE)],
)
def test_distinguishes_an_open_operation_from_drift(cloud: Cloud, carries: bool, action: Action) -> None:
    wanted = cloud.profile_of(synthesized(FLEET))
    id_ = cloud.instance(4, cloud.old if carries else None)
    before = None if action is Action.ASSOCIATE else cloud.old
    claim(cloud, Step(id_, action, "", before=before, after=wanted), only_association(synthesized(FLEET)))

    assert held(cloud, 4).drift == "an operation is under way, or has ended half-way"


def test_says_that_a_profile_was_removed_that_was_carried_from_the_beginning(cloud: Cloud) -> None:
    wanted = cloud.profile_of(synthesized(FLEET))
    id_ = cloud.instance(4, wanted)
    claim(cloud, Step(id_, Action.KEEP, "", before=wanted, after=wanted), only_association(synthesized(FLEET)))
    assert held(cloud, 4).drift == ""

    cloud.fleet.set_carried(id_, None)
    cloud.world.clock.sleep(60)

    assert held(cloud, 4).drift == "someone has disassociated the profile"


def test_shows_the_error_of_ec2_for_the_latest_action(cloud: Cloud) -> None:
    id_ = cloud.instance(4)
    cloud.world.refuse("AssociateIamInstanceProfile", id_)
    resource = cloud.deployments[STACK][only_association(synthesized(FLEET))]

    result = resource.deliver(resource.event("Update", resource.properties, resource.properties))

    assert not result.ok
    assert held(cloud, 4).outcome == "associate: UnsupportedOperation: not today"


# Several associations on one instance


@cache
def layered() -> StackArtifact:
    """A stack with two associations, the second of which may displace what the first has put there."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    web, admin = InstanceRole(stack, "Web"), InstanceRole(stack, "Admin")
    web.associate_with("Fleet", InstanceSelection.by_tags(BY_TAGS))
    over = ReplaceableProfiles.profiles(web.instance_profile)
    admin.associate_with("Few", InstanceSelection.by_tags({"app": ["web"], "few": ["yes"]}), replaces=over)
    (artifact,) = assembly.read(written(app))
    return artifact


def test_shows_the_same_instance_with_each_association_that_holds_it() -> None:
    cloud = Cloud()
    cloud.instance(1, tags={"app": "web", "few": "yes"})
    cloud.instance(2)
    cloud.deploy(layered())
    cloud.world.clock.sleep(60)

    above, candidates = sorted(cloud.statuses(layered()), key=lambda status: status.association)

    assert above.association == "Admin/Few"
    assert [(one.name, one.drift) for one in above.instances] == [("web-1", "")]
    assert {one.name: one.drift for one in candidates.instances} == {
        "web-1": "another association has given it its profile",
        "web-2": "",
    }


def test_does_not_treat_an_overruled_instance_without_a_profile_as_unconfirmed() -> None:
    cloud = Cloud()
    cloud.instance(1, tags={"app": "web"})
    stack = synthesized(Servers())
    cloud.deploy(stack)
    association = f"{STACK_ID}|{only_association(stack)}"
    # Another association has displaced somebody's profile, so the claim of the first one is overruled.
    cloud.fleet.set_carried(FIRST, cloud.foreign)
    claim(cloud, Step(FIRST, Action.REPLACE, "", before=cloud.foreign, after=cloud.web), "Other")
    cloud.fleet.set_carried(FIRST, None)
    cloud.world.clock.sleep(60)

    (one,) = cloud.status(stack).instances

    assert cloud.world.ledger.records(association)[FIRST].mine
    assert one.wanted is None
    assert one.drift == "someone has disassociated the profile"


# What could not be read


@pytest.mark.parametrize(
    ("deny", "unseen", "instances"),
    [
        (lambda cloud: cloud.deny("DescribeInstances"), "the instances: not allowed (DescribeInstances)", 0),
        (lambda cloud: cloud.deny("Query", "AccessDeniedException"), "ledger Ledger: not allowed (Query)", 0),
        (
            lambda cloud: cloud.iam.refuse("GetInstanceProfile"),
            "instance profile arn:aws:iam::111122223333:instance-profile/Old: not allowed (GetInstanceProfile)",
            3,
        ),
    ],
)
def test_shows_the_rest_when_something_may_not_be_read(
    cloud: Cloud, deny: Callable[[Cloud], None], unseen: str, instances: int
) -> None:
    deny(cloud)

    status = cloud.status(synthesized(FLEET))

    assert unseen in status.unseen
    assert len(status.instances) == instances
    assert exit_status(status) is Exit.ERROR


def test_names_the_associations_of_a_stack_that_may_not_be_read(cloud: Cloud) -> None:
    cloud.cloudformation.refuse("DescribeStacks")
    stack = synthesized(FLEET)

    (status,) = cloud.statuses(stack)

    assert status.association == "Web/Fleet"
    assert status.unseen == ("whether stack Servers is deployed in eu-west-1: not allowed (DescribeStacks)",)
    assert exit_status(status) is Exit.ERROR


def test_does_not_mention_an_association_that_is_not_deployed_yet(cloud: Cloud) -> None:
    deployed = cloud.cloudformation.stacks[STACK]
    association = only_association(synthesized(FLEET))
    physical = {id_: name for id_, name in deployed.physical_ids.items() if id_ != association}
    cloud.cloudformation.stacks[STACK] = replace(deployed, physical_ids=physical)

    assert cloud.statuses(synthesized(FLEET)) == []
