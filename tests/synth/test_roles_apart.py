"""One role never reaches the instances of another one: the policies of a stack with several, and what is refused."""

import re
from copy import copy
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Stack
from aws_cdk import aws_iam as iam
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_instance_role import (
    AssociationProvider,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    ReplaceableProfiles,
)
from tests.simulator.authority import Authority
from tests.simulator.every_call import EveryCall, Target
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    INSTANCE,
    OTHER_INSTANCE,
    as_text,
    handler_policies,
    imported_profile,
    new_stack,
    resources,
)

INSTANCES = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance"
OLD, FOREIGN = (f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}" for name in ("Old", "Foreign"))
WITH_TAGS = {"app": "web", "env": "prod"}


class Deployed:
    """The profiles of a stack, and what its handler may do."""

    def __init__(self, stack: Stack) -> None:
        profiles = resources(stack, "AWS::IAM::InstanceProfile")
        arns = {
            id_: f"arn:aws:iam::{ACCOUNT}:instance-profile{one['Properties']['Path']}{id_}"
            for id_, one in profiles.items()
        }
        roles = {id_: f"arn:aws:iam::{ACCOUNT}:role/{id_}" for id_ in resources(stack, "AWS::IAM::Role")}
        values = {f"{id_}.Arn": arn for id_, arn in {**arns, **roles}.items()}
        stack_id = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/Stack/1"
        servers = {"Server": INSTANCE, **{f"Server{number}": id_of(number) for number in range(3)}}
        parameters = {"AWS::Partition": "aws", "AWS::StackId": stack_id, **servers, **values}
        self.documents = {
            id_: as_text(policy["Properties"]["PolicyDocument"], parameters)
            for id_, policy in handler_policies(stack).items()
        }
        self.profiles = {re.sub("InstanceProfile.*", "", id_): arn for id_, arn in arns.items()}
        """ARNs by the id of the role."""
        of_the_stack = {arns[id_]: roles[one["Properties"]["Roles"][0]["Ref"]] for id_, one in profiles.items()}
        others = {
            f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}": f"arn:aws:iam::{ACCOUNT}:role/{name}"
            for name in ("Old", "Foreign")
        }
        self.roles = {**of_the_stack, **others}
        self._calls = EveryCall(Authority(self.documents), self.roles)

    def reached(self, carried: str | None, id: str = "i-0000000000000000f", **tags: str) -> set[str | None]:
        """The profiles that an instance may carry after any calls."""
        return self._calls.reached(Target(f"{INSTANCES}/{id}", tags), carried)

    def after(self, former: "Deployed") -> "Deployed":
        """While this configuration is deployed after a former one: the policies of both are attached."""
        together = copy(self)
        together._calls = EveryCall(Authority({**former.documents, **self.documents}), {**former.roles, **self.roles})
        return together


def web_and_ops() -> Deployed:
    """A role that may read, for all instances with some tags, and an administrator for one instance."""
    stack = new_stack()
    web = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
    ops = InstanceRole(stack, "Ops", managed_policies=["AdministratorAccess"])
    web.associate_with("Fleet", BY_TAGS)
    ops.associate_with("Fleet", BY_ID)
    return Deployed(stack)


def test_no_sequence_of_calls_gives_the_administrator_role_to_the_instance_of_another_role() -> None:
    deployed = web_and_ops()
    web, ops = deployed.profiles["Web"], deployed.profiles["Ops"]
    for carried in (None, web, FOREIGN):
        for tags in ({}, WITH_TAGS, {"app": "ops"}):
            assert ops not in deployed.reached(carried, **tags)
            assert ops not in deployed.reached(carried, OTHER_INSTANCE, **tags)


def test_each_role_reaches_its_own_targets() -> None:
    deployed = web_and_ops()
    web, ops = deployed.profiles["Web"], deployed.profiles["Ops"]
    assert deployed.reached(None, **WITH_TAGS) == {None, web}
    assert deployed.reached(None, INSTANCE) == {None, ops}
    assert deployed.reached(None) == {None}
    assert deployed.reached(FOREIGN, INSTANCE, **WITH_TAGS) == {FOREIGN}


