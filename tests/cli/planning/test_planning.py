"""What a deployment would do about every instance: real templates, the simulator, and what the handler has left."""

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from rich.console import Console

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection, Rollout
from cdk_instance_role.cli.model import AssociationPlan, Event, Exit, PlanReport, ProfileView, RolloutView, Verb
from cdk_instance_role.cli.planning.access_keys import MAX_LOOKS
from cdk_instance_role.cli.planning.association_plan import plan_stack
from cdk_instance_role.cli.render import Format, render
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import SELECTED, Cloud
from tests.cli.planning.test_access_keys import KEY
from tests.cli.servers import ANY, BY_TAGS, STACK, Servers, new_app, synthesized, written
from tests.simulator.ec2 import MUTATING
from tests.simulator.fleet import trusting
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id, role_arn

REPLACING = Servers(replaces=("Old",))
BY_ID = Servers(ids=(instance_id(1), instance_id(2)))
GONE = Servers(associated=False)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def verbs(plan: AssociationPlan) -> dict[str, Verb]:
    """What happens to the instances, by their names; by their ids where they have none."""
    return {one.name or one.id: one.verb for one in plan.instances}


def exit_status(*plans: AssociationPlan) -> Exit:
    return PlanReport(plans).exit


def carried(one: ProfileView | None) -> str:
    return one.name if one else "nothing"


def moves(plan: AssociationPlan) -> dict[str, tuple[str, str]]:
    """What the instances carry now and afterwards."""
    return {one.name: (carried(one.current), carried(one.planned)) for one in plan.instances}


def shown(plan: AssociationPlan) -> str:
    """The plan in every format."""
    file = io.StringIO()
    for format_ in Format:
        render(PlanReport((plan,)), format_, Console(file=file, width=140), full=True)
    return file.getvalue()


# Create


