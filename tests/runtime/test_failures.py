"""Operations that can't succeed: what is reported, and what remains."""

import pytest
from botocore.exceptions import ReadTimeoutError

from cdk_instance_role.runtime.association.report.messages import MESSAGE_BYTES
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TRANSACT
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DISASSOCIATE, MUTATING, REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.fleet import TRUST_LAMBDA


def test_names_every_conflict_at_once_and_changes_nothing(world: World, resource: Resource) -> None:
    good, first, second, gone = (
        world.instance(),
        world.instance(world.foreign),
        world.instance(world.old, state="stopped"),
        world.instance(state="terminated"),
    )
    result = resource.create(world.properties([good, first, second, gone]))
    assert not result.ok
    assert (
        f"instance {first} (running) carries instance profile Foreign, which `replaces` does not list" in result.reason
    )
    assert f"instance {second} (stopped) carries instance profile Old" in result.reason
    assert f"instance {gone} is terminated" in result.reason
    assert good not in result.reason
    assert "nothing has been changed in eu-west-1 (account 111122223333)" in result.reason
    assert (world.mutations, world.ledger_items) == (0, {})
    assert resource.physical_id is None


def test_counts_the_further_conflicts_in_a_message_of_bounded_length(world: World, resource: Resource) -> None:
    result = resource.create(world.properties(world.instances(300, world.foreign)))
    assert not result.ok
    assert len(result.reason.encode()) < MESSAGE_BYTES
    named = result.reason.count("instance i-")
    assert f"; and {300 - named} more, see " in result.reason
    assert named > 3


def test_bounds_the_message_when_everything_was_refused_later(world: World, resource: Resource) -> None:
    targets = world.instances(300)
    error = AwsError("UnsupportedOperation", "a long and winding reason " * 200)
    world.traffic.fail(ASSOCIATE, error, times=10_000, skip=1)
    result = resource.create(world.properties(targets))
    assert not result.ok
    assert len(result.reason.encode()) <= MESSAGE_BYTES
    assert "every instance carries again what it carried before" in result.reason


def test_bounds_the_message_when_the_rollback_fails_too(world: World, resource: Resource) -> None:
    targets = world.instances(100)
    for action in (ASSOCIATE, DISASSOCIATE):
        error = AwsError("UnsupportedOperation", f"no {action} for a long and winding reason " * 20)
        world.traffic.fail(action, error, times=10_000, skip=30 if action == ASSOCIATE else 0)
    result = resource.create(world.properties(targets))
    assert not result.ok
    assert len(result.reason.encode()) <= MESSAGE_BYTES
    assert "not every instance" in result.reason
    assert "more, see " in result.reason


def test_restores_everything_before_it_reports_a_create_that_failed_half_way(world: World, resource: Resource) -> None:
    bare, carrying, stopped, refused = (
        world.instance(),
        world.instance(world.old),
        world.instance(world.old, state="stopped"),
        world.instance(),
    )
    world.refuse(ASSOCIATE, refused)
    event = resource.event("Create", world.properties([bare, carrying, stopped, refused], replaces=[world.old]))
    result = resource.deliver(event)
    assert not result.ok
    assert refused in result.reason
    assert "not today" in result.reason
    assert world.carried(bare, carrying, stopped, refused) == [None, "Old", "Old", None]
    assert resource.records() == {}

    before = world.mutations
    resource.properties = world.properties([bare])
    assert resource.delete().ok
    assert (world.mutations, world.ledger_items) == (before, {})


def test_leaves_alone_what_someone_changed_while_a_create_failed(world: World, resource: Resource) -> None:
    taken, refused = world.instance(), world.instance()
    world.refuse(ASSOCIATE, refused)
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(taken, world.foreign), nth=2)
    result = resource.create(world.properties([taken, refused]))
    assert not result.ok
    assert world.carried(taken, refused) == ["Foreign", None]
    assert result.rollback is not None
    assert result.rollback.ok


