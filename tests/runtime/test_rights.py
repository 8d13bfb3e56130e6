"""Least privilege is real: the policies of the template are enough for every story, and none of it can be left out.

The policies are those of synthesized templates. CloudFormation attaches and detaches them around every event, and
every call of the handler is checked against those that are in force.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.runtime.stories import (
    SETTINGS,
    Scene,
    Setting,
    renews_instances_with_a_profile_that_was_created_again,
    stories_of,
)
from tests.simulator.authority import Attempt, Authority, Decision, Document, Statement
from tests.simulator.driver import STACK_ID, Resource, World
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.handler_role import Amendment
from tests.simulator.rights import OWNED_PATH, SIBLING_PATH
from tests.simulator.simulator import LOG_GROUP_ARN, TABLE_ARN

PROFILES = f"arn:aws:iam::{ACCOUNT}:instance-profile"
INSTANCES = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance"
TO_TAGGED = "ec2:AssociateIamInstanceProfile if ArnLike ec2:NewInstanceProfile, StringEquals aws:ResourceTag/group"
MOVING = "ec2:ReplaceIamInstanceProfileAssociation if ArnLike ec2:InstanceProfile, ArnLike ec2:NewInstanceProfile"
MOVING_TAGGED = f"{MOVING}, StringEquals aws:ResourceTag/group"

EVERY_STORY = [(setting, name) for setting in SETTINGS for name in stories_of(setting)]
SELECTIVE = [setting for setting in SETTINGS if setting.replaces != "any"]
LATE = ("owned, tags, profiles", "named, ids, none", "imported, ids, any")
"""Settings in which the policies come into force late: each way to select and to own is among them."""

every_story = pytest.mark.parametrize(("setting", "name"), EVERY_STORY, ids=str)
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=str)
selective = pytest.mark.parametrize("setting", SELECTIVE, ids=str)


def enforcing(amend: Amendment | None = None, *, restricted: bool = False) -> World:
    """A world in which EC2 confirms at once: rights do not depend on that time."""
    world = World(enforced=True, amend=amend, restricted=restricted)
    world.fleet.association_seconds = 0.0
    return world


@cache
def decisions_of(setting: Setting, name: str) -> list[Decision]:
    """Play a story, and return the decisions of IAM."""
    world = enforcing()
    stories_of(setting)[name](world)
    assert world.role
    return world.role.authority.decisions


@every_story
def test_the_policies_are_enough(setting: Setting, name: str) -> None:
    assert all(decision.allowed for decision in decisions_of(setting, name))


@pytest.mark.parametrize(("setting", "name"), [one for one in EVERY_STORY if str(one[0]) in LATE], ids=str)
def test_the_policies_are_enough_if_they_come_into_force_late(setting: Setting, name: str) -> None:
    world = enforcing()
    assert world.role
    world.role.policy_seconds = 20.0
    stories_of(setting)[name](world)
    assert not all(decision.allowed for decision in world.role.authority.decisions)


# Without `replaces` even the wanted profile may not be replaced by itself: it is disassociated and associated again.
@every_setting
def test_the_policies_are_enough_where_a_profile_was_created_again(setting: Setting) -> None:
    renews_instances_with_a_profile_that_was_created_again(Scene(setting, enforcing()))


@dataclass(frozen=True, slots=True)
class Part:
    """A statement of a policy, or one of several values in a list of it."""

    kind: str
    """What is in the statement: its actions, and the condition keys that they depend on."""
    place: tuple[str, ...] = ()
    """Where the list is in the statement."""
    value: str = ""

    def __str__(self) -> str:
        return f"{self.value or 'all'} of {self.kind}"

    def missing_in(self, document: Document) -> Document | None:
        """A policy without this part; None if nothing is left of the policy."""
        statements = self.left_of(document["Statement"])
        return {**document, "Statement": statements} if statements else None

    def left_of(self, statements: Iterable[Statement]) -> list[Statement]:
        """Statements without this part."""
        left = (self._left_of(one) if kind_of(one) == self.kind else one for one in statements)
        return [one for one in left if one is not None]

    def _left_of(self, statement: Statement) -> Statement | None:
        if not self.place:
            return None
        copy: Statement = deepcopy(statement)
        values = at(copy, self.place)
        if isinstance(values, list) and self.value in values:
            values.remove(self.value)
        return copy


def at(statement: Statement, place: tuple[str, ...]) -> Any:
    """What is at a place in a statement; None if there is none."""
    return reduce(lambda node, key: node.get(key, {}), place, statement) or None


def kind_of(statement: Statement) -> str:
    actions = ", ".join(_listed(statement["Action"]))
    keys = [f"{operator} {key}" for operator, those in statement.get("Condition", {}).items() for key in those]
    return f"{actions} if {', '.join(keys)}" if keys else actions


def _listed(values: Any) -> list[str]:
    return values if isinstance(values, list) else [values]


@cache
def policy_of(setting: Setting) -> list[Statement]:
    """All statements that the handler has for an association, those of its role included."""
    scene = Scene(setting, enforcing())
    scene.fleet()
    scene.resource.attach_policies(scene.properties())
    assert scene.world.role
    return [statement for _, _, statement in scene.world.role.authority.statements()]


def needed_by(part: Part, setting: Setting) -> Iterator[str]:
    """The stories in which a call would be denied without a part of the policies, the shortest first."""
    names = sorted(stories_of(setting, changing_it=False), key=lambda name: len(decisions_of(setting, name)))
    return (name for name in names if is_needed(part, decisions_of(setting, name)))


def is_needed(part: Part, decisions: list[Decision]) -> bool:
    """Whether something that was allowed would be denied without a part of the policies."""
    return any(decision.allowed and not _is_allowed_without(part, decision) for decision in decisions)


def _is_allowed_without(part: Part, decision: Decision) -> bool:
    left = part.left_of(decision.statements)
    return Authority({"Left": {"Version": "2012-10-17", "Statement": left}}).allows(decision.attempt)


def fails_without(part: Part, setting: Setting, name: str, *, restricted: bool = False) -> bool:
    world = enforcing(part.missing_in, restricted=restricted)
    world.timeout = 100  # an undo that is denied is tried again for as long as there is time
    try:
        stories_of(setting)[name](world)
    except AssertionError:
        return True
    return False


def is_about_logs(kind: str) -> bool:
    """Lambda writes the log in the name of the role, and no call of the handler shows whether it may."""
    return all(action.startswith("logs:") for action in kind.split(", "))


def is_implied(part: Part, setting: Setting) -> bool:
    """Whether something else allows the same: `any` lists the own profiles, too."""
    if setting.replaces != "any":
        return False
    if part.kind == TO_TAGGED:
        # What a stopped instance had is restored also when its tags are gone, and it is bare by then: so any bare
        # instance may get any profile.
        return True
    return part.kind == MOVING_TAGGED or (part.kind == MOVING and OWNED_PATH in part.value)


@every_setting
def test_no_statement_can_be_left_out(setting: Setting) -> None:
    kinds = [kind_of(statement) for statement in policy_of(setting)]
    assert len(set(kinds)) == len(kinds), "a statement is known by its kind"
    assert len([kind for kind in kinds if is_about_logs(kind)]) == 1
    parts = [Part(kind) for kind in kinds if not is_about_logs(kind)]
    idle = [part for part in parts if not any(fails_without(part, setting, name) for name in needed_by(part, setting))]
    implied = [part for part in parts if is_implied(part, setting)]
    print(  # noqa: T201 - shown with -rP
        f"{setting}: {len(parts)} statements, {len(implied)} of them implied by others, and one about logs"
    )
    assert idle == implied


def parts_of(statement: Statement) -> Iterator[Part]:
    """Every value in a statement that has others beside it."""
    keys = [("Condition", operator, key) for operator, those in statement.get("Condition", {}).items() for key in those]
    for place in (("Action",), ("Resource",), *keys):
        values = at(statement, place)
        if isinstance(values, list) and len(values) > 1:
            yield from (Part(kind_of(statement), place, value) for value in values)


def is_instance(part: Part) -> bool:
    return part.value.startswith(f"{INSTANCES}/i-")


@every_setting
def test_no_action_profile_role_or_tag_can_be_left_out(setting: Setting) -> None:
    statements = [one for one in policy_of(setting) if not is_about_logs(kind_of(one))]
    parts = [part for one in statements for part in parts_of(one) if not is_instance(part)]
    idle = [part for part in parts if not any(needed_by(part, setting))]
    implied = [part for part in parts if is_implied(part, setting)]
    print(f"{setting}: {len(parts)} values, {len(implied)} of them implied by others")  # noqa: T201 - shown with -rP
    assert idle == implied


def test_no_instance_can_be_left_out() -> None:
    world, count = enforcing(), 150  # they are in two policies
    resource, properties = Resource(world), world.properties(world.instances(count))
    assert resource.create(properties).ok
    assert world.role
    decisions = world.role.authority.decisions
    parts = [part for _, _, one in world.role.authority.statements() for part in parts_of(one) if is_instance(part)]
    assert len(parts) == count
    for part in parts:
        assert is_needed(part, decisions), part


# A rollout that watches alarms. Of a setting only the owner of the alarms decides which ones the handler may describe.

WATCHING = Part("cloudwatch:DescribeAlarms")
ERRORS, LATENCY = "web-errors", "web-latency"

every_kind_of_alarm = pytest.mark.parametrize("imported", [False, True], ids=["of the app", "imported"])


def rolls_out_in_waves(world: World, *, imported: bool) -> None:
    """The story of a rollout whose alarms are OK. Imported alarms may be composite ones, and one here is."""
    assert world.role
    world.role.imports_alarms = imported
    world.cloudwatch.alarms[ERRORS] = "OK"
    latency = world.cloudwatch.composite_alarms if imported else world.cloudwatch.alarms
    latency[LATENCY] = "INSUFFICIENT_DATA"
    targets = world.instances(3)
    waves = {"First": 1, "Percentages": [100], "BakeSeconds": 10, "Alarms": [ERRORS, LATENCY], "MaxFailures": "0"}
    result = Resource(world).create(world.properties(targets, rollout=waves))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 3


@cache
def decisions_of_waves(imported: bool) -> list[Decision]:
    """Play it, and return the decisions of IAM."""
    world = enforcing()
    rolls_out_in_waves(world, imported=imported)
    assert world.role
    return world.role.authority.decisions


@every_kind_of_alarm
def test_the_policies_are_enough_to_watch_alarms(imported: bool) -> None:
    decisions = decisions_of_waves(imported)
    assert WATCHING.kind in {decision.attempt.action for decision in decisions}
    assert all(decision.allowed for decision in decisions)


@every_kind_of_alarm
def test_the_right_to_watch_alarms_cannot_be_left_out(imported: bool) -> None:
    assert is_needed(WATCHING, decisions_of_waves(imported))
    with pytest.raises(AssertionError, match=WATCHING.kind):
        rolls_out_in_waves(enforcing(WATCHING.missing_in), imported=imported)


def test_no_alarm_can_be_left_out() -> None:
    decisions = decisions_of_waves(imported=False)
    (statement,) = {str(one): one for one in decisions[-1].statements if kind_of(one) == WATCHING.kind}.values()
    parts = list(parts_of(statement))
    assert [part.value.rpartition(":")[2] for part in parts] == [ERRORS, LATENCY]
    assert all(is_needed(part, decisions) for part in parts)


def test_may_not_describe_an_alarm_that_is_not_watched() -> None:
    world = enforcing()
    rolls_out_in_waves(world, imported=False)
    world.cloudwatch.alarms["payroll"] = "OK"
    with denied(WATCHING.kind, "AccessDenied"):
        world.services.alarms.problems([ERRORS, "payroll"])


def test_a_delete_succeeds_when_the_previous_profile_had_a_path_and_is_deleted() -> None:
    """IAM can't know the path of a profile that does not exist, so the right to look does not match."""
    world = enforcing()
    legacy = world.fleet.add_profile("Legacy", path="/team/")
    resource, target = Resource(world), world.instance(legacy)
    assert resource.create(world.properties([target], replaces=[legacy])).ok
    del world.fleet.profiles[legacy]

    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(target) == [None]