def test_a_named_role_is_moved_on_its_own_targets_and_path_only() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role_name="web").associate_with("Fleet", BY_TAGS)
    InstanceRole(stack, "Ops", role_name="ops").associate_with("Fleet", BY_ID)
    deployed = Deployed(stack)
    web, ops = deployed.profiles["Web"], deployed.profiles["Ops"]
    assert deployed.reached(web, INSTANCE) == {web, None, ops}, "by way of a bare instance, which is a target of Ops"
    assert deployed.reached(web) == {web, None}
    assert deployed.reached(ops, **WITH_TAGS) == {ops, None, web}
    assert deployed.reached(ops) == {ops, None}


def listing_another(*, token: bool, provider: bool = False) -> Stack:
    """Web lists the profile of Ops, which restores Old wherever Ops is if its target is an instance of the app."""
    stack = new_stack()
    server = CfnParameter(stack, "Server").value_as_string
    web, ops = InstanceRole(stack, "Web"), InstanceRole(stack, "Ops")
    old = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    ops.associate_with("Fleet", InstanceSelection.by_ids(server) if token else BY_ID, replaces=old)
    another = {"provider": AssociationProvider(stack, "Another")} if provider else {}
    listing = ReplaceableProfiles.profiles(ops.instance_profile)
    web.associate_with("Fleet", BY_TAGS, replaces=listing, **another)
    return stack


REFUSED = (
    r"\[Stack/InstanceProfileAssociationProvider\] Stack/Web/Fleet lists a profile of Stack/Ops/Fleet in "
    r"`replaces`, and both have one provider: .* Use another provider for one of them: "
    r"provider=AssociationProvider\(\.\.\.\)"
)


def test_a_listed_profile_that_leads_to_another_role_is_refused_with_both_associations() -> None:
    with pytest.raises(RuntimeError, match=REFUSED):
        resources(listing_another(token=True))


def profile_of_an_instance_role(stack: Stack) -> tuple[iam.IInstanceProfile, str]:
    role = InstanceRole(stack, "Ops", role_name="Ops", instance_profile_name="Ops")
    return role.instance_profile, "/cdk-instance-role/Stack/ca70b509/Ops"