def test_reports_what_a_failed_create_could_not_restore_and_lets_the_delete_try_again(
    world: World, resource: Resource
) -> None:
    stuck, refused = world.instance(), world.instance()
    world.refuse(ASSOCIATE, refused)
    fault = world.traffic.fail(DISASSOCIATE, AwsError("UnsupportedOperation", "nor that"), times=3)
    result = resource.create(world.properties([stuck, refused]))
    assert not result.ok
    assert "not today" in result.reason
    assert "nor that" in result.reason
    assert fault.times < 3
    assert result.rollback is not None
    fault.times = 0
    resource.properties = world.properties([stuck])
    assert resource.delete().ok
    assert world.carried(stuck, refused) == [None, None]
    assert world.ledger_items == {}


@pytest.mark.parametrize(
    "form",
    [
        ("InvalidParameterValue", "Value ({arn}) is invalid. Invalid IAM Instance Profile ARN"),
        ("InvalidParameterValue", "Value (Web) is invalid. Invalid IAM Instance Profile name"),
        ("IncorrectState", "InstanceIdentityProfileNotFound"),
    ],
)
def test_tries_a_profile_that_ec2_does_not_know_yet_on_one_instance_only(
    world: World, resource: Resource, form: tuple[str, str]
) -> None:
    targets = [*world.instances(20), *world.instances(20, world.old), *world.instances(3, world.old, state="stopped")]
    world.fleet.profiles[world.web].known_from = world.clock() + 100
    world.ec2.unknown_profile = form
    result = resource.create(world.properties(targets, replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 43
    refused = world.traffic.refused(*MUTATING)
    assert len({call.at for call in refused}) == len(refused) <= 30, "one at a time, at growing intervals"
    assert len({str(call.parameters) for call in refused}) == 1
    assert world.mutations == len(refused) + 40 + 2 * 3
    assert result.seconds < 120


def test_does_not_wait_for_ever_for_a_profile(world: World, resource: Resource) -> None:
    target = world.instance()
    world.fleet.profiles[world.web].known_from = world.clock() + 10_000
    result = resource.create(world.properties([target]))
    assert not result.ok
    assert "Invalid IAM Instance Profile ARN" in result.reason
    assert 180 <= result.seconds < 240


def test_waits_for_its_own_policy_to_come_into_force(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    error = AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    world.traffic.fail(ASSOCIATE, error, times=6)
    result = resource.create(world.properties(targets))
    assert result.ok, result.reason
    assert world.mutations == 16


def test_gives_up_after_a_lasting_denial_and_says_what_was_denied(world: World, resource: Resource) -> None:
    message = (
        "You are not authorized to perform: ec2:AssociateIamInstanceProfile. Encoded authorization failure message: xyz"
    )
    world.traffic.fail(ASSOCIATE, AwsError("UnauthorizedOperation", message, 403), times=10_000)
    result = resource.create(world.properties(world.instances(3)))
    assert not result.ok
    assert "You are not authorized to perform: ec2:AssociateIamInstanceProfile" in result.reason
    assert "xyz" not in result.reason
    assert 60 <= result.seconds < 120


def test_waits_in_the_first_phase_until_it_may_describe_associations(world: World, resource: Resource) -> None:
    error = AwsError("UnauthorizedOperation", "You are not authorized.", 403)
    world.traffic.fail(DESCRIBE_ASSOCIATIONS, error, times=5)
    result = resource.create(world.properties([world.instance()]))
    assert result.ok, result.reason


def test_names_the_trust_policy_when_an_association_is_stuck(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    world.fleet.profiles[world.web].delivers = False
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert not result.ok
    assert f"instance {target} is still associating after 180 seconds" in result.reason
    assert "EC2 can't assume role Web" in result.reason
    assert "trust policy" in result.reason
    assert world.carried(target) == ["Old"]
    assert 180 <= result.seconds < 240
    assert result.rollback is not None
    assert result.rollback.ok


def test_says_that_the_trust_policy_was_changed_during_the_operation(world: World, resource: Resource) -> None:
    target = world.instance()

    def spoil() -> None:
        world.fleet.profiles[world.web].trust = TRUST_LAMBDA

    world.traffic.meanwhile(ASSOCIATE, spoil)
    result = resource.create(world.properties([target]))
    assert not result.ok
    assert "EC2 may not assume role Web of instance profile Web" in result.reason
    assert world.carried(target) == [None]


def test_puts_the_old_profile_back_when_the_second_half_of_a_swap_is_refused(world: World, resource: Resource) -> None:
    target = world.instance(world.old, state="stopped")
    error = AwsError("UnsupportedOperation", "not this one")
    world.traffic.fail(ASSOCIATE, error, when=lambda parameters: parameters["IamInstanceProfile"]["Arn"] == world.web)
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert not result.ok
    assert "not this one" in result.reason
    assert world.carried(target) == ["Old"]
    assert world.traffic.counts[DISASSOCIATE] == 1
    assert world.traffic.counts[ASSOCIATE] == 2


def test_puts_the_old_profile_back_later_if_it_could_not_at_once(world: World, resource: Resource) -> None:
    target = world.instance(world.old, state="stopped")
    world.traffic.fail(ASSOCIATE, AwsError("UnsupportedOperation", "nothing at all"), times=2)
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert not result.ok
    assert world.carried(target) == ["Old"]
    assert resource.records() == {}


def test_fails_in_time_for_an_instance_that_never_settles(world: World, resource: Resource) -> None:
    done, target = world.instance(), world.instance(state="pending")
    result = resource.create(world.properties([done, target], timeout=120))
    assert not result.ok
    assert f"instance {target}: the instance is pending" in result.reason
    assert 120 <= result.seconds < 180
    assert world.carried(done, target) == [None, None]


def test_fails_when_someone_gives_a_target_another_profile_during_the_operation(
    world: World, resource: Resource
) -> None:
    first, taken = world.instance(), world.instance()
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(taken, world.foreign))
    result = resource.create(world.properties([first, taken]))
    assert not result.ok
    assert f"instance {taken} (running) carries instance profile Foreign" in result.reason
    assert world.carried(first, taken) == [None, "Foreign"]


def test_drops_a_target_that_is_terminated_during_the_operation(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    """Among thousands it happens within the hour that a deployment takes, and it is no reason to undo everything."""
    first, gone = world.instance(), world.instance(state="pending", later=[(20, "terminated")])
    result = resource.create(world.properties([first, gone]))
    assert result.ok, result.reason
    assert world.carried(first) == ["Web"]
    assert any(gone in record.message and "dropped" in record.message for record in caplog.records)


def test_drops_a_target_that_is_terminated_after_it_was_changed(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 20.0
    targets = world.instances(150)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.change_state(targets[0], "terminated"), nth=120)
    result = resource.finish(event)
    assert result.ok, result.reason
    assert targets[0] not in resource.records()


def test_fails_when_no_target_is_left(world: World, resource: Resource) -> None:
    gone = world.instance(state="pending", later=[(20, "terminated")])
    result = resource.create(world.properties([gone]))
    assert not result.ok
    assert "no target is left, all have been terminated meanwhile: select others" in result.reason
    assert resource.records() == {}


@pytest.mark.usefixtures("a_tenth")
def test_a_late_change_whose_answer_was_lost_has_the_full_time_to_be_confirmed(
    world: World, resource: Resource
) -> None:
    def lose_the_answer() -> None:
        world.fleet.association_seconds = 15.0
        world.traffic.fail(ASSOCIATE, ReadTimeoutError(endpoint_url="https://ec2"), after_effect=True)

    world.traffic.meanwhile(ASSOCIATE, lose_the_answer, nth=115)
    result = resource.create(world.properties(world.instances(120)))
    assert result.ok, result.reason
    assert result.seconds > 180


@pytest.mark.usefixtures("a_tenth")
def test_an_instance_launched_with_the_wanted_profile_has_the_full_time_to_be_confirmed(
    world: World, resource: Resource
) -> None:
    """It is launched with the profile in the middle of a long deployment."""
    world.instances(120, tags={"app": "web"})

    def launch() -> None:
        world.fleet.association_seconds = 20.0
        world.fleet.begin(world.instance(tags={"app": "web"}), world.web)

    world.traffic.meanwhile(ASSOCIATE, launch, nth=115)
    result = resource.create(world.properties(tags={"app": ["web"]}))
    assert result.ok, result.reason
    assert result.seconds > 180


def test_an_association_that_ec2_cannot_confirm_does_not_block_the_rollback(world: World, resource: Resource) -> None:
    targets = world.instances(3)
    assert resource.create(world.properties(targets)).ok
    new = world.own_profile("Web2")
    world.refuse(REPLACE, targets[2])
    world.fleet.profiles[world.web].delivers = False
    result = resource.update(world.properties(targets, profile=new, replaces=[world.web]))
    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(*targets) == ["Web"] * 3


def test_a_restore_after_a_timeout_is_not_ended_by_the_first_throttled_call(world: World, resource: Resource) -> None:
    targets = world.instances(5)
    world.fleet.association_seconds = 1000.0
    event = resource.begin(resource.event("Create", world.properties(targets, timeout=100)))

    def let_others_look() -> None:
        world.traffic.throttle(DESCRIBE_ASSOCIATIONS, times=3)

    world.traffic.meanwhile(DISASSOCIATE, let_others_look)
    result = resource.finish(event)
    assert "100 seconds were not enough" in result.reason
    assert result.reason.endswith("every instance carries again what it carried before")
    assert world.carried(*targets) == [None] * 5


@pytest.mark.usefixtures("a_tenth")
def test_gives_up_at_the_timeout_and_not_only_at_the_next_observation(world: World, resource: Resource) -> None:
    """CloudFormation waits no longer.

    The last running calls end after up to five seconds, and the framework polls again after five more."""
    timeout, calls_under_way, until_the_next_poll, one_look = 130, 5, 5, 5
    world.aws.buckets.share(ASSOCIATE, 0.4)
    event = resource.begin(resource.event("Create", world.properties(world.instances(70), timeout=timeout)))
    began = world.clock()
    result = resource.finish(event)
    assert not result.ok
    first = next(call for call in world.traffic.calls if call.action == DISASSOCIATE)
    assert first.at - began < timeout + calls_under_way + until_the_next_poll + one_look


@pytest.mark.usefixtures("a_tenth")
def test_what_somebody_else_changes_after_us_is_not_overwritten(world: World, resource: Resource) -> None:
    """Even during the deployment, which may take an hour."""
    targets = world.instances(100, world.old)
    first = targets[0]
    world.traffic.meanwhile(REPLACE, lambda: world.fleet.set_carried(first, world.old), nth=90)
    result = resource.create(world.properties(targets, replaces=[world.old]))
    assert not result.ok
    assert (
        f"instance {first} (running) was changed by this deployment, and then somebody has given it instance profile "
        "Old: find out who does that and why before you deploy again" in result.reason
    )
    assert world.carried(*targets) == ["Old"] * 100


@pytest.mark.usefixtures("a_tenth")
def test_a_profile_that_somebody_else_removes_after_us_is_not_associated_again(
    world: World, resource: Resource
) -> None:
    first, *others = targets = world.instances(100)
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(first, None), nth=90)
    assert resource.create(world.properties(targets, on_conflict="KEEP")).ok
    assert world.carried(first) == [None]
    assert world.carried(*others) == ["Web"] * 99


@pytest.mark.usefixtures("a_tenth")
def test_the_levels_of_the_buckets_are_kept_when_an_invocation_fails(world: World, resource: Resource) -> None:
    """Otherwise each of the next invocations would assume full buckets."""
    targets = world.instances(90)
    event = resource.begin(resource.event("Create", world.properties(targets)))
    for _ in range(3):
        world.traffic.throttle(TRANSACT, times=15, skip=5)
        assert resource.poll(event) == {"IsComplete": False}
        world.traffic.faults.clear()
        world.clock.sleep(5)
    assert resource.finish(event).ok
    assert len(world.traffic.refused(ASSOCIATE)) == 0


@pytest.mark.parametrize("action", [ASSOCIATE, REPLACE, DISASSOCIATE])
def test_tries_throttled_changes_again_and_counts_them(
    world: World, resource: Resource, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    targets = [world.instance(), world.instance(world.old), world.instance(world.old, state="stopped")]
    world.traffic.throttle(action, times=7)
    result = resource.create(world.properties(targets, replaces=[world.old]))
    assert result.ok, result.reason
    assert resource.delete().ok
    assert world.carried(*targets) == [None, "Old", "Old"]
    assert len(world.traffic.refused(action)) >= 7
    throttled = [record.__dict__["throttled"] for record in caplog.records if "throttled" in record.__dict__]
    assert sum(throttled) == 7


@pytest.mark.parametrize(
    "action", ["DescribeInstances", "DescribeIamInstanceProfileAssociations", "GetInstanceProfile"]
)
@pytest.mark.parametrize("skip", [0, 1])
def test_tries_throttled_observations_again(world: World, resource: Resource, action: str, skip: int) -> None:
    target = world.instance(world.old)
    world.traffic.throttle(action, times=5, skip=skip)
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert result.ok, result.reason
    assert resource.delete().ok
    assert world.carried(target) == ["Old"]


def test_says_in_time_that_aws_does_not_answer(world: World, resource: Resource) -> None:
    event = resource.begin(resource.event("Create", world.properties([world.instance()], timeout=300)))
    world.traffic.throttle(DESCRIBE_ASSOCIATIONS, times=100_000)
    result = resource.finish(event)

    assert not result.ok
    assert "the handler can't go on in eu-west-1 (account 111122223333): RequestLimitExceeded" in result.reason
    assert 300 <= result.seconds < 400


def test_says_what_was_not_done_in_time(world: World, resource: Resource) -> None:
    target = world.instance(state="pending")
    result = resource.create(world.properties([target], timeout=60))

    assert f"instance {target}: the instance is pending, and 60 seconds were not enough for it" in result.reason


def test_bounds_what_it_quotes_from_an_answer_of_aws(world: World, resource: Resource) -> None:
    error = AwsError("UnauthorizedOperation", "You are not authorized. " * 500, 403)
    world.traffic.fail(DESCRIBE_ASSOCIATIONS, error, times=10_000)
    result = resource.create(world.properties([world.instance()]))

    assert not result.ok
    assert len(result.reason.encode()) <= MESSAGE_BYTES


def test_shows_the_whole_arn_of_a_profile_that_differs_from_the_listed_one_in_its_path(
    world: World, resource: Resource
) -> None:
    elsewhere = world.fleet.add_profile("Legacy", path="/team/")
    listed = elsewhere.replace("/team/", "/")
    result = resource.create(world.properties([world.instance(elsewhere)], replaces=[listed]))

    assert f"carries instance profile {elsewhere}, which `replaces` does not list" in result.reason


def test_a_refused_create_writes_nothing_that_would_have_to_be_cleaned_up(world: World, resource: Resource) -> None:
    result = resource.create(world.properties([world.instance(world.foreign)]))

    assert "carries instance profile Foreign" in result.reason
    assert world.ledger_items == {}
    assert world.traffic.count(TRANSACT) == 0


def test_a_throttled_ledger_only_slows_writes_down(world: World, resource: Resource) -> None:
    reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
    throttling = AwsError("TransactionCanceledException", "Transaction cancelled", CancellationReasons=reasons)
    world.traffic.fail(TRANSACT, throttling, times=4)
    result = resource.create(world.properties(world.instances(5)))
    assert result.ok, result.reason
    assert result.polls == 1


def test_thousands_of_records_are_written_as_fast_as_dynamodb_allows(world: World, resource: Resource) -> None:
    """All targets are right already, and each of them is written down at the first look."""
    targets = world.instances(1500, world.web)
    result = resource.create(world.properties(targets))
    assert result.ok, result.reason
    assert result.polls == 1
    assert result.seconds == pytest.approx(1500 / 500, abs=0.75)
    assert not world.traffic.refused(TRANSACT)
    assert len(resource.records()) == 1500
