"""What a plan says that applications lose and gain, compared with what the deployment does to the roles."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, cast

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceRole, InstanceSelection
from cdk_instance_role.cli.iam.permission_changes import compare
from cdk_instance_role.cli.iam.role import Role
from cdk_instance_role.cli.live.live_roles import LiveRoles
from cdk_instance_role.cli.model import AssociationPlan, Exit, PermissionChange, PlanReport
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import BY_TAGS, STACK, Servers, new_app, synthesized, written
from tests.synth.builders import IRELAND
from tests.unit.builders import role_arn

ROLE, PROFILE = "WebRole1D1172F5", "WebInstanceProfile042D7DF9"
ECS = "arn:aws:iam::aws:policy/AmazonECS_FullAccess"
S3, SSM = (f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonS3ReadOnlyAccess", "AmazonSSMManagedInstanceCore"))
TRANSFORM = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://policies/data.json"}}}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def allow(*actions: str, on: Any = "*") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": on}]}


def resource(kind: str, properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": dict(properties), **more}


def inline(content: Any, roles: Any = ({"Ref": ROLE},), name: str = "data", **more: Any) -> dict[str, Any]:
    return resource("IAM::Policy", {"PolicyName": name, "PolicyDocument": content, "Roles": list(roles)}, **more)


def managed(content: Any, roles: Any = ({"Ref": ROLE},), name: str | None = None, **more: Any) -> dict[str, Any]:
    named = {"ManagedPolicyName": name} if name else {}
    return resource("IAM::ManagedPolicy", {**named, "PolicyDocument": content, "Roles": list(roles)}, **more)


def stack_with(
    role: Mapping[str, Any] | None = None, stack: StackArtifact | None = None, **resources: Any
) -> StackArtifact:
    """The stack Servers with more resources, and with other properties of its role."""
    base = stack or synthesized(Servers())
    found = {**base.resources, **resources}
    if role:
        found[ROLE] = {**found[ROLE], "Properties": {**found[ROLE]["Properties"], **role}}
    return replace(base, template={**base.template, "Resources": found})


def base_stack(name: str = "Base", **resources: Any) -> StackArtifact:
    """A stack without associations."""
    template = {"Resources": resources}
    base = synthesized(Servers(associated=False))
    return replace(base, address=replace(base.address, name=name, construct=name), template=template)


def live(cloud: Cloud, name: str) -> Role:
    return LiveRoles(cast(Any, cloud.iam)).role(name)


def reported(plan: AssociationPlan) -> tuple[Any, ...]:
    """What the plan says is lost and gained; nothing where it says that no role changes."""
    change = plan.permissions[0] if plan.permissions else PermissionChange("", "", ())
    return change.policies_lost, change.policies_gained, change.actions_lost, change.actions_gained


def happened(before: Role, after: Role) -> tuple[Any, ...]:
    found = compare(before, after)
    return found.policies_lost, found.policies_gained, found.actions_lost, found.actions_gained


NOTHING: tuple[Any, ...] = ((), (), (), ())

SCENARIOS: dict[str, Callable[[], tuple[StackArtifact, StackArtifact]]] = {
    "nothing changes": lambda: (stack_with(), stack_with()),
    "another managed policy": lambda: (stack_with(), stack_with({"ManagedPolicyArns": [SSM]})),
    "no managed policy": lambda: (stack_with(), stack_with({"ManagedPolicyArns": []})),
    "an inline policy comes": lambda: (stack_with(), stack_with(Data=inline(allow("sqs:*")))),
    "an inline policy goes": lambda: (stack_with(Data=inline(allow("sqs:*"))), stack_with()),
    "an inline policy changes": lambda: (
        stack_with(Data=inline(allow("sqs:*", "sns:*"))),
        stack_with(Data=inline(allow("sqs:Send*", "sns:*"))),
    ),
    "an inline policy is written in other words": lambda: (
        stack_with(Data=inline(allow("sqs:*"))),
        stack_with(Data=inline({"Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}})),
    ),
    "an inline policy of the role": lambda: (
        stack_with({"Policies": [{"PolicyName": "own", "PolicyDocument": allow("sqs:*")}]}),
        stack_with({"Policies": [{"PolicyName": "own", "PolicyDocument": allow("sns:*")}]}),
    ),
    "a policy is retained": lambda: (stack_with(Data=inline(allow("sqs:*"), DeletionPolicy="Retain")), stack_with()),
    "a managed policy of the stack comes": lambda: (stack_with(), stack_with(Own=managed(allow("sqs:*"), name="own"))),
    "a managed policy of the stack changes": lambda: (
        stack_with(Own=managed(allow("sqs:*"))),
        stack_with(Own=managed(allow("sns:*"))),
    ),
    "a managed policy of the stack goes": lambda: (stack_with(Own=managed(allow("sqs:*"))), stack_with()),
    "the role attaches a managed policy of the stack": lambda: (
        stack_with(Own=managed(allow("sqs:*"), [])),
        stack_with({"ManagedPolicyArns": [S3, {"Ref": "Own"}]}, Own=managed(allow("sqs:*"), [])),
    ),
    "a statement about a bucket of the stack comes": lambda: (
        stack_with(
            Bucket=resource("S3::Bucket", {}), Data=inline(allow("s3:Get*", on={"Fn::GetAtt": ["Bucket", "Arn"]}))
        ),
        stack_with(
            Bucket=resource("S3::Bucket", {}),
            Data=inline(allow("s3:Get*", "s3:Put*", on={"Fn::GetAtt": ["Bucket", "Arn"]})),
        ),
    ),
    "a policy moves to another resource": lambda: (
        stack_with(Data=inline(allow("sqs:*"))),
        stack_with(Moved=inline(allow("sqs:*"))),
    ),
    "the template attaches what others have attached": lambda: (
        stack_with(),
        stack_with({"ManagedPolicyArns": [S3, ECS]}),
    ),
    "the template takes off what others have attached, too": lambda: (
        stack_with({"ManagedPolicyArns": [S3, ECS]}),
        stack_with(),
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_says_what_the_deployment_does_to_the_role(cloud: Cloud, scenario: str) -> None:
    before, after = SCENARIOS[scenario]()
    cloud.instance(1)
    cloud.deploy(before)
    name = cloud.role_of(before)
    cloud.iam.roles[name].attached += [arn for arn in [ECS] if arn not in cloud.iam.roles[name].attached]
    cloud.iam.roles[name].inline["SSMQuickSetup"] = allow("ssm:*")
    former = live(cloud, name)

    plan = cloud.plan(after)
    cloud.deploy(after)

    assert reported(plan) == happened(former, live(cloud, name))
    assert not plan.unseen
    assert reported(cloud.plan(after)) == NOTHING


def test_leaves_what_others_have_attached_out_of_a_change(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(stack_with())
    role = cloud.iam.roles[cloud.role_of(stack_with())]
    role.attached.append(ECS)
    role.inline["SSMQuickSetup"] = allow("ssm:*")

    (change,) = cloud.plan(stack_with({"ManagedPolicyArns": [SSM]})).permissions

    assert change.policies_lost == ("AmazonS3ReadOnlyAccess",)
    assert change.actions_lost == ("amazons3readonlyaccess:* on *",)
    assert change.policies_gained == ("AmazonSSMManagedInstanceCore",)


def test_does_not_report_policies_that_others_have_detached(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(stack_with())
    cloud.iam.roles[cloud.role_of(stack_with())].attached.clear()

    assert not cloud.plan(stack_with()).permissions


def test_reports_permissions_that_statements_add_to_an_imported_role(cloud: Cloud) -> None:
    given = Servers(role=role_arn("Given"))
    cloud.role("Given", "AmazonEC2FullAccess")
    cloud.instance(1)
    cloud.deploy(synthesized(given))

    (change,) = cloud.plan(synthesized(replace(given, actions=("sqs:SendMessage",)))).permissions

    assert (change.before, change.after) == ("Given", "Given")
    assert (change.policies_lost, change.actions_lost) == ((), ())
    assert change.actions_gained == ("sqs:SendMessage on *",)


# Several stacks


def test_says_what_another_stack_of_the_deployment_does_to_the_role(cloud: Cloud) -> None:
    cloud.instance(1)
    servers = synthesized(Servers(role_name="web"))
    before, after = (base_stack(Data=inline(allow(action), ["web"])) for action in ("sqs:*", "sns:*"))
    cloud.deploy(servers)
    cloud.deploy(before)
    name, former = "web", live(cloud, "web")

    plan = cloud.plan(servers, after)
    cloud.deploy(after)

    assert reported(plan) == happened(former, live(cloud, name))
    assert reported(plan) == ((), (), ("sqs:* on *",), ("sns:* on *",))


def test_a_policy_that_another_stack_attaches_too_is_lost_with_a_note(cloud: Cloud) -> None:
    cloud.instance(1)
    servers = synthesized(Servers(role_name="web"))
    base, attaching = (base_stack(Own=managed(allow("sqs:*"), roles, "own")) for roles in ([], ["web"]))
    arn = "arn:aws:iam::111122223333:policy/own"
    both = stack_with({"ManagedPolicyArns": [S3, arn]}, servers)
    cloud.deploy(base)
    cloud.deploy(both)
    cloud.deploy(attaching)
    former = live(cloud, "web")

    plan = cloud.plan(servers, attaching)
    cloud.deploy(servers)

    assert reported(plan) == happened(former, live(cloud, "web"))
    (change,) = plan.permissions
    assert change.policies_lost == ("own",)
    others = "although Own of stack Base attaches it, too: CloudFormation does not put it back"
    assert change.notes == (f"stack Servers takes policy own off the role {others}",)


@cache
def role_and_user(role_name: str | None = None) -> tuple[StackArtifact, StackArtifact, StackArtifact]:
    """A stack with a role, one whose policy is for it, and one whose instances get it."""
    app = new_app()
    base, data, servers = (Stack(app, name, env=IRELAND) for name in ("Base", "Data", STACK))
    role = iam.Role(base, "Role", role_name=role_name, assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    statement = iam.PolicyStatement(actions=["sqs:*"], resources=["*"])
    iam.ManagedPolicy(data, "Policy", roles=[role], statements=[statement])
    selection = InstanceSelection.by_tags(BY_TAGS)
    InstanceRole(servers, "Web", role=role).associate_with("Fleet", selection)
    stacks = {stack.name: stack for stack in assembly.read(written(app))}
    return stacks["Base"], stacks["Data"], stacks[STACK]


@pytest.mark.parametrize("name", [None, "web"])
def test_a_new_role_has_the_policies_of_the_stacks_that_are_deployed_after_it(cloud: Cloud, name: str | None) -> None:
    cloud.role("Old", "AmazonEC2FullAccess")
    cloud.instance(1, cloud.old)
    base, data, servers = role_and_user(name)
    (logical_id,) = servers.associations
    association = servers.resources[logical_id]
    replaces = [{"InstanceProfileArn": cloud.old, "RoleArn": role_arn("Old")}]
    properties = {**association["Properties"], "Replaces": replaces}
    servers = stack_with(None, servers, **{logical_id: {**association, "Properties": properties}})

    (change,) = cloud.plan(servers, base, data).permissions

    assert change.policies_lost == ("AmazonEC2FullAccess",)
    assert change.actions_gained == ("sqs:* on *",)
    assert not change.notes


def test_a_deployment_of_a_stack_includes_the_stacks_that_it_needs() -> None:
    base, data, servers = role_and_user()
    stacks = [servers, data, base]

    assert [one.name for one in assembly.deployed_with([servers], stacks)] == ["Base", STACK]
    assert [one.name for one in assembly.deployed_with(stacks, stacks)] == ["Base", STACK, "Data"]
    assert [one.name for one in assembly.deployed_with([base], stacks)] == ["Base"]


def test_a_role_that_is_replaced_by_one_of_the_same_construct_is_called_by_its_name(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(stack_with())
    name = cloud.role_of(stack_with())
    cloud.iam.roles[name].attached.append(ECS)

    plan = cloud.plan(synthesized(Servers(role_name="next")))

    (change,) = plan.permissions
    assert (change.before, change.after) == (name, "Web/Role")
    assert change.policies_lost == ("AmazonECS_FullAccess",)
    assert (plan.warnings, plan.unseen) == ((), ())


# A profile that gets another role


def test_compares_the_roles_when_a_profile_gets_another_one(cloud: Cloud) -> None:
    given = Servers(service="ec2.amazonaws.com", profile_name="web")
    stack = synthesized(given)
    (old,) = (id_ for id_ in stack.resources if id_.startswith("Given"))
    cloud.instance(1)
    cloud.deploy(stack_with(None, stack, Data=inline(allow("sqs:*"), [{"Ref": old}])))
    profile = stack.resources[next(id_ for id_ in stack.resources if id_.startswith("WebInstanceProfile"))]
    next_ = {**stack.resources[old], "Metadata": {"aws:cdk:path": "Servers/Next/Resource"}}
    changed = {**profile, "Properties": {**profile["Properties"], "Roles": [{"Ref": "Next"}]}}
    id_ = next(id_ for id_, one in stack.resources.items() if one is profile)

    plan = cloud.plan(stack_with(None, stack, **{id_: changed, "Next": next_, "Data": inline(allow("sns:*"), ["x"])}))

    (change,) = plan.permissions
    assert (change.before, change.after) == (f"{STACK}-{old}-1AB2C3D4", "Next")
    assert change.actions_lost == ("sqs:* on *",)
    assert change.notes[0].startswith(
        "the role inside instance profile Web/InstanceProfile changes: instances may keep"
    )


# What is unknown


def test_says_so_when_a_policy_cannot_be_read(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(stack_with())

    plan = cloud.plan(stack_with(Data=inline(TRANSFORM)))

    (change,) = plan.permissions
    why = "what Fn::Transform comes to is not known before the deployment"
    sentence = f"role {cloud.role_of(stack_with())}: policy data (Data of stack Servers) is not read: {why}"
    assert plan.unseen == (sentence,)
    assert sentence in change.notes
    assert PlanReport((plan,)).exit is Exit.ERROR


def test_says_so_when_the_roles_of_a_policy_are_unknown(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(stack_with())

    plan = cloud.plan(stack_with(Data=inline(allow("sqs:*"), [{"Fn::ImportValue": "Shared:Role"}])))

    (sentence,) = plan.unseen
    assert sentence.endswith("which roles Data is for is not known: no stack exports Shared:Role yet (stack Servers)")


@pytest.mark.parametrize("current", [None, "Old"])
def test_a_managed_policy_that_does_not_exist_is_a_problem(cloud: Cloud, current: str | None) -> None:
    cloud.role("Old")
    cloud.instance(1, cloud.old if current else None)
    cloud.iam.missing.add(S3)

    plan = cloud.plan(synthesized(Servers(replaces=("Old",))))

    assert plan.problems == (f"policy {S3} does not exist, so that it can't be attached to role Web/Role",)
    assert PlanReport((plan,)).exit is Exit.CONFLICTS


def test_an_attached_managed_policy_that_may_not_be_read_is_no_problem(cloud: Cloud) -> None:
    cloud.instance(1)
    cloud.deploy(stack_with())
    cloud.iam.refuse("GetPolicy")

    plan = cloud.plan(stack_with(Data=inline(allow("sqs:*"))))

    assert not plan.problems
    assert any(
        one.endswith("policy AmazonS3ReadOnlyAccess could not be read: iam:GetPolicy is denied") for one in plan.unseen
    )


def test_names_a_stack_of_the_deployment_that_cannot_be_read(cloud: Cloud) -> None:
    cloud.instance(1)
    servers = synthesized(Servers(role_name="web"))
    about, other = base_stack(Data=inline(allow("sqs:*"), ["web"])), base_stack("Other")
    cloud.deploy(servers)
    for stack in (about, other):
        cloud.deploy(stack)
    cloud.cloudformation.break_templates("Base", "Other")

    plan = cloud.plan(servers, about, other)

    (sentence,) = plan.unseen
    assert sentence.startswith("role web: what the deployment of stack Base changes is not known: whether stack Base")
    assert "its template can't be read" in sentence
    (change,) = plan.permissions
    assert any(note.startswith("what the deployment of stack Other changes is not known") for note in change.notes)
    assert reported(plan) == NOTHING


def test_no_sentence_contains_a_placeholder_name(cloud: Cloud) -> None:
    cloud.role("Old", "AmazonEC2FullAccess")
    cloud.instance(1, cloud.old)
    pass_role = inline(allow("iam:PassRole", on={"Fn::GetAtt": [ROLE, "Arn"]}))
    own = managed(allow("sqs:*", on={"Ref": "Parameter"}), Metadata={"aws:cdk:path": "Servers/Web/Own/Resource"})

    plan = cloud.plan(stack_with(None, synthesized(Servers(replaces=("Old",))), Data=pass_role, Own=own))

    (change,) = plan.permissions
    assert "iam:PassRole on Web/Role" in change.actions_gained
    assert "Servers/Web/Own" in change.policies_gained
    assert "to.be.created" not in str(plan)
    assert change.notes[0] == (
        "role Web/Role: policy Servers/Web/Own speaks of Parameter, which is not known before the deployment"
    )