def profile_of_the_cdk(stack: Stack) -> tuple[iam.IInstanceProfile, str]:
    role = iam.Role(stack, "Ops", role_name="Ops", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    return iam.InstanceProfile(stack, "OpsProfile", instance_profile_name="Ops", role=role, path="/team/"), "/team/Ops"


def former_profile_of_an_instance_role(stack: Stack) -> tuple[iam.IInstanceProfile, str]:
    role = InstanceRole(stack, "Ops", role_name="Ops")
    return role.instance_profile, "/cdk-instance-role/Stack/ca70b509/Former"


@pytest.mark.parametrize(
    "defined", [profile_of_an_instance_role, former_profile_of_an_instance_role, profile_of_the_cdk]
)
def test_a_listed_profile_that_leads_to_another_role_is_refused_if_it_is_listed_by_its_arn(defined: Any) -> None:
    stack = new_stack()
    ops, path_and_name = defined(stack)
    listed = iam.InstanceProfile.from_instance_profile_attributes(
        stack,
        "Listed",
        instance_profile_arn=f"arn:aws:iam::{ACCOUNT}:instance-profile{path_and_name}",
        role=iam.Role.from_role_arn(stack, "ListedRole", f"arn:aws:iam::{ACCOUNT}:role/Ops"),
    )
    server = InstanceSelection.by_ids(CfnParameter(stack, "Server").value_as_string)
    old = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    InstanceProfileAssociation(stack, "Fleet", instance_profile=ops, instances=server, replaces=old)
    InstanceRole(stack, "Web").associate_with("Fleet", BY_TAGS, replaces=ReplaceableProfiles.profiles(listed))
    with pytest.raises(RuntimeError, match=REFUSED.replace("Ops/Fleet", "Fleet")):
        resources(stack)


def test_a_refused_combination_would_be_possible() -> None:
    stack = listing_another(token=True)
    app = stack.node.root
    assert isinstance(app, App)
    app.synth(skip_validation=True)
    deployed = Deployed(stack)
    assert deployed.reached(None) == {None, deployed.profiles["Ops"], OLD}


@pytest.mark.parametrize(
    "stack", [{"token": False}, {"token": True, "provider": True}], ids=["by id", "another provider"]
)
def test_a_profile_of_a_sibling_may_be_listed_if_it_leads_to_no_other_role(stack: dict[str, bool]) -> None:
    assert resources(listing_another(**stack))


def test_the_search_skips_replaces_any() -> None:
    stack = listing_another(token=True)
    tagged = InstanceSelection.by_tags({"app": ["any"]})
    InstanceRole(stack, "Any").associate_with("Fleet", tagged, replaces=ReplaceableProfiles.any())
    assert resources(stack)


# During a deployment


def listed(*, ops_by_web: bool = False, old_by_ops: bool = False) -> Deployed:
    """A configuration in which Web lists the profile of Ops, and one in which Ops lists Old."""
    stack = new_stack()
    web, ops = InstanceRole(stack, "Web"), InstanceRole(stack, "Ops")
    old, nothing = ReplaceableProfiles.profiles(imported_profile(stack, "Old")), ReplaceableProfiles.none()
    of_ops = ReplaceableProfiles.profiles(ops.instance_profile)
    web.associate_with("Fleet", BY_TAGS, replaces=of_ops if ops_by_web else nothing)
    server = InstanceSelection.by_ids(CfnParameter(stack, "Server").value_as_string)
    ops.associate_with("Fleet", server, replaces=old if old_by_ops else nothing)
    return Deployed(stack)


def test_an_entry_that_is_removed_and_one_that_is_added_in_one_deployment_reach_a_third_profile_meanwhile() -> None:
    former, new = listed(ops_by_web=True), listed(old_by_ops=True)
    assert OLD not in former.reached(None) | new.reached(None)
    assert OLD in new.after(former).reached(None)


def test_an_entry_that_is_removed_in_a_deployment_before_the_other_is_added_reaches_no_third_profile() -> None:
    former, between, new = listed(ops_by_web=True), listed(), listed(old_by_ops=True)
    ops = former.profiles["Ops"]
    for carried in (None, ops, former.profiles["Web"]):
        assert between.after(former).reached(carried) == former.reached(carried)
        assert new.after(between).reached(carried) == new.reached(carried)
    assert OLD not in between.after(former).reached(None) | new.after(between).reached(None)


def test_during_a_deployment_no_profile_is_given_that_neither_configuration_names() -> None:
    former, new = listed(ops_by_web=True), listed(old_by_ops=True)
    together = new.after(former)
    for tags in ({}, WITH_TAGS):
        for carried in (None, *together.roles):
            assert FOREIGN not in together.reached(carried, **tags) - {carried}


KINDS = ("tags", "id", "token")


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.booleans(), st.booleans()), min_size=2, max_size=3))
@settings(max_examples=15)
def test_if_nothing_is_refused_every_sequence_of_calls_stays_within_the_declared_profiles(
    kinds: list[tuple[str, bool, bool]],
) -> None:
    stack = new_stack()
    old = imported_profile(stack, "Old")
    for number, (kind, lists, is_named) in enumerate(kinds):
        role = InstanceRole(stack, f"Role{number}", role_name=f"role-{number}" if is_named else None)
        replaces = ReplaceableProfiles.profiles(old) if lists else ReplaceableProfiles.none()
        role.associate_with("Fleet", selection(stack, kind, number), replaces=replaces)
    deployed = Deployed(stack)
    for carried in (None, *deployed.roles):
        for number in range(len(kinds)):
            others = {arn for role, arn in deployed.profiles.items() if role != f"Role{number}"}
            kind = kinds[number][0]
            tags, id_ = ({"role": str(number)}, "i-0000000000000000f") if kind == "tags" else ({}, id_of(number))
            reached = deployed.reached(carried, id_, **tags)
            assert not (reached - {carried}) & others
            assert FOREIGN not in reached - {carried}


def selection(stack: Stack, kind: str, number: int) -> InstanceSelection:
    if kind == "tags":
        return InstanceSelection.by_tags({"role": [str(number)]})
    if kind == "id":
        return InstanceSelection.by_ids(id_of(number))
    return InstanceSelection.by_ids(CfnParameter(stack, f"Server{number}").value_as_string)


def id_of(number: int) -> str:
    return f"i-{number:017x}"