def test_creates_an_association(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.instance(2, cloud.old)
    cloud.instance(3, cloud.old, "stopped")
    cloud.instance(4, state="pending")

    plan = cloud.plan(synthesized(REPLACING))

    assert (plan.stack, plan.association, plan.event) == (STACK, "Web/Fleet", Event.CREATE)
    assert plan.profile == ProfileView("Web/InstanceProfile", "Web/Role")
    assert verbs(plan) == {
        "web-1": Verb.ASSOCIATE,
        "web-2": Verb.REPLACE,
        "web-3": Verb.REPLACE,
        "web-4": Verb.WAIT,
    }
    assert moves(plan) == {
        "web-1": ("nothing", "Web/InstanceProfile"),
        "web-2": ("Old", "Web/InstanceProfile"),
        "web-3": ("Old", "Web/InstanceProfile"),
        "web-4": ("nothing", "Web/InstanceProfile"),
    }
    assert plan.estimate.calls == 5  # the stopped one takes two
    assert not plan.unseen
    assert not plan.problems
    assert exit_status(plan) is Exit.CHANGES


def test_gives_reasons_without_placeholder_names(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)

    plan = cloud.plan(synthesized(REPLACING))

    assert [one.reason for one in plan.instances] == ["replace Old with Web/InstanceProfile"]
    assert "to.be.created" not in shown(plan)


def test_does_not_change_a_name_that_only_contains_the_name_of_a_profile(cloud: Cloud) -> None:
    other = cloud.fleet.add_profile("Website.Web-2")
    cloud.instance(1, other)

    plan = cloud.plan(synthesized(Servers(profile_name="Web")))

    assert plan.instances[0].reason.startswith("carries instance profile Website.Web-2, which `replaces` does not")


def test_makes_no_changes(cloud: Cloud) -> None:
    cloud.instance(1)

    cloud.plan(synthesized(REPLACING))

    assert cloud.world.mutations == 0
    assert {call.action for call in cloud.traffic.calls} <= {
        "DescribeInstances",
        "DescribeIamInstanceProfileAssociations",
        "DescribeInstanceAttribute",
        "GetInstanceProfile",
        "Query",
    }


def test_finds_conflicts(cloud: Cloud) -> None:
    cloud.instance(1, cloud.foreign)
    cloud.instance(2)

    plan = cloud.plan(synthesized(REPLACING))

    conflict, _ = plan.instances
    assert verbs(plan) == {"web-1": Verb.CONFLICT, "web-2": Verb.ASSOCIATE}
    assert conflict.reason == (
        "carries instance profile Foreign, which `replaces` does not list: "
        "list it there, or take the instance out of the selection"
    )
    assert not conflict.changes
    assert exit_status(plan) is Exit.CONFLICTS


def test_keeps_a_conflict_with_on_conflict_keep(cloud: Cloud) -> None:
    cloud.instance(1, cloud.foreign)

    plan = cloud.plan(synthesized(replace(REPLACING, keeps=True)))

    assert verbs(plan) == {"web-1": Verb.KEEP}
    assert exit_status(plan) is Exit.NOTHING


def test_replaces_any_profile_with_replaces_any(cloud: Cloud) -> None:
    cloud.instance(1, cloud.foreign)

    assert verbs(cloud.plan(synthesized(Servers(replaces=(ANY,))))) == {"web-1": Verb.REPLACE}


def test_finds_a_target_that_does_not_exist_or_is_terminated(cloud: Cloud) -> None:
    cloud.instance(2, state="terminated")

    plan = cloud.plan(synthesized(BY_ID))

    assert [(one.id, one.verb, one.state) for one in plan.instances] == [
        (instance_id(1), Verb.CONFLICT, ""),
        (instance_id(2), Verb.CONFLICT, "terminated"),
    ]
    assert plan.instances[0].reason.startswith("does not exist: check the id")
    assert plan.instances[1].reason == "is terminated: take it out of the selection"


def test_finds_that_nothing_is_selected(cloud: Cloud) -> None:
    plan = cloud.plan(synthesized(Servers()))

    assert plan.problems[0].startswith(
        "no instances are selected: no instance that is not terminated has the tags app=web"
    )
    assert not plan.instances
    assert exit_status(plan) is Exit.CONFLICTS


def test_shows_the_instances_that_the_deployment_creates(cloud: Cloud) -> None:
    cloud.instance(1)

    plan = cloud.plan(synthesized(Servers(ids=(instance_id(1),), server=True)))

    assert [(one.id, one.verb, carried(one.planned)) for one in plan.instances] == [
        (instance_id(1), Verb.ASSOCIATE, "Web/InstanceProfile"),
        ("(new) Server", Verb.ASSOCIATE, "Web/InstanceProfile"),
    ]
    assert plan.instances[1].reason == "the instance is created by this deployment: associate Web/InstanceProfile"


@cache
def new_server_only() -> StackArtifact:
    """A stack whose only target is an instance of its own."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    server = ec2.CfnInstance(stack, "Server", image_id="ami-0123456789abcdef0")
    InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.ref))
    (artifact,) = assembly.read(written(app))
    return artifact


def test_needs_no_existing_instance(cloud: Cloud) -> None:
    plan = cloud.plan(new_server_only())

    assert verbs(plan) == {"(new) Server": Verb.ASSOCIATE}
    assert not plan.problems


def test_restores_former_targets_when_all_new_ones_are_created(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(Servers()))

    plan = cloud.plan(new_server_only())

    assert verbs(plan) == {"web-1": Verb.UNDO, "(new) Server": Verb.ASSOCIATE}
    assert plan.event is Event.UPDATE


# The role of a new profile


def test_reports_a_planned_role_that_ec2_may_not_assume(cloud: Cloud) -> None:
    cloud.instance(1)

    plan = cloud.plan(synthesized(Servers(service="lambda.amazonaws.com")))

    (problem,) = plan.problems
    assert problem == (
        "EC2 may not assume role Given of instance profile Web/InstanceProfile: "
        "allow sts:AssumeRole for ec2.amazonaws.com in its trust policy"
    )


def test_recognizes_an_imported_role_with_a_path(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.role("Given", path="/team/")

    plan = cloud.plan(synthesized(Servers(role=role_arn("team/Given"))))

    assert not plan.problems
    assert plan.profile == ProfileView("Web/InstanceProfile", "Given")
    assert verbs(plan) == {"web-1": Verb.ASSOCIATE}


@pytest.mark.parametrize(
    ("name", "path", "service", "problem"),
    [
        ("Given", "/team/", "lambda.amazonaws.com", "EC2 may not assume role Given"),
        ("Given", "/other/", "ec2.amazonaws.com", "instance profile Web/InstanceProfile holds role arn:"),
        ("Other", "/", "ec2.amazonaws.com", "instance profile Web/InstanceProfile holds no role"),
    ],
)
def test_reports_problems_of_an_imported_role(cloud: Cloud, name: str, path: str, service: str, problem: str) -> None:
    cloud.instance(1)
    cloud.role(name, path=path).trust = trusting(service)

    plan = cloud.plan(synthesized(Servers(role=role_arn("team/Given"))))

    assert [one[: len(problem)] for one in plan.problems] == [problem]


@pytest.mark.parametrize("choice", ["a", "b"])
def test_resolves_the_role_of_a_profile_that_depends_on_a_condition(cloud: Cloud, choice: str) -> None:
    cloud.instance(1)
    role = {"Ref": "WebRole1D1172F5"}
    roles = {"Fn::If": ["Chosen", [role], [{"Fn::If": ["Chosen", "Other", role]}]]}

    plan = cloud.plan(with_roles(roles, {"Fn::Equals": ["a", choice]}))

    assert plan.profile == ProfileView("Web/InstanceProfile", "Web/Role")
    assert not plan.problems
    assert not plan.unseen


def test_says_so_when_the_role_of_a_profile_is_not_known_before_the_deployment(cloud: Cloud) -> None:
    cloud.instance(1)
    roles = {"Fn::If": ["Chosen", [{"Ref": "WebRole1D1172F5"}], ["Other"]]}

    plan = cloud.plan(with_roles(roles, {"Fn::Equals": [{"Ref": "Launcher"}, "a"]}))

    assert plan.profile == ProfileView("Web/InstanceProfile", None)
    assert not plan.problems
    assert plan.unseen == (
        "the role in instance profile Web/InstanceProfile: Launcher is not known before the deployment",
    )
    assert exit_status(plan) is Exit.ERROR


def with_roles(roles: Any, condition: Any) -> StackArtifact:
    """A stack whose profile has roles that depend on the condition Chosen."""
    stack = synthesized(Servers())
    (profile_id,) = (id_ for id_ in stack.resources if id_.startswith("WebInstanceProfile"))
    resource = stack.resources[profile_id]
    resources = {**stack.resources, profile_id: {**resource, "Properties": {**resource["Properties"], "Roles": roles}}}
    return replace(stack, template={**stack.template, "Resources": resources, "Conditions": {"Chosen": condition}})


# Nothing changes


def test_keeps_instances_that_are_in_order(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.instance(2, cloud.old)
    stack = synthesized(REPLACING)
    cloud.deploy(stack)

    plan = cloud.plan(stack)

    assert plan.event is Event.NONE
    assert verbs(plan) == {"web-1": Verb.KEEP, "web-2": Verb.KEEP}
    assert not any(one.warnings for one in plan.instances)
    assert plan.estimate.calls == 0
    assert exit_status(plan) is Exit.NOTHING


def replaced(cloud: Cloud) -> None:
    cloud.fleet.set_carried(instance_id(1), cloud.foreign)


def taken_off(cloud: Cloud) -> None:
    cloud.fleet.set_carried(instance_id(1), None)


def terminated(cloud: Cloud) -> None:
    cloud.fleet.change_state(instance_id(1), "terminated")


def untagged(cloud: Cloud) -> None:
    cloud.fleet.instances[instance_id(1)].tags = {"Name": "web-1"}


@pytest.mark.parametrize(
    ("happens", "what"),
    [
        (replaced, "carries instance profile Foreign"),
        (taken_off, "associate Web/InstanceProfile"),
        (terminated, "the instance is gone"),
        (untagged, "it had no profile before"),
    ],
)
def test_says_that_a_deployment_without_a_change_does_not_repair_drift(
    cloud: Cloud, happens: Callable[[Cloud], None], what: str
) -> None:
    cloud.instance(1)
    cloud.instance(2)
    stack = synthesized(REPLACING)
    cloud.deploy(stack)
    happens(cloud)
    cloud.world.clock.sleep(60)

    plan = cloud.plan(stack)
    (drifted,) = (one for one in plan.instances if one.name == "web-1")

    assert plan.event is Event.NONE
    assert set(verbs(plan).values()) == {Verb.KEEP}
    assert not any(one.changes for one in plan.instances)
    assert drifted.warnings[0].startswith(f"it is not as wanted ({what}")
    assert drifted.warnings[0].endswith(
        "CloudFormation calls the handler only when a property of the association changes"
    )
    assert exit_status(plan) is Exit.NOTHING


def test_reports_no_problem_for_an_association_that_ec2_has_not_confirmed_yet(cloud: Cloud) -> None:
    cloud.instance(1)
    stack = synthesized(REPLACING)
    cloud.deploy(stack)
    row = cloud.fleet.active(instance_id(1))
    assert row
    row.confirmed, row.since, row.takes = False, cloud.world.clock(), 60

    (one,) = cloud.plan(stack).instances

    assert (one.verb, one.warnings, one.reason) == (Verb.KEEP, (), "EC2 has not confirmed the association yet")


# Update


def test_adds_new_targets_and_restores_former_ones(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)
    cloud.instance(2)
    cloud.instance(3)
    first = Servers(ids=(instance_id(1), instance_id(2)), replaces=("Old",))
    cloud.deploy(synthesized(first))

    plan = cloud.plan(synthesized(replace(first, ids=(instance_id(2), instance_id(3)))))

    assert plan.event is Event.UPDATE
    assert verbs(plan) == {"web-2": Verb.KEEP, "web-3": Verb.ASSOCIATE, "web-1": Verb.UNDO}
    assert moves(plan)["web-1"] == ("Web/InstanceProfile", "Old")
    assert plan.instances[2].reason == "restore Old"
    assert exit_status(plan) is Exit.CHANGES


@pytest.mark.parametrize("happens", [replaced, terminated])
def test_drops_a_former_target_without_anything_to_restore(cloud: Cloud, happens: Callable[[Cloud], None]) -> None:
    cloud.instance(1)
    cloud.instance(2)
    cloud.deploy(synthesized(BY_ID))
    happens(cloud)

    plan = cloud.plan(synthesized(Servers(ids=(instance_id(2),))))

    assert verbs(plan) == {"web-2": Verb.KEEP, "web-1": Verb.DROP}
    assert exit_status(plan) is Exit.NOTHING


def test_drops_a_target_that_was_selected_before_and_is_terminated(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.instance(2)
    cloud.deploy(synthesized(BY_ID))
    terminated(cloud)
    cloud.instance(3)

    plan = cloud.plan(synthesized(Servers(ids=(*BY_ID.ids, instance_id(3)))))

    assert verbs(plan) == {"web-1": Verb.DROP, "web-2": Verb.KEEP, "web-3": Verb.ASSOCIATE}


def test_moves_all_instances_to_a_renamed_profile(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(Servers()))

    plan = cloud.plan(synthesized(Servers(role_name="Next")))

    assert plan.event is Event.UPDATE
    assert verbs(plan) == {"web-1": Verb.REPLACE}
    (one,) = plan.instances
    assert one.current
    assert not one.current.is_new
    assert one.planned
    assert one.planned.is_new


def test_moves_all_instances_when_the_name_of_the_profile_resolves_to_another_one(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(with_profile_name({"Fn::FindInMap": ["Names", "of", "profile"]}, "web"))

    plan = cloud.plan(with_profile_name({"Fn::FindInMap": ["Names", "of", "profile"]}, "next"))

    assert plan.event is Event.UPDATE
    assert verbs(plan) == {"web-1": Verb.REPLACE}


def test_keeps_all_instances_when_names_are_only_written_differently(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(with_profile_name("web", "web"))

    plan = cloud.plan(with_profile_name({"Fn::FindInMap": ["Names", "of", "profile"]}, "web"))

    assert plan.event is Event.NONE
    assert verbs(plan) == {"web-1": Verb.KEEP}
    assert not plan.permissions


def with_profile_name(name: Any, in_map: str) -> StackArtifact:
    """A stack whose profile has this name, and a mapping with a name."""
    stack = synthesized(Servers())
    (profile_id,) = (id_ for id_ in stack.resources if id_.startswith("WebInstanceProfile"))
    resource = stack.resources[profile_id]
    named = {**resource, "Properties": {**resource["Properties"], "InstanceProfileName": name}}
    mappings = {"Names": {"of": {"profile": in_map}}}
    template = {**stack.template, "Resources": {**stack.resources, profile_id: named}, "Mappings": mappings}
    return replace(stack, template=template)


def test_reports_a_profile_to_be_restored_that_replaces_no_longer_lists(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)
    cloud.deploy(synthesized(REPLACING))

    plan = cloud.plan(synthesized(Servers()))

    assert plan.problems == ("instance profile Old must be restored later and is not in `replaces`: list it there",)
    assert exit_status(plan) is Exit.CONFLICTS


def test_plans_an_update_whose_former_properties_are_unknown(cloud: Cloud) -> None:
    cloud.instance(1)
    stack = synthesized(BY_ID)
    deployed = cloud.deploy(synthesized(Servers(ids=(instance_id(1),))))
    (logical_id,) = stack.associations
    deployed.template["Resources"][logical_id]["Properties"]["InstanceIds"] = [{"Ref": "Gone"}]
    cloud.instance(2)

    plan = cloud.plan(stack)

    assert plan.event is Event.UPDATE
    assert verbs(plan) == {"web-1": Verb.KEEP, "web-2": Verb.ASSOCIATE}


@cache
def with_provider(id_: str) -> StackArtifact:
    """A stack whose association has a provider of its own."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    provider = AssociationProvider(stack, id_)
    InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(instance_id(1)), provider=provider)
    (found,) = assembly.read(written(app))
    return found


