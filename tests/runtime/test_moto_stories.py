"""The main stories once more, on moto's EC2, IAM and DynamoDB: a second opinion besides our own simulator.

Where moto behaves unlike AWS is listed in `test_moto_deviations.py`.
"""

from collections.abc import Iterator

import pytest

from tests.runtime import moto_aws
from tests.runtime.moto_stack import MotoStack
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE


@pytest.fixture
def stack() -> Iterator[MotoStack]:
    with moto_aws.account() as account:
        yield MotoStack(account)


def test_associates_with_bare_instances_and_restores_everything(stack: MotoStack) -> None:
    targets = [stack.instance(), stack.instance(stopped=True), stack.instance(stack.web)]
    assert not stack.create(stack.properties(targets))
    assert stack.carried(*targets) == ["Web", "Web", "Web"]

    assert not stack.delete()
    assert stack.carried(*targets) == [None, None, "Web"]
    assert stack.ledger_items == []


def test_replaces_a_listed_profile_and_restores_it(stack: MotoStack) -> None:
    targets = [stack.instance(stack.old), stack.instance(stack.old, stopped=True), stack.instance()]
    assert not stack.create(stack.properties(targets, replaces=[stack.old]))
    assert stack.carried(*targets) == ["Web", "Web", "Web"]

    assert not stack.delete()
    assert stack.carried(*targets) == ["Old", "Old", None]
    assert stack.ledger_items == []


def test_replaces_on_a_running_instance_in_one_call_and_restores_in_another(stack: MotoStack) -> None:
    target = stack.instance(stack.old)
    assert not stack.create(stack.properties([target], replaces=[stack.old]))
    assert not stack.delete()

    assert stack.account.changes == [REPLACE, REPLACE]


def test_never_asks_to_replace_on_a_stopped_instance(stack: MotoStack) -> None:
    """EC2 would refuse it, and moto does not."""
    target = stack.instance(stack.old, stopped=True)
    assert not stack.create(stack.properties([target], replaces=[stack.old]))
    assert not stack.update(stack.properties([target], profile=stack.web2, replaces=[stack.old]))
    assert stack.carried(target) == ["Web2"]
    assert not stack.delete()

    assert stack.carried(target) == ["Old"]
    assert stack.account.changes == [DISASSOCIATE, ASSOCIATE] * 3


def test_a_create_that_fails_restores_everything(stack: MotoStack) -> None:
    targets = [stack.instance(stack.old), stack.instance(stack.old, stopped=True), stack.instance(), stack.instance()]
    stack.account.refuse(ASSOCIATE, targets[3])
    reason = stack.create(stack.properties(targets, replaces=[stack.old]))

    assert f"instance {targets[3]}" in reason
    assert "not today" in reason
    assert stack.carried(*targets) == ["Old", "Old", None, None]
    assert stack.account.changes.count(REPLACE) == 2, "one instance was changed before, and changed back"
    assert stack.ledger_items == []


def test_a_conflict_changes_nothing(stack: MotoStack) -> None:
    targets = [stack.instance(), stack.instance(stack.foreign)]
    reason = stack.create(stack.properties(targets))

    assert "carries instance profile Foreign, which `replaces` does not list" in reason
    assert stack.carried(*targets) == [None, "Foreign"]
    assert stack.account.changes == []


def test_selects_by_tags(stack: MotoStack) -> None:
    targets = [stack.instance(app="web"), stack.instance(app="api"), stack.instance(app="db")]
    assert not stack.create(stack.properties(tags={"app": ["web", "api"]}))

    assert stack.carried(*targets) == ["Web", "Web", None]
    assert not stack.delete()
    assert stack.carried(*targets) == [None, None, None]
    assert stack.ledger_items == []


def test_adds_and_removes_targets(stack: MotoStack) -> None:
    staying, leaving, coming = stack.instance(), stack.instance(stack.old), stack.instance()
    assert not stack.create(stack.properties([staying, leaving], replaces=[stack.old]))
    assert not stack.update(stack.properties([staying, coming], replaces=[stack.old]))

    assert stack.carried(staying, leaving, coming) == ["Web", "Old", "Web"]


def test_moves_to_another_profile_of_the_same_role(stack: MotoStack) -> None:
    targets = [stack.instance(), stack.instance(stack.old)]
    assert not stack.create(stack.properties(targets, replaces=[stack.old]))
    assert not stack.update(stack.properties(targets, profile=stack.web2, replaces=[stack.old]))
    assert stack.carried(*targets) == ["Web2", "Web2"]

    assert not stack.delete()
    assert stack.carried(*targets) == [None, "Old"]