def test_says_that_a_listed_profile_has_another_path() -> None:
    world = enforcing()
    legacy = world.fleet.add_profile("Legacy", path="/team/")
    listed = legacy.replace("/team/", "/")

    result = Resource(world).create(world.properties([world.instance(legacy)], replaces=[listed]))

    assert f"carries instance profile {legacy}, which `replaces` does not list" in result.reason, result.reason


# Calls that an attacker would need, tried with the clients of the handler.


class Attacker:
    """Someone who has the handler's rights."""

    def __init__(self, setting: Setting) -> None:
        self.scene = Scene(setting, enforcing())
        self.world = self.scene.world
        self.bare, self.ours, self.taken = self.scene.instances(None, self.scene.mine, self.scene.foreign)
        """Targets: one without a profile, one with ours, and one with another that is not listed."""
        self.scene.resource.attach_policies(self.scene.properties())
        self._ec2 = self.world.services.ec2

    def stranger(self, carries: str | None = None) -> str:
        """An instance that is no target."""
        return self.world.instance(carries, tags={"group": "strangers"})

    def associates(self, instance_id: str, arn: str) -> None:
        self._ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Arn": arn})

    def replaces(self, instance_id: str, arn: str) -> None:
        association = self._association(instance_id)
        self._ec2.replace_iam_instance_profile_association(AssociationId=association, IamInstanceProfile={"Arn": arn})

    def disassociates(self, instance_id: str) -> None:
        self._ec2.disassociate_iam_instance_profile(AssociationId=self._association(instance_id))

    def _association(self, instance_id: str) -> str:
        row = self.world.fleet.active(instance_id)
        assert row
        return row.id