OTHER_PROVIDER = (
    "CloudFormation refuses another provider for an association that is deployed (Modifying service token is not "
    "allowed): keep its provider, or delete the association in one deployment and create it in the next one"
)


def test_finds_that_an_association_gets_another_provider(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(with_provider("One"))

    plan = cloud.plan(with_provider("Other"))

    assert (plan.event, plan.problems, plan.unseen) == (Event.UPDATE, (OTHER_PROVIDER,), ())
    assert exit_status(plan) is Exit.CONFLICTS
    assert cloud.plan(with_provider("One")).event is Event.NONE


def test_finds_that_the_function_of_a_provider_gets_another_name(cloud: Cloud) -> None:
    cloud.instance(1)
    stack = with_provider("One")
    cloud.deploy(stack)
    (logical_id,) = stack.associations
    function = stack.resources[logical_id]["Properties"]["ServiceToken"]["Fn::GetAtt"][0]
    named = with_resource(stack, function, FunctionName="other")

    assert cloud.plan(named).problems == (OTHER_PROVIDER,)


def test_says_so_when_the_provider_that_an_association_gets_is_not_known(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(with_provider("One"))

    plan = cloud.plan(with_properties(with_provider("One"), ServiceToken={"Fn::ImportValue": "Shared"}))

    assert plan.unseen == ("whether its provider changes: no stack exports Shared yet",)
    assert exit_status(plan) is Exit.ERROR


# Delete


def test_restores_everything_when_the_association_is_removed(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.instance(2, cloud.old)
    cloud.instance(3, cloud.old, "stopped")
    cloud.deploy(synthesized(REPLACING))
    replaced(cloud)

    plan = cloud.plan(synthesized(GONE))

    assert (plan.association, plan.event, plan.profile) == ("Web/Fleet", Event.DELETE, None)
    assert verbs(plan) == {"web-1": Verb.DROP, "web-2": Verb.UNDO, "web-3": Verb.UNDO}
    assert moves(plan)["web-2"] == ("Web/InstanceProfile", "Old")


def test_removes_the_profile_of_an_instance_that_had_none(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(Servers()))

    assert moves(cloud.plan(synthesized(GONE))) == {"web-1": ("Web/InstanceProfile", "nothing")}


def test_leaves_everything_as_it_is_when_a_retained_association_is_removed(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(Servers(retained=True)))

    plan = cloud.plan(synthesized(GONE))

    assert plan.event is Event.NONE
    (one,) = plan.instances
    assert (one.verb, one.changes, one.warnings) == (Verb.KEEP, False, ())
    assert one.reason == "the association goes, and its removal policy leaves everything as it is"
    assert exit_status(plan) is Exit.NOTHING


def test_reports_nothing_for_a_stack_without_associations(cloud: Cloud) -> None:
    cloud.deploy(synthesized(GONE))

    assert cloud.plans(synthesized(GONE)) == []


def test_plans_a_new_association_in_an_existing_stack(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(GONE))

    assert cloud.plan(synthesized(Servers())).event is Event.CREATE


# Conditions


def conditional(stack: StackArtifact, equal: Any) -> StackArtifact:
    """A stack whose association is there on a condition."""
    (logical_id,) = stack.associations
    resources = {**stack.resources, logical_id: {**stack.resources[logical_id], "Condition": "Wanted"}}
    return replace(stack, template={"Conditions": {"Wanted": {"Fn::Equals": equal}}, "Resources": resources})


def test_ignores_an_association_whose_condition_is_false(cloud: Cloud) -> None:
    cloud.instance(1)
    no, yes = (conditional(synthesized(Servers()), ["a", other]) for other in "ba")

    assert cloud.plans(no) == []
    assert cloud.plan(yes).event is Event.CREATE


def test_restores_everything_when_a_condition_becomes_false(cloud: Cloud) -> None:
    cloud.instance(1)
    stack = synthesized(Servers())
    no, yes = (conditional(stack, ["a", other]) for other in "ba")
    cloud.deploy(stack)

    assert cloud.plan(yes).event is Event.NONE
    plan = cloud.plan(no)

    assert plan.event is Event.DELETE
    assert verbs(plan) == {"web-1": Verb.UNDO}


def test_predicts_what_the_deployment_does_when_a_condition_becomes_false(cloud: Cloud) -> None:
    id_ = cloud.instance(1)
    cloud.deploy(synthesized(Servers()))
    cloud.deploy(conditional(synthesized(Servers()), ["a", "b"]))

    assert cloud.fleet.active(id_) is None
    assert cloud.plan(synthesized(Servers())).event is Event.CREATE


@pytest.mark.parametrize(("deployed", "event"), [(False, Event.CREATE), (True, Event.UPDATE)])
def test_says_so_when_it_is_unknown_whether_an_association_is_created(
    cloud: Cloud, deployed: bool, event: Event
) -> None:
    cloud.instance(1)
    if deployed:
        cloud.deploy(synthesized(Servers()))

    plan = cloud.plan(conditional(synthesized(Servers()), ["a", {"Ref": "Unknown"}]))

    assert plan.event is event
    assert plan.unseen == ("whether it is made: Unknown is not known before the deployment",)
    assert exit_status(plan) is Exit.ERROR


# Instances of the stack that are replaced


def with_server(stack: StackArtifact, **changed: Any) -> StackArtifact:
    """A stack whose instance Server has other properties."""
    server = stack.resources["Server"]
    changed_server = {**server, "Properties": {**server["Properties"], **changed}}
    return replace(stack, template={**stack.template, "Resources": {**stack.resources, "Server": changed_server}})


def test_shows_a_target_that_the_deployment_replaces(cloud: Cloud) -> None:
    cloud.instance(11)
    stack = synthesized(Servers(ids=(instance_id(11),), server=True))
    cloud.deploy(stack)

    plan = cloud.plan(with_server(stack, ImageId="ami-0fedcba9876543210"))

    assert plan.event is Event.UPDATE
    assert verbs(plan) == {"web-11": Verb.KEEP, "server": Verb.DROP, "(new) Server": Verb.ASSOCIATE}
    (dropped,) = (one for one in plan.instances if one.verb is Verb.DROP)
    assert dropped.reason == "the deployment puts a new instance in its place"
    assert not dropped.changes
    assert exit_status(plan) is Exit.CHANGES


def test_predicts_what_the_deployment_does_when_it_replaces_an_instance(cloud: Cloud) -> None:
    stack = new_server_only()
    cloud.deploy(stack)
    after = with_server(stack, ImageId="ami-0fedcba9876543210")
    (created, dropped) = cloud.plan(after).instances
    cloud.deploy(after)

    (carrying,) = (id_ for id_ in cloud.fleet.instances if cloud.fleet.active(id_))
    assert carrying != dropped.id
    assert (dropped.verb, created.verb) == (Verb.DROP, Verb.ASSOCIATE)


def test_keeps_a_target_that_the_deployment_updates_in_place(cloud: Cloud) -> None:
    stack = new_server_only()
    cloud.deploy(stack)

    plan = cloud.plan(with_server(stack, UserData="IyEvYmluL3No", InstanceType="t3.nano", Monitoring=True))

    assert plan.event is Event.NONE
    assert [(one.verb, one.warnings) for one in plan.instances] == [(Verb.KEEP, ())]


@pytest.mark.parametrize(
    ("root", "changed", "what"), [("ebs", "Tenancy", "Tenancy"), ("instance-store", "UserData", "UserData")]
)
def test_warns_of_a_target_that_may_be_replaced(cloud: Cloud, root: str, changed: str, what: str) -> None:
    stack = new_server_only()
    cloud.deploy(stack)
    (id_,) = cloud.fleet.instances
    cloud.described[id_] = {"rootDeviceType": root}

    (one,) = cloud.plan(with_server(stack, **{changed: "dedicated"})).instances

    assert one.verb is Verb.KEEP
    assert one.warnings == (f"its {what} changes: it may be that CloudFormation puts a new instance in its place",)


def test_warns_when_an_instance_that_is_selected_by_tags_is_replaced(cloud: Cloud) -> None:
    tagged = {"InstanceIds": {"Ref": "AWS::NoValue"}, "InstanceTags": {"Name": ["server"]}}
    stack = with_properties(new_server_only(), **tagged)
    cloud.deploy(stack)

    plan = cloud.plan(with_server(stack, ImageId="ami-0fedcba9876543210"))

    assert plan.event is Event.NONE
    assert [one.warnings for one in plan.instances] == [("the deployment puts a new instance in its place",)]


# What is planned is what happens


@pytest.mark.parametrize("after", [Servers(), BY_ID, REPLACING, GONE, Servers(role_name="Next")])
def test_predicts_what_the_handler_does(cloud: Cloud, after: Servers) -> None:
    for number in (1, 2, 3):
        cloud.instance(number)
    cloud.deploy(synthesized(Servers()))

    planned = {one.id: one.planned for one in cloud.plan(synthesized(after)).instances}
    cloud.deploy(synthesized(after))
    rows = {id_: cloud.fleet.active(id_) for id_ in planned}

    assert {id_: bool(row) for id_, row in rows.items()} == {id_: bool(one) for id_, one in planned.items()}
    if after.associated:
        assert all(row.arn == cloud.profile_of(synthesized(after)) for row in rows.values() if row)


# Rollouts

BAKE = 60
IN_WAVES = Servers(rollout=Rollout.in_waves(growth=2, bake=Duration.seconds(BAKE), max_failures="50%"))


@cache
def watched() -> StackArtifact:
    """A stack that watches an alarm of its own and another one."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    metric = cloudwatch.Metric(namespace="Web", metric_name="Errors")
    errors = cloudwatch.Alarm(stack, "Errors", metric=metric, threshold=1, evaluation_periods=1)
    latency = cloudwatch.Alarm.from_alarm_name(stack, "Latency", "latency-of-web")
    rollout = Rollout.in_waves(bake=Duration.seconds(BAKE), alarms=[errors, latency])
    InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_tags(BY_TAGS), rollout=rollout)
    (artifact,) = assembly.read(written(app))
    return artifact


def test_says_in_which_waves_the_targets_are_changed(cloud: Cloud) -> None:
    for number in range(1, 11):
        cloud.instance(number)

    plan = cloud.plan(synthesized(IN_WAVES))

    assert plan.rollout == RolloutView((1, 2, 4, 3), BAKE, (), 5)
    assert plan.estimate.baking == 4 * BAKE
    assert exit_status(plan) is Exit.CHANGES
    text = shown(plan)
    assert text.count("4 waves of 1, 2, 4 and 3 instances, each bakes for 1 min") == 3
    assert text.count("10 calls, at least 4 min with all bakes") == 6


def test_counts_only_changed_targets_in_the_waves(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(IN_WAVES))
    for number, state in ((2, "running"), (3, "stopped"), (4, "pending")):
        cloud.instance(number, state=state)

    plan = cloud.plan(synthesized(replace(IN_WAVES, minutes=40)))

    assert plan.rollout == RolloutView((1, 2), BAKE, (), 1)


def test_names_the_alarms_that_are_watched(cloud: Cloud) -> None:
    cloud.instance(1)

    plan = cloud.plan(watched())

    assert plan.rollout == RolloutView((1,), BAKE, ("(new) Errors", "latency-of-web"))
    assert not plan.unseen
    assert "undone if any of the alarms (new) Errors, latency-of-web goes to ALARM" in shown(plan)


def test_knows_the_alarms_of_a_deployed_stack(cloud: Cloud) -> None:
    (errors,) = (id_ for id_ in watched().resources if id_.startswith("Errors"))
    name = f"{STACK}-{errors}-1AB2C3D4"
    cloud.world.cloudwatch.alarms = {name: "OK", "latency-of-web": "OK"}
    cloud.instance(1)
    cloud.deploy(watched())
    cloud.instance(2)

    assert cloud.plan(watched()).event is Event.NONE
    assert cloud.plan(with_properties(watched(), TimeoutSeconds=600)).rollout == RolloutView(
        (1,), BAKE, (name, "latency-of-web")
    )


def test_mentions_no_waves_if_there_are_none(cloud: Cloud) -> None:
    cloud.instance(1)
    assert cloud.plan(synthesized(Servers())).rollout is None

    cloud.deploy(synthesized(IN_WAVES))

    for after in (IN_WAVES, replace(IN_WAVES, minutes=40), GONE):
        plan = cloud.plan(synthesized(after))
        assert (plan.rollout, plan.estimate.baking) == (None, 0)
        assert "wave" not in shown(plan)


def test_predicts_the_waves_of_the_handler(cloud: Cloud) -> None:
    for number in range(1, 24):
        cloud.instance(number, state="stopped" if number % 5 == 0 else "running")

    rollout = cloud.plan(synthesized(IN_WAVES)).rollout
    cloud.deploy(synthesized(IN_WAVES))
    times = [call.at for call in cloud.traffic.calls if call.action in MUTATING]
    ends = [number for number, (one, other) in enumerate(pairwise(times), start=1) if other - one >= BAKE]

    assert rollout
    assert tuple(accumulate(rollout.waves)) == (*ends, len(times))


@pytest.mark.parametrize("waves", [IN_WAVES, replace(IN_WAVES, rollout=Rollout.all_at_once())])
def test_predicts_that_the_handler_refuses_a_rollout_that_exceeds_the_timeout(cloud: Cloud, waves: Servers) -> None:
    for number in range(1, 121):
        cloud.instance(number)
    stack = with_properties(synthesized(waves), TimeoutSeconds=4)

    plan = cloud.plan(stack)
    with pytest.raises(AssertionError) as refused:
        cloud.deploy(stack)

    (problem,) = plan.problems
    assert str(refused.value).splitlines()[0].endswith(f"): {problem}")
    assert cloud.world.mutations == 0
    assert exit_status(plan) is Exit.CONFLICTS
    assert "The deployment would be refused." in shown(plan)


def test_counts_the_instances_that_the_deployment_creates_in_the_waves(cloud: Cloud) -> None:
    rollout = {"First": 1, "Growth": 1, "BakeSeconds": BAKE}

    plan = cloud.plan(with_properties(new_server_only(), Rollout=rollout, TimeoutSeconds=BAKE))

    assert plan.rollout == RolloutView((1,), BAKE)
    assert plan.problems[0].startswith(
        "1 wave bakes for 60 seconds and may take 70 seconds to be confirmed, 130 in all: "
    )


@pytest.mark.parametrize("changed", [{"Rollout": {"First": 0}}, {"TimeoutSeconds": 0}])
def test_reports_a_rollout_or_timeout_that_the_handler_refuses(cloud: Cloud, changed: dict[str, Any]) -> None:
    for stack in (synthesized(BY_ID), new_server_only()):
        plan = cloud.plan(with_properties(stack, **changed))

        assert "expected" in plan.problems[0]
        assert exit_status(plan) is Exit.CONFLICTS


# Hints and access keys


def test_warns_about_changed_instances(cloud: Cloud) -> None:
    cloud.instance(1, tags={**SELECTED, "aws:autoscaling:groupName": "asg"}, metadata=False)
    cloud.instance(2, cloud.foreign, tags={**SELECTED, "aws:autoscaling:groupName": "asg"})

    changing, conflict = cloud.plan(synthesized(REPLACING)).instances

    assert [warning[:24] for warning in changing.warnings] == ["it belongs to Auto Scali", "its metadata service is "]
    assert not conflict.warnings


def test_reports_access_keys_without_showing_them(cloud: Cloud) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    cloud.instance(1, user_data=f"#!/bin/sh\nexport AWS_ACCESS_KEY_ID={KEY}\nexport AWS_SECRET_ACCESS_KEY={secret}\n")
    cloud.instance(2, user_data="#!/bin/sh\n")

    plan = cloud.plan(synthesized(REPLACING))

    with_key, without = plan.instances
    assert with_key.warnings == ("its user data holds a long-lived access key: with the role that can go",)
    assert not without.warnings
    for text in (shown(plan), repr(plan)):
        assert KEY not in text
        assert secret not in text


def test_reads_the_user_data_of_changed_instances_only(cloud: Cloud) -> None:
    cloud.instance(1, cloud.foreign, user_data=KEY)
    cloud.instance(2)
    cloud.plan(synthesized(REPLACING))

    assert cloud.traffic.count("DescribeInstanceAttribute") == 1


def test_reads_the_user_data_of_a_limited_number_of_instances_and_says_so(cloud: Cloud) -> None:
    for number in range(MAX_LOOKS + 5):
        cloud.instance(number)

    plan = cloud.plan(synthesized(REPLACING))

    assert cloud.traffic.count("DescribeInstanceAttribute") == MAX_LOOKS
    assert plan.warnings == ("for access keys the user data of 100 of 105 instances was looked at",)


# Permissions


def test_compares_the_old_role_with_the_new_one(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)
    cloud.instance(2, cloud.old)
    cloud.instance(3)
    cloud.role("Old", "AmazonEC2FullAccess")

    (change,) = cloud.plan(synthesized(replace(REPLACING, actions=("sqs:SendMessage",)))).permissions

    assert (change.before, change.after) == ("Old", "Web/Role")
    assert change.instances == (instance_id(1), instance_id(2))
    assert change.policies_lost == ("AmazonEC2FullAccess",)
    assert change.policies_gained[0] == "AmazonS3ReadOnlyAccess"
    assert change.actions_lost == ("amazonec2fullaccess:* on *",)
    assert change.actions_gained == ("amazons3readonlyaccess:* on *", "sqs:SendMessage on *")


def test_compares_with_a_role_that_is_restored(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)
    cloud.role("Old", "AmazonEC2FullAccess")
    cloud.deploy(synthesized(REPLACING))

    (change,) = cloud.plan(synthesized(GONE)).permissions

    assert (change.before, change.after) == ("Web/Role", "Old")
    assert (change.policies_lost, change.policies_gained) == (("AmazonS3ReadOnlyAccess",), ("AmazonEC2FullAccess",))


def test_finds_that_the_policies_of_the_same_role_change(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(Servers()))

    plan = cloud.plan(synthesized(Servers(policies=("AmazonSSMManagedInstanceCore",))))

    (change,) = plan.permissions
    assert plan.event is Event.NONE
    assert (change.before, change.after) == ("Web/Role", "Web/Role")
    assert change.policies_lost == ("AmazonS3ReadOnlyAccess",)
    assert not plan.warnings


def test_names_other_instances_with_a_role_whose_policies_change(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(Servers()))
    second = cloud.fleet.add_profile("Second", role=cloud.role_of(synthesized(Servers())))
    others = [cloud.instance(number, second, tags={}) for number in range(10, 17)]

    plan = cloud.plan(synthesized(Servers(policies=("AmazonSSMManagedInstanceCore",))))

    assert plan.warnings == (
        f"7 other instances with role Web/Role, whose policies change, too: {', '.join(others[:5])} and 2 more",
    )


def test_compares_nothing_if_the_role_stays_as_it_is(cloud: Cloud) -> None:
    cloud.instance(1)
    stack = synthesized(replace(REPLACING, actions=("sqs:SendMessage",)))
    cloud.deploy(stack)

    plan = cloud.plan(stack)

    assert not plan.permissions
    assert not plan.warnings


def test_compares_nothing_if_another_profile_holds_the_same_foreign_role(cloud: Cloud) -> None:
    cloud.role("Old")
    cloud.instance(1, cloud.old)

    assert not cloud.plan(synthesized(Servers(role=role_arn("Old"), replaces=("Old",)))).permissions


# Several stacks


@cache
def shared(references: str = "weak") -> tuple[StackArtifact, StackArtifact, StackArtifact]:
    """A stack with the provider and a role, one that uses both, and one with a provider of its own.

    Args:
        references: how stacks refer to one another: by outputs (``weak``) or by exports (``strong``).
    """
    app = new_app(**{"@aws-cdk/core:defaultCrossStackReferences": references})
    base = Stack(app, "Base", env=IRELAND)
    provider = AssociationProvider(base, "Provider")
    role = iam.Role(base, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    user = Stack(app, "User", env=IRELAND)
    selection = InstanceSelection.by_tags({"app": ["web"]})
    InstanceRole(user, "Web", role=role).associate_with("Fleet", selection, provider=provider)
    another = Stack(app, "Another", env=IRELAND)
    other = InstanceSelection.by_tags({"app": ["other"]})
    InstanceRole(another, "Web").associate_with("Fleet", other)
    stacks = {stack.name: stack for stack in assembly.read(written(app))}
    return stacks["Base"], stacks["User"], stacks["Another"]


@pytest.mark.parametrize("references", ["weak", "strong"])
def test_plans_with_a_role_of_a_stack_that_is_not_deployed_yet(cloud: Cloud, references: str) -> None:
    cloud.instance(1, cloud.old)
    base, user, another = shared(references)

    plan = cloud.plan(user, another, base)

    assert plan.event is Event.CREATE
    assert verbs(plan) == {"web-1": Verb.CONFLICT}
    assert not plan.problems
    assert not plan.unseen


@pytest.mark.parametrize("references", ["weak", "strong"])
def test_uses_outputs_of_another_stack(cloud: Cloud, references: str) -> None:
    cloud.instance(1)
    base, user, _ = shared(references)
    cloud.deploy(base)
    cloud.deploy(user)

    for others in ((base,), ()):
        plan = cloud.plan(user, *others)

        assert plan.event is Event.NONE
        assert verbs(plan) == {"web-1": Verb.KEEP}


def test_compares_with_a_role_that_another_stack_creates(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)
    cloud.role("Old", "AmazonEC2FullAccess")
    base, user, _ = shared()
    replacing = {"Replaces": [{"InstanceProfileArn": cloud.old, "RoleArn": role_arn("Old")}]}

    plan = cloud.plan(with_properties(user, **replacing), base)

    (change,) = plan.permissions
    assert (change.policies_lost, change.policies_gained, change.notes) == (("AmazonEC2FullAccess",), (), ())
    assert not plan.unseen


# What could not be read


def deny_instances(cloud: Cloud) -> None:
    cloud.deny("DescribeInstances")


def deny_user_data(cloud: Cloud) -> None:
    cloud.deny("DescribeInstanceAttribute")


def deny_ledger(cloud: Cloud) -> None:
    cloud.deny("Query", "AccessDeniedException")


def deny_profiles(cloud: Cloud) -> None:
    cloud.iam.refuse("GetInstanceProfile")


def deny_roles(cloud: Cloud) -> None:
    cloud.iam.refuse("GetRole")


def deny_stacks(cloud: Cloud) -> None:
    cloud.cloudformation.refuse("DescribeStacks")


@pytest.mark.parametrize(
    ("deny", "unseen", "instances"),
    [
        (deny_instances, "the instances: not allowed (DescribeInstances)", 0),
        (deny_user_data, "user data of the instances: not allowed (DescribeInstanceAttribute)", 3),
        (deny_ledger, "not allowed (Query)", 3),
        (deny_profiles, "instance profile {old}: not allowed (GetInstanceProfile)", 3),
        (deny_roles, "the permissions boundary of role Old could not be read: iam:GetRole is denied", 3),
        (deny_stacks, "whether stack Servers is deployed in eu-west-1: not allowed (DescribeStacks)", 3),
    ],
)
def test_shows_the_rest_when_something_may_not_be_read(
    cloud: Cloud, deny: Callable[[Cloud], None], unseen: str, instances: int
) -> None:
    cloud.instance(1)
    cloud.deploy(synthesized(REPLACING))
    cloud.instance(2, cloud.old)
    cloud.instance(3, cloud.foreign)
    deny(cloud)

    plan = cloud.plan(synthesized(replace(REPLACING, replaces=("Old", "Foreign"))))

    assert len(plan.instances) == instances
    assert any(one.endswith(unseen.format(old=cloud.old)) for one in plan.unseen), plan.unseen
    assert not plan.problems
    assert exit_status(plan) is Exit.ERROR


def test_does_not_treat_a_profile_that_may_not_be_read_as_missing(cloud: Cloud) -> None:
    cloud.instance(1, cloud.old)
    cloud.deploy(synthesized(REPLACING))
    deny_profiles(cloud)

    plan = cloud.plan(synthesized(GONE))

    assert verbs(plan) == {"web-1": Verb.UNDO}
    assert moves(plan) == {"web-1": ("Web/InstanceProfile", "Old")}


def test_says_for_each_association_what_could_not_be_read(cloud: Cloud) -> None:
    cloud.instance(1)
    stack, other = synthesized(Servers()), synthesized(Servers(), "Other")
    deny_stacks(cloud)
    environment = cloud.environment(stack, other)

    (first,) = plan_stack(stack, environment, 0.0)
    (second,) = plan_stack(other, environment, 0.0)

    assert first.unseen == ("whether stack Servers is deployed in eu-west-1: not allowed (DescribeStacks)",)
    assert second.unseen == ("whether stack Other is deployed in eu-west-1: not allowed (DescribeStacks)",)


def test_says_so_when_the_wanted_profile_is_not_known_before_the_deployment(cloud: Cloud) -> None:
    unknown = {"Fn::GetAtt": ["Launcher", "InstanceId"]}

    plan = cloud.plan(with_properties(synthesized(BY_ID), InstanceIds=[unknown]))

    assert plan.unseen == ("what is wanted: Launcher.InstanceId is not known before the deployment",)
    assert exit_status(plan) is Exit.ERROR


@pytest.mark.parametrize("deployed", [False, True])
@pytest.mark.parametrize(
    ("properties", "unknown"),
    [
        ({"InstanceIds": ["{{resolve:ssm:/web/id}}"]}, "{{resolve:ssm:/web/id}}"),
        (
            {"InstanceIds": {"Fn::Split": [",", "{{resolve:secretsmanager:web:SecretString:ids}}"]}},
            "{{resolve:secretsmanager:web:SecretString:ids}}",
        ),
        ({"InstanceProfileArn": "{{resolve:ssm:/web/profile:3}}"}, "{{resolve:ssm:/web/profile:3}}"),
        ({"TimeoutSeconds": "{{resolve:ssm:/timeout}}"}, "{{resolve:ssm:/timeout}}"),
        (
            {"InstanceIds": {"Ref": "AWS::NoValue"}, "InstanceTags": {"app": ["{{resolve:ssm:/app}}"]}},
            "{{resolve:ssm:/app}}",
        ),
    ],
)
def test_says_so_when_only_cloudformation_resolves_the_properties(
    cloud: Cloud, deployed: bool, properties: dict[str, Any], unknown: str
) -> None:
    for number in (1, 2):
        cloud.instance(number)
    if deployed:
        cloud.deploy(synthesized(BY_ID))

    plan = cloud.plan(with_properties(synthesized(BY_ID), **properties))

    assert plan.unseen == (f"what is wanted: {unknown} is not known before the deployment",)
    assert not plan.problems
    assert exit_status(plan) is Exit.ERROR


def ids_from_systems_manager() -> StackArtifact:
    return with_ssm_parameter(with_properties(synthesized(BY_ID), InstanceIds=[{"Ref": "It"}]))


def condition_from_systems_manager() -> StackArtifact:
    return with_ssm_parameter(conditional(synthesized(BY_ID), [{"Ref": "It"}, instance_id(1)]))


def with_ssm_parameter(stack: StackArtifact) -> StackArtifact:
    parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/web/id"}
    return replace(stack, template={**stack.template, "Parameters": {"It": parameter}})


@pytest.mark.parametrize("after", [ids_from_systems_manager, condition_from_systems_manager])
def test_says_so_when_the_deployment_reads_what_is_wanted_from_systems_manager(
    cloud: Cloud, after: Callable[[], StackArtifact]
) -> None:
    """A deployment without any other change reads it again, too."""
    cloud.instance(1)
    cloud.instance(2)
    deployed = cloud.deploy(synthesized(BY_ID))
    cloud.cloudformation.stacks[STACK] = replace(deployed, template=after().template, parameters={"It": instance_id(1)})

    plan = cloud.plan(after())

    (unseen,) = plan.unseen
    assert unseen.endswith(": /web/id is not known before the deployment, which reads it from Systems Manager")
    assert exit_status(plan) is Exit.ERROR


def test_reports_properties_that_the_handler_refuses(cloud: Cloud) -> None:
    plan = cloud.plan(with_properties(synthesized(BY_ID), InstanceIds=["web-1"]))

    assert plan.problems[0].startswith("malformed instance id 'web-1'")
    assert exit_status(plan) is Exit.CONFLICTS


def with_properties(stack: StackArtifact, **changed: Any) -> StackArtifact:
    """A stack whose association has other properties."""
    (logical_id,) = stack.associations
    return with_resource(stack, logical_id, **changed)


def with_resource(stack: StackArtifact, logical_id: str, **changed: Any) -> StackArtifact:
    """A stack one of whose resources has other properties."""
    resource = stack.resources[logical_id]
    resources = {**stack.resources, logical_id: {**resource, "Properties": {**resource["Properties"], **changed}}}
    return replace(stack, template={**stack.template, "Resources": resources})