def test_a_move_that_fails_half_way_is_rolled_back(stack: MotoStack) -> None:
    targets = [stack.instance(), stack.instance(stack.old), stack.instance()]
    assert not stack.create(stack.properties(targets, replaces=[stack.old]))
    stack.account.changes.clear()
    stack.account.refuse(REPLACE, stack.association(targets[2]))
    reason = stack.update(stack.properties(targets, profile=stack.web2, replaces=[stack.old]))

    assert f"instance {targets[2]}" in reason
    assert "not today" in reason
    assert stack.carried(*targets) == ["Web", "Web", "Web"]
    assert stack.account.changes == [REPLACE] * 5, "two there, one refused, two back"
    assert not stack.delete()
    assert stack.carried(*targets) == [None, "Old", None]
    assert stack.ledger_items == []


def test_an_update_that_fails_half_way_restores_its_new_targets_and_associates_its_former_ones_again(
    stack: MotoStack,
) -> None:
    staying, leaving = stack.instance(), stack.instance(stack.old)
    coming, stopped, refused = stack.instance(stack.old), stack.instance(stack.old, stopped=True), stack.instance()
    assert not stack.create(stack.properties([staying, leaving], replaces=[stack.old]))
    stack.account.refuse(ASSOCIATE, refused)
    reason = stack.update(stack.properties([staying, coming, stopped, refused], replaces=[stack.old]))

    assert "not today" in reason
    assert stack.carried(staying, leaving, coming, stopped, refused) == ["Web", "Web", "Old", "Old", None]
    assert not stack.delete()
    assert stack.carried(staying, leaving, coming, stopped, refused) == [None, "Old", "Old", "Old", None]
    assert stack.ledger_items == []


def test_an_update_that_is_refused_is_rolled_back(stack: MotoStack) -> None:
    target, foreign = stack.instance(), stack.instance(stack.foreign)
    assert not stack.create(stack.properties([target]))
    reason = stack.update(stack.properties([target, foreign]))

    assert "Foreign" in reason
    assert stack.carried(target, foreign) == ["Web", "Foreign"]
    assert not stack.delete()
    assert stack.carried(target, foreign) == [None, "Foreign"]
    assert stack.ledger_items == []


def test_a_previous_profile_that_was_deleted_is_not_restored(stack: MotoStack) -> None:
    target = stack.instance(stack.old)
    assert not stack.create(stack.properties([target], replaces=[stack.old]))
    stack.delete_profile(stack.old)

    assert not stack.delete()
    assert stack.carried(target) == [None]
    assert stack.ledger_items == []


def test_a_previous_profile_that_was_emptied_is_not_restored(stack: MotoStack) -> None:
    target = stack.instance(stack.old)
    assert not stack.create(stack.properties([target], replaces=[stack.old]))
    stack.account.iam.remove_role_from_instance_profile(InstanceProfileName="Old", RoleName="Old")

    assert not stack.delete()
    assert stack.carried(target) == [None]


def test_what_somebody_else_has_changed_is_left_alone(stack: MotoStack) -> None:
    target = stack.instance()
    assert not stack.create(stack.properties([target]))
    stack.replace(target, stack.foreign)

    assert not stack.delete()
    assert stack.carried(target) == ["Foreign"]
    assert stack.ledger_items == []


def test_a_profile_that_was_created_again_is_associated_anew(stack: MotoStack) -> None:
    """An association names a profile also by its id, and keeps that of the deleted one."""
    targets = [stack.instance(), stack.instance(stopped=True)]
    assert not stack.create(stack.properties(targets))
    stack.clock.sleep(60)
    stack.recreate_profile(stack.web)
    now = stack.account.iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]["InstanceProfileId"]
    assert now not in [stack.associations()[target]["IamInstanceProfile"]["Id"] for target in targets]
    assert not stack.update(stack.properties(targets, timeout=900))

    assert [stack.associations()[target]["IamInstanceProfile"]["Id"] for target in targets] == [now, now]


def test_the_record_of_a_terminated_target_is_dropped(stack: MotoStack) -> None:
    kept, gone = stack.instance(), stack.instance()
    assert not stack.create(stack.properties([kept, gone]))
    stack.account.ec2.terminate_instances(InstanceIds=[gone])

    assert not stack.delete()
    assert stack.carried(kept) == [None]
    assert stack.ledger_items == []


def test_a_profile_without_a_role_is_refused(stack: MotoStack) -> None:
    target = stack.instance()
    stack.account.iam.remove_role_from_instance_profile(InstanceProfileName="Web", RoleName="Web")
    reason = stack.create(stack.properties([target]))

    assert "instance profile Web holds no role" in reason
    assert stack.carried(target) == [None]