@contextmanager
def denied(action: str, code: str = "UnauthorizedOperation") -> Iterator[None]:
    with pytest.raises(ClientError, match=rf"not authorized to perform: {action} ") as error:
        yield
    assert error.value.response["Error"]["Code"] == code


@selective
def test_may_not_associate_another_profile_with_a_target(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:AssociateIamInstanceProfile"):
        attacker.associates(attacker.bare, attacker.scene.foreign)


@selective
def test_may_not_associate_another_profile_of_the_same_kind_with_a_target(setting: Setting) -> None:
    attacker = Attacker(setting)
    for path in ("/cdk-instance-role/InstanceRole-web-2/f11fdbf7/", SIBLING_PATH):
        other = attacker.world.fleet.add_profile(f"Mine-admin-{len(path)}", path=path)
        with denied("ec2:AssociateIamInstanceProfile"):
            attacker.associates(attacker.bare, other)


@selective
def test_may_not_pass_another_role(setting: Setting) -> None:
    attacker = Attacker(setting)
    attacker.world.fleet.profiles[attacker.scene.mine].role_arn = f"arn:aws:iam::{ACCOUNT}:role/Admin"
    with denied("iam:PassRole"):
        attacker.associates(attacker.bare, attacker.scene.mine)


# With any profile displaceable by tags, any profile may also be restored on a bare instance that has lost its tags.
@pytest.mark.parametrize("setting", [one for one in SETTINGS if not (one.by_tags and one.replaces == "any")], ids=str)
def test_may_not_associate_its_profile_with_a_bare_instance_that_is_no_target(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:AssociateIamInstanceProfile"):
        attacker.associates(attacker.stranger(), attacker.scene.mine)


@selective
def test_may_not_displace_a_profile_that_is_not_listed(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.taken, attacker.scene.mine)


@selective
def test_may_not_remove_a_profile_that_is_not_listed(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:DisassociateIamInstanceProfile"):
        attacker.disassociates(attacker.taken)


@selective
def test_may_not_give_a_profile_that_is_not_listed_to_an_instance_that_carries_its_own(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.ours, attacker.scene.foreign)


@every_setting
@pytest.mark.parametrize("carries", ["old", "foreign"])
def test_may_not_displace_any_profile_on_an_instance_that_is_no_target(setting: Setting, carries: str) -> None:
    attacker = Attacker(setting)
    stranger = attacker.stranger(getattr(attacker.scene, carries))
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(stranger, attacker.scene.mine)
    with denied("ec2:DisassociateIamInstanceProfile"):
        attacker.disassociates(stranger)


# The other role of the stack, with an association of its own.


@selective
def test_may_not_give_the_profile_of_another_role_to_an_instance_that_carries_its_own(setting: Setting) -> None:
    attacker = Attacker(setting)
    sibling = attacker.world.fleet.add_profile("Ops", path=SIBLING_PATH)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.ours, sibling)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.stranger(attacker.scene.mine), sibling)


@selective
def test_may_not_take_over_an_instance_of_another_role(setting: Setting) -> None:
    attacker = Attacker(setting)
    sibling = attacker.world.fleet.add_profile("Ops", path=SIBLING_PATH)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.stranger(sibling), attacker.scene.mine)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.scene.instance(sibling), attacker.scene.mine)


# By ids that are known, not even a listed profile can be given to another instance.
@pytest.mark.parametrize(
    "setting", [one for one in SETTINGS if not one.by_tags and not one.tokens and one.may_displace], ids=str
)
def test_by_ids_may_not_restore_on_an_instance_that_is_no_target(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.stranger(attacker.scene.mine), attacker.scene.old)
    with denied("ec2:AssociateIamInstanceProfile"):
        attacker.associates(attacker.stranger(), attacker.scene.old)


NEVER_MOVED = [one for one in SELECTIVE if one.owned and not one.moves]


@pytest.mark.parametrize("setting", NEVER_MOVED, ids=str)
def test_may_not_move_to_another_profile_of_the_role_if_the_profile_is_never_replaced(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.ours, attacker.scene.next)


@pytest.mark.parametrize("setting", [one for one in SELECTIVE if one.moves], ids=str)
def test_may_not_move_an_instance_that_is_no_target(setting: Setting) -> None:
    attacker = Attacker(setting)
    with denied("ec2:ReplaceIamInstanceProfileAssociation"):
        attacker.replaces(attacker.stranger(attacker.scene.mine), attacker.scene.next)


INSTANCE = f"{INSTANCES}/i-0123456789abcdef0"
DENIED = {
    "tag an instance": ("ec2:CreateTags", INSTANCE),
    "take tags off an instance": ("ec2:DeleteTags", INSTANCE),
    "start an instance": ("ec2:StartInstances", INSTANCE),
    "stop an instance": ("ec2:StopInstances", INSTANCE),
    "restart an instance": ("ec2:RebootInstances", INSTANCE),
    "terminate an instance": ("ec2:TerminateInstances", INSTANCE),
    "launch an instance": ("ec2:RunInstances", f"{INSTANCES}/*"),
    "change an instance": ("ec2:ModifyInstanceAttribute", INSTANCE),
    "read user data": ("ec2:DescribeInstanceAttribute", INSTANCE),
    "create a role": ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/Web"),
    "change who may assume a role": ("iam:UpdateAssumeRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Web"),
    "attach a policy to a role": ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Web"),
    "write a policy of a role": ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Web"),
    "change a managed policy": ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/Handler"),
    "create a profile": ("iam:CreateInstanceProfile", f"{PROFILES}{OWNED_PATH}Mine2"),
    "put a role into a profile": ("iam:AddRoleToInstanceProfile", f"{PROFILES}{OWNED_PATH}Mine"),
    "take the role out of a profile": ("iam:RemoveRoleFromInstanceProfile", f"{PROFILES}{OWNED_PATH}Mine"),
    "delete a profile": ("iam:DeleteInstanceProfile", f"{PROFILES}{OWNED_PATH}Mine"),
    "assume a role": ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Web"),
    "read another table": ("dynamodb:GetItem", f"{TABLE_ARN}2"),
    "write to another table": ("dynamodb:PutItem", f"{TABLE_ARN}2"),
    "read all of the ledger at once": ("dynamodb:Scan", TABLE_ARN),
    "delete the ledger": ("dynamodb:DeleteTable", TABLE_ARN),
    "write to another log group": (
        "logs:PutLogEvents",
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/other:log-stream:x",
    ),
    "create a log group": ("logs:CreateLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:x"),
    "delete its log": ("logs:DeleteLogGroup", LOG_GROUP_ARN),
    "read the status of another stack": (
        "cloudformation:DescribeStacks",
        f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/InstanceRole-api/0f1e2d3c",
    ),
    "change its own stack": ("cloudformation:UpdateStack", STACK_ID),
    "read the template of its own stack": ("cloudformation:GetTemplate", STACK_ID),
    "change an alarm": ("cloudwatch:SetAlarmState", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{ERRORS}"),
    "act in another Region": ("ec2:DisassociateIamInstanceProfile", INSTANCE.replace(REGION, "us-east-1")),
    "pass a role to another service": ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Mine"),
}


@every_setting
def test_may_do_nothing_else(setting: Setting) -> None:
    attacker = Attacker(setting)
    assert attacker.world.role
    carried = {"ec2:InstanceProfile": attacker.scene.mine, "iam:PassedToService": "lambda.amazonaws.com"}
    attempts = {name: Attempt(action, resource, carried) for name, (action, resource) in DENIED.items()}
    assert [name for name, one in attempts.items() if attacker.world.role.authority.allows(one)] == []
