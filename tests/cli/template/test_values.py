"""What the values of stacks resolve to, as deployed and after the deployment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cdk_instance_role.cli.model import ProfileView
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.cli.template.deployed_stack import DeployedStack
from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.property_values import ExternalValues, StackValues
from cdk_instance_role.cli.template.stacks import Address
from cdk_instance_role.cli.template.template_inputs import StackLocation
from cdk_instance_role.runtime.association.decide.model import Profile
from tests.cli.servers import STACK, Servers, synthesized
from tests.unit.builders import ACCOUNT, REGION, profile_arn, role_arn

PLACE = StackLocation(ACCOUNT, REGION, "aws", Address(STACK))
PLAIN, LISTED = Servers(), Servers(ids=("i-0123456789abcdef0",))
PATH = f"cdk-instance-role/{STACK}/29751047/"
NEW_PROFILE = profile_arn(f"{PATH}WebInstanceProfile042D7DF9.19fc55f3.to.be.created")
NEW_ROLE = role_arn("WebRole1D1172F5.48024dad.to.be.created")
OLD_PROFILE, OLD_ROLE = profile_arn(f"{PATH}Servers-Profile-1"), role_arn("Servers-Role-1")
PHYSICAL = {"WebInstanceProfile042D7DF9": "Servers-Profile-1", "WebRole1D1172F5": "Servers-Role-1"}
EC2 = "ec2.amazonaws.com"
GIVEN = Profile("", role_arn("team/Given"), trusts_ec2=True)


def not_exported(name: str) -> Any:
    raise UnresolvedError(f"no stack exports {name} yet")


def no_output(stack: str, name: str, region: str | None) -> Any:
    raise UnresolvedError(f"stack {stack} has no output {name} in {region} yet")


def not_nested(logical_id: str, name: str) -> Any:
    raise UnresolvedError(f"nested stack {logical_id} has no output {name} yet")


EXTERNAL = ExternalValues(not_exported, no_output, not_nested)


def values(
    after: StackArtifact | Mapping[str, Any], before: DeployedStack | None = None, place: StackLocation = PLACE
) -> StackValues:
    template = after.template if isinstance(after, StackArtifact) else after
    return StackValues(template, place, before, EXTERNAL)


def deployed(servers: Servers = PLAIN, physical: Mapping[str, str] = PHYSICAL, **parameters: str) -> DeployedStack:
    return DeployedStack("arn:the-stack", synthesized(servers).template, physical, parameters)


def properties(found: StackValues) -> dict[str, Any]:
    (logical_id,) = (id_ for id_ in found.resources if id_.startswith("WebFleet"))
    return found.properties(logical_id)


def wanted(found: StackValues) -> tuple[str, str]:
    sent = properties(found)
    return sent["InstanceProfileArn"], sent["RoleArn"]


def planned_profile(found: StackValues, role: Profile = GIVEN) -> Profile | None:
    return found.iam.planned_profile(wanted(found)[0], lambda _: role)


def view(found: StackValues) -> ProfileView | None:
    return found.iam.profile(wanted(found)[0])


# Profiles and roles


def test_gives_new_resources_placeholder_names() -> None:
    found = values(synthesized(PLAIN))

    assert wanted(found) == (NEW_PROFILE, NEW_ROLE)
    assert planned_profile(found) == Profile(NEW_PROFILE, NEW_ROLE, trusts_ec2=True)
    assert view(found) == ProfileView("Web/InstanceProfile", "Web/Role")


def test_knows_the_names_of_kept_resources() -> None:
    found = values(synthesized(PLAIN), deployed())

    assert wanted(found) == (OLD_PROFILE, OLD_ROLE)
    assert planned_profile(found) is None
    assert view(found) == ProfileView("Web/InstanceProfile", "Web/Role", OLD_PROFILE)


def test_treats_a_renamed_role_and_its_profile_as_new() -> None:
    found = values(synthesized(Servers(role_name="Next")), deployed())
    profile, role = wanted(found)

    assert role == role_arn("Next")
    assert profile.endswith(".to.be.created")
    assert planned_profile(found) == Profile(profile, role_arn("Next"), trusts_ec2=True)


def test_treats_a_renamed_profile_as_new() -> None:
    found = values(synthesized(Servers(profile_name="Next")), deployed())

    assert wanted(found) == (profile_arn(f"{PATH}Next"), OLD_ROLE)
    assert planned_profile(found) == GIVEN  # what IAM says of a role that stays
    assert view(found) == ProfileView("Web/InstanceProfile", "Web/Role")


def test_knows_a_profile_with_an_explicit_name_once_it_is_deployed() -> None:
    named = Servers(profile_name="Next")
    found = values(synthesized(named), deployed(named, PHYSICAL | {"WebInstanceProfile042D7DF9": "Next"}))

    assert wanted(found)[0] == profile_arn(f"{PATH}Next")
    assert planned_profile(found) is None


@pytest.mark.parametrize(
    ("key", "change"),
    [("Path", "/other/"), ("InstanceProfileName", "Other")],
)
def test_treats_a_profile_with_another_logical_id_as_another_one(key: str, change: str) -> None:
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", key, change)

    assert planned_profile(values(template, deployed())) is not None


@pytest.mark.parametrize("path", [None, {"Ref": "AWS::NoValue"}, {"Fn::If": ["No", "/team/", {"Ref": "AWS::NoValue"}]}])
@pytest.mark.parametrize("is_deployed", [False, True])
def test_a_profile_whose_path_is_left_out_has_the_path_of_iam(path: Any, is_deployed: bool) -> None:
    profile = {"Type": "AWS::IAM::InstanceProfile", "Properties": {"InstanceProfileName": "Web", "Path": path}}
    template = {"Conditions": {"No": {"Fn::Equals": ["a", "b"]}}, "Resources": {"Profile": profile}}
    before = DeployedStack("arn:the-stack", template, {"Profile": "Web"}) if is_deployed else None

    assert values(template, before).resolve({"Fn::GetAtt": ["Profile", "Arn"]}) == profile_arn("Web")


@pytest.mark.parametrize(
    ("roles", "role"),
    [(["Other"], GIVEN.role_arn), ([{"Ref": "AWS::NoValue"}], None), ([{"Ref": "New"}], role_arn("New"))],
)
def test_a_profile_that_stays_gets_another_role(roles: Any, role: str | None) -> None:
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", "Roles", roles)
    template["Resources"] = {
        **template["Resources"],
        "New": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "New"}},
    }
    found = values(template, deployed())

    planned = planned_profile(found)

    assert wanted(found)[0] == OLD_PROFILE
    assert not found.iam.creates(OLD_PROFILE)
    assert planned
    assert planned.role_arn == role


def test_a_profile_gets_the_role_of_its_template_when_the_last_update_has_failed() -> None:
    failed = replace(deployed(), status="UPDATE_FAILED")

    assert planned_profile(values(synthesized(PLAIN), failed)) == GIVEN


@pytest.mark.parametrize(
    ("service", "trusts"), [("ec2.amazonaws.com", None), ("lambda.amazonaws.com", False), ("*", True)]
)
def test_knows_the_trust_policy_that_a_role_gets(service: str, trusts: bool | None) -> None:
    before = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": EC2}}]}
    principal = {"Service": service} if service != "*" else "*"
    after = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
    template = edited(synthesized(PLAIN), "WebRole1D1172F5", "AssumeRolePolicyDocument", after)
    former = edited(synthesized(PLAIN), "WebRole1D1172F5", "AssumeRolePolicyDocument", before)
    found = values(template, replace(deployed(), template=former))

    assert found.iam.planned_trust(OLD_ROLE) is trusts
    assert found.iam.planned_trust(role_arn("Other")) is None


def test_treats_another_type_as_another_resource() -> None:
    former = {"Resources": {"WebRole1D1172F5": {"Type": "AWS::SNS::Topic"}}}

    found = values(synthesized(PLAIN), DeployedStack("arn:the-stack", former, PHYSICAL))

    assert wanted(found) == (NEW_PROFILE, NEW_ROLE)


def test_treats_a_resource_that_the_former_template_lacks_as_new() -> None:
    former = DeployedStack("arn:the-stack", {"Resources": {}}, PHYSICAL)

    assert wanted(values(synthesized(PLAIN), former)) == (NEW_PROFILE, NEW_ROLE)


def test_knows_whether_ec2_may_assume_a_planned_role() -> None:
    stranger = planned_profile(values(synthesized(Servers(service="lambda.amazonaws.com"))))

    assert stranger
    assert not stranger.trusts_ec2


@pytest.mark.parametrize(("service", "trusts"), [("ec2.amazonaws.com", True), ("lambda.amazonaws.com", False)])
def test_reads_a_trust_policy_that_is_text(service: str, trusts: bool) -> None:
    text = '{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "%s"}}]}'
    for trust in (text % service, {"Fn::Join": ["", [text % service]]}):
        found = planned_profile(
            values(edited(synthesized(PLAIN), "WebRole1D1172F5", "AssumeRolePolicyDocument", trust))
        )
        assert found
        assert found.trusts_ec2 is trusts


@pytest.mark.parametrize("trust", ["no JSON", "[]", {"Statement": ["x"]}, {"Fn::Transform": {"Name": "AWS::Include"}}])
def test_treats_a_trust_policy_that_cannot_be_read_as_valid(trust: Any) -> None:
    found = planned_profile(values(edited(synthesized(PLAIN), "WebRole1D1172F5", "AssumeRolePolicyDocument", trust)))

    assert found
    assert found.trusts_ec2


def test_treats_a_trust_policy_that_is_not_known_yet_as_valid() -> None:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Federated": {"Fn::GetAtt": ["Provider", "Arn"]}}}]}
    template = edited(synthesized(PLAIN), "WebRole1D1172F5", "AssumeRolePolicyDocument", trust)

    assert planned_profile(values(template)) == Profile(NEW_PROFILE, NEW_ROLE, trusts_ec2=True)


def test_refers_to_an_imported_role_by_its_name() -> None:
    found = values(synthesized(Servers(role=role_arn("team/Given"))))
    profile, role = wanted(found)
    asked: list[str] = []

    def described(name: str) -> Profile:
        asked.append(name)
        return GIVEN

    assert role == role_arn("team/Given")
    assert found.iam.planned_profile(profile, described) == GIVEN
    assert asked == ["Given"]
    assert view(found) == ProfileView("Web/InstanceProfile", "Given")


def test_reads_the_name_of_a_role_from_a_parameter() -> None:
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", "Roles", [{"Ref": "Role"}])
    found = values({**template, "Parameters": {"Role": {"Type": "String", "Default": "Given"}}})

    assert planned_profile(found) == GIVEN
    assert view(found) == ProfileView("Web/InstanceProfile", "Given")


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ({"Fn::If": ["Yes", [{"Ref": "WebRole1D1172F5"}], ["Other"]]}, NEW_ROLE),
        ({"Fn::If": ["No", ["Other"], {"Fn::If": ["Yes", [{"Ref": "WebRole1D1172F5"}], ["Other"]]}]}, NEW_ROLE),
        ([{"Fn::If": ["Yes", {"Ref": "WebRole1D1172F5"}, "Other"]}], NEW_ROLE),
        ([{"Fn::If": ["No", "Other", {"Ref": "AWS::NoValue"}]}, {"Ref": "WebRole1D1172F5"}], NEW_ROLE),
        ({"Ref": "WebRole1D1172F5"}, NEW_ROLE),
        ({"Ref": "Roles"}, role_arn("team/Given")),
        ({"Fn::Split": [",", "Given"]}, role_arn("team/Given")),
        ({"Fn::If": ["No", [{"Ref": "WebRole1D1172F5"}], {"Ref": "Roles"}]}, role_arn("team/Given")),
        ([{"Fn::Select": [0, {"Ref": "Roles"}]}], role_arn("team/Given")),
        ([], None),
        ({"Ref": "AWS::NoValue"}, None),
        ({"Fn::If": ["No", ["Other"], {"Ref": "AWS::NoValue"}]}, None),
        ([{"Fn::If": ["No", "Other", {"Ref": "AWS::NoValue"}]}], None),
    ],
)
def test_finds_the_role_of_a_profile_in_every_form(roles: Any, role: str | None) -> None:
    found = values(with_roles(roles))

    planned = planned_profile(found)

    names = {NEW_ROLE: "Web/Role", role_arn("team/Given"): "Given"}
    assert planned
    assert planned.role_arn == role
    assert view(found) == ProfileView("Web/InstanceProfile", names.get(role or ""))
    assert found.iam.role_in(wanted(found)[0]) == (role and role.rpartition("/")[2])


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        ({"Fn::If": ["Unknown", ["Given"], ["Other"]]}, "Remote is not known before the deployment"),
        ([{"Ref": "Remote"}], "Remote is not known before the deployment"),
        (["{{resolve:ssm:/role}}"], r"\{\{resolve:ssm:/role\}\} is not known before the deployment"),
        ({"Fn::Transform": {"Name": "Macro"}}, "what Fn::Transform comes to is not known before the deployment"),
        (["Given", "Other"], "Web/InstanceProfile can't hold 2 roles"),
    ],
)
def test_fails_when_the_role_of_a_profile_is_not_known_before_the_deployment(roles: Any, why: str) -> None:
    found = values(with_roles(roles))

    with pytest.raises(UnresolvedError, match=f"^{why}$"):
        planned_profile(found)
    assert view(found) == ProfileView("Web/InstanceProfile", None)
    assert found.iam.role_in(wanted(found)[0]) is None


def with_roles(roles: Any) -> dict[str, Any]:
    """A template whose profile has these roles, with conditions and parameters for them."""
    conditions = {
        "Yes": {"Fn::Equals": ["a", "a"]},
        "No": {"Fn::Equals": ["a", "b"]},
        "Unknown": {"Fn::Equals": [{"Ref": "Remote"}, "a"]},
    }
    parameters = {"Roles": {"Type": "CommaDelimitedList", "Default": "Given"}, "Remote": {"Type": "String"}}
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", "Roles", roles)
    return {**template, "Conditions": conditions, "Parameters": parameters}


@pytest.mark.parametrize("given", [None, [], "Include", {"Fn::Transform": {"Name": "AWS::Include"}}])
def test_fails_when_the_properties_of_an_association_cannot_be_read(given: Any) -> None:
    stack = synthesized(PLAIN)
    (logical_id,) = stack.associations
    changed = {**stack.resources[logical_id], "Properties": given}
    found = values({**stack.template, "Resources": {**stack.resources, logical_id: changed}})

    with pytest.raises(UnresolvedError, match=r"properties can't be read|what Fn::Transform comes to"):
        properties(found)
    with pytest.raises(UnresolvedError, match=r"properties can't be read|what Fn::Transform comes to"):
        found.service_token(logical_id)


def test_fails_when_only_cloudformation_knows_the_properties_of_a_profile() -> None:
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", "Fn::Transform", {"Name": "AWS::Include"})

    with pytest.raises(UnresolvedError, match="what Fn::Transform comes to is not known before the deployment"):
        wanted(values(template))
    assert values(template).iam.profile(NEW_PROFILE) is None


def test_fails_when_the_role_of_a_profile_comes_from_a_stack_that_does_not_exist_yet() -> None:
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", "Roles", [{"Fn::ImportValue": "Base:Role"}])
    found = values(template)

    with pytest.raises(UnresolvedError, match="no stack exports Base:Role yet"):
        planned_profile(found)
    assert view(found) == ProfileView("Web/InstanceProfile", None)


def test_does_not_know_profiles_outside_the_stack() -> None:
    found = values(synthesized(PLAIN))

    assert found.iam.profile(profile_arn("Other")) is None
    assert found.iam.planned_profile(profile_arn("Other"), lambda _: GIVEN) is None


def test_names_a_resource_without_a_name_by_its_construct() -> None:
    found = values(synthesized(PLAIN))
    wanted(found)

    assert found.iam.names() == {
        NEW_PROFILE: "Web/InstanceProfile",
        NEW_PROFILE.rpartition("/")[2]: "Web/InstanceProfile",
        NEW_ROLE: "Web/Role",
        NEW_ROLE.rpartition("/")[2]: "Web/Role",
    }


def test_names_a_deployed_profile_by_its_construct() -> None:
    assert values(synthesized(PLAIN), deployed()).iam.names() == {"Servers-Profile-1": "Web/InstanceProfile"}


# Properties


def test_gives_the_properties_as_cloudformation_sends_them() -> None:
    sent = properties(values(synthesized(Servers(replaces=("Old",)))))

    assert sent == {
        "InstanceProfileArn": NEW_PROFILE,
        "RoleArn": NEW_ROLE,
        "InstanceTags": {"app": ["web"]},
        "Replaces": [{"InstanceProfileArn": profile_arn("Old"), "RoleArn": role_arn("Old")}],
        "OnConflict": "FAIL",
        "RemovalPolicy": "Destroy",
        "TimeoutSeconds": "1800",
        "ServiceTimeout": "3600",
    }


def test_leaves_out_the_instances_that_the_deployment_creates() -> None:
    found = values(synthesized(Servers(ids=LISTED.ids, server=True)))
    (logical_id,) = (id_ for id_ in found.resources if id_.startswith("WebFleet"))

    assert properties(found)["InstanceIds"] == list(LISTED.ids)
    assert found.new_instances(logical_id) == ["Server"]


def test_knows_the_id_of_an_existing_instance() -> None:
    both = Servers(ids=LISTED.ids, server=True)
    found = values(synthesized(both), deployed(both, PHYSICAL | {"Server": "i-0fedcba9876543210"}))
    (logical_id,) = (id_ for id_ in found.resources if id_.startswith("WebFleet"))

    assert properties(found)["InstanceIds"] == [*LISTED.ids, "i-0fedcba9876543210"]
    assert not found.new_instances(logical_id)


def test_creates_no_instance_that_is_selected_by_tags() -> None:
    found = values(synthesized(PLAIN))
    (logical_id,) = (id_ for id_ in found.resources if id_.startswith("WebFleet"))

    assert not found.new_instances(logical_id)


@pytest.mark.parametrize("kind", ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"])
def test_names_an_alarm_that_the_deployment_creates_by_its_construct(kind: str) -> None:
    found = values(watched(kind))

    assert properties(found)["Rollout"] == {"First": "1", "Alarms": ["Latency", "(new) Web/Errors"]}


def test_knows_the_name_of_an_existing_alarm() -> None:
    template = watched("AWS::CloudWatch::Alarm")
    before = DeployedStack("arn:the-stack", template, PHYSICAL | {"WebErrors1": "Servers-WebErrors1-7F"})

    assert properties(values(template, before))["Rollout"]["Alarms"] == ["Latency", "Servers-WebErrors1-7F"]


def test_fails_when_an_alarm_is_not_known_before_the_deployment() -> None:
    with pytest.raises(UnresolvedError, match=r"^WebErrors1 is not known before the deployment"):
        properties(values(watched("Custom::Alarm")))


def watched(kind: str) -> dict[str, Any]:
    """A template with an alarm of its own that the rollout watches besides another one."""
    rollout = {"First": 1, "Alarms": ["Latency", {"Ref": "WebErrors1"}]}
    template = edited(synthesized(LISTED), "WebFleetD6570632", "Rollout", rollout)
    alarm = {"Type": kind, "Metadata": {"aws:cdk:path": f"{STACK}/Web/Errors/Resource"}}
    return {**template, "Resources": {**template["Resources"], "WebErrors1": alarm}}


def test_knows_a_deployed_profile_whose_name_only_cloudformation_resolves() -> None:
    name = "{{resolve:ssm:/web/profile}}"
    template = edited(synthesized(PLAIN), "WebInstanceProfile042D7DF9", "InstanceProfileName", name)
    before = DeployedStack("arn:the-stack", template, PHYSICAL)

    assert wanted(values(template, before)) == (OLD_PROFILE, OLD_ROLE)
    with pytest.raises(UnresolvedError, match=r"\{\{resolve:ssm:/web/profile\}\} is not known"):
        wanted(values(template))


def test_fails_when_a_target_is_not_known_before_the_deployment() -> None:
    (logical_id,) = (id_ for id_ in synthesized(LISTED).associations)
    template = edited(synthesized(LISTED), logical_id, "InstanceIds", [{"Fn::GetAtt": ["Launcher", "InstanceId"]}])

    with pytest.raises(UnresolvedError, match=r"Launcher\.InstanceId is not known before the deployment"):
        properties(values(template))


# Parameters and pseudo parameters


@pytest.mark.parametrize(
    ("parameter", "given", "comes_to"),
    [
        ({"Type": "String", "Default": "dev"}, {}, "dev"),
        ({"Type": "String", "Default": "dev"}, {"It": "prod"}, "prod"),
        ({"Type": "Number", "Default": 3}, {}, "3"),
        ({"Type": "String", "Default": True}, {}, "true"),
        ({"Type": "CommaDelimitedList", "Default": "a, b"}, {}, ["a", "b"]),
        ({"Type": "List<AWS::EC2::Instance::Id>"}, {"It": "i-1,i-2"}, ["i-1", "i-2"]),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/ami"}, {"It": "ami-1"}, "ami-1"),
        ({"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/ids"}, {"It": "i-1,i-2"}, ["i-1", "i-2"]),
    ],
)
def test_knows_parameters(parameter: dict[str, str], given: dict[str, str], comes_to: Any) -> None:
    found = values({"Parameters": {"It": parameter}}, DeployedStack("arn:the-stack", {"Resources": {}}, {}, given))

    assert found.resolve({"Ref": "It"}) == comes_to


@pytest.mark.parametrize(
    ("kind", "given", "comes_to"),
    [
        ("String", "prod", "prod"),
        ("String", True, "true"),
        ("Number", 3, "3"),
        ("CommaDelimitedList", ["a", "b"], ["a", "b"]),
        ("CommaDelimitedList", "a, b", ["a", "b"]),
        ("String", ["a", "b"], "a,b"),
    ],
)
def test_reads_a_parameter_from_the_parent_stack(kind: str, given: Any, comes_to: Any) -> None:
    template = {"Parameters": {"It": {"Type": kind, "Default": "dev"}}, "Resources": {}}
    before = DeployedStack("arn:the-stack", template, {}, {"It": "before"})

    found = StackValues(template, PLACE, before, replace(EXTERNAL, given={"It": lambda: given}))

    assert found.resolve({"Ref": "It"}) == comes_to


NO_VALUE = StackValues({}, PLACE, None, EXTERNAL).resolve({"Ref": "AWS::NoValue"})


@pytest.mark.parametrize("was", [{}, {"It": "before"}], ids=["", "deployed"])
def test_uses_the_default_of_a_parameter_that_the_parent_stack_leaves_out(was: dict[str, str]) -> None:
    template = {"Parameters": {"It": {"Type": "CommaDelimitedList", "Default": "a,b"}}, "Resources": {}}
    before = DeployedStack("arn:the-stack", template, {}, was)

    found = StackValues(template, PLACE, before, replace(EXTERNAL, given={"It": lambda: NO_VALUE}))

    assert found.resolve({"Ref": "It"}) == ["a", "b"]


def test_fails_when_the_parent_stack_leaves_out_a_parameter_without_a_default() -> None:
    template = {"Parameters": {"It": {"Type": "String"}}, "Resources": {}}
    found = StackValues(template, PLACE, None, replace(EXTERNAL, given={"It": lambda: NO_VALUE}))

    with pytest.raises(UnresolvedError, match=r"^It is not known before the deployment$"):
        found.resolve({"Ref": "It"})


def test_reads_the_value_of_a_systems_manager_parameter_from_the_deployed_stack() -> None:
    template = {"Parameters": {"It": {"Type": "AWS::SSM::Parameter::Value<String>"}}}
    before = DeployedStack("arn:the-stack", {"Resources": {}}, {}, {"It": "ami-1"})

    found = StackValues(template, PLACE, before, replace(EXTERNAL, given={"It": lambda: "/ami"}))

    assert found.resolve({"Ref": "It"}) == "ami-1"


@pytest.mark.parametrize("around", [{}, {"It": lambda: "/ami"}], ids=["", "nested"])
@pytest.mark.parametrize("is_deployed", [False, True])
@pytest.mark.parametrize(("named", "shown"), [({"Default": "/web/ids"}, "/web/ids"), ({}, "It")])
def test_fails_when_the_deployment_reads_a_parameter_from_systems_manager(
    around: dict[str, Any], is_deployed: bool, named: dict[str, str], shown: str
) -> None:
    template = {"Parameters": {"It": {"Type": "AWS::SSM::Parameter::Value<List<String>>", **named}}, "Resources": {}}
    before = DeployedStack("arn:the-stack", template, {}, {"It": "i-1"}) if is_deployed else None
    was = values(template, before).resolve if is_deployed else None

    found = StackValues(template, PLACE, before, replace(EXTERNAL, given=around), was)

    with pytest.raises(
        UnresolvedError, match=f"^{shown} is not known before the deployment, which reads it from Systems Manager$"
    ):
        found.resolve({"Ref": "It"})


def test_knows_the_name_of_a_parameter_of_systems_manager() -> None:
    template = {"Parameters": {"It": {"Type": "AWS::SSM::Parameter::Name", "Default": "/web/ids"}}}

    assert values(template).resolve({"Ref": "It"}) == "/web/ids"


def test_reads_only_needed_parameters_from_the_parent_stack() -> None:
    def unknown() -> Any:
        raise UnresolvedError("Topic is not known before the deployment")

    found = StackValues(synthesized(PLAIN).template, PLACE, None, replace(EXTERNAL, given={"It": unknown}))

    assert wanted(found) == (NEW_PROFILE, NEW_ROLE)
    with pytest.raises(UnresolvedError, match="Topic is not known"):
        found.resolve({"Ref": "It"})


def test_reads_outputs_of_a_nested_stack() -> None:
    template = {"Resources": {"Nested": {"Type": "AWS::CloudFormation::Stack"}}}
    external = replace(EXTERNAL, nested=lambda logical_id, name: f"{name} of {logical_id}")

    found = StackValues(template, PLACE, None, external)

    assert found.resolve({"Fn::GetAtt": ["Nested", "Outputs.Id"]}) == "Id of Nested"


def test_knows_the_arn_of_a_deployed_function() -> None:
    template = {"Resources": {"Handler": {"Type": "AWS::Lambda::Function"}}}
    found = values(template, DeployedStack("arn:the-stack", template, {"Handler": "Servers-Handler-1"}))

    arn = found.resolve({"Fn::GetAtt": ["Handler", "Arn"]})

    assert arn == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Servers-Handler-1"
    with pytest.raises(UnresolvedError) as error:
        values(template).resolve({"Fn::GetAtt": ["Handler", "Arn"]})
    assert error.value.identity not in (None, arn)


@pytest.mark.parametrize(
    "instance", [{"Ref": "Server"}, {"Fn::GetAtt": ["Server", "InstanceId"]}, {"Fn::Sub": "${Server.InstanceId}"}]
)
def test_knows_the_id_of_an_instance_of_the_stack_however_it_is_written(instance: Any) -> None:
    template = edited(synthesized(Servers(ids=LISTED.ids, server=True)), "WebFleetD6570632", "InstanceIds", [instance])
    found = values(template, DeployedStack("arn:the-stack", template, PHYSICAL | {"Server": "i-1"}))

    assert properties(found)["InstanceIds"] == ["i-1"]
    assert found.new_instances("WebFleetD6570632") == []
    assert values(template).new_instances("WebFleetD6570632") == ["Server"]


@pytest.mark.parametrize(
    ("given", "comes_to"), [([{"Ref": "Server"}], ["Server"]), ([{"Fn::If": ["No", {"Ref": "Server"}, "i-1"]}], [])]
)
def test_follows_functions_to_an_instance_that_the_deployment_creates(given: Any, comes_to: list[str]) -> None:
    template = edited(synthesized(Servers(ids=LISTED.ids, server=True)), "WebFleetD6570632", "InstanceIds", given)
    found = values({**template, "Conditions": {"No": {"Fn::Equals": ["a", "b"]}}})

    assert found.new_instances("WebFleetD6570632") == comes_to


def test_placeholder_names_differ_between_stacks() -> None:
    nested = replace(PLACE, address=PLACE.address.inner("Nested"))

    assert len({wanted(values(synthesized(PLAIN), place=place))[1] for place in (PLACE, nested)}) == 2


def test_fails_when_a_parameter_has_no_value_yet() -> None:
    with pytest.raises(UnresolvedError, match="It is not known before the deployment"):
        values({"Parameters": {"It": {"Type": "String"}}}).resolve({"Ref": "It"})


@pytest.mark.parametrize("no_echo", [True, "true"])
def test_fails_when_cloudformation_does_not_show_the_value_of_a_parameter(no_echo: Any) -> None:
    template = {"Parameters": {"It": {"Type": "String", "NoEcho": no_echo, "Default": "x"}}}
    found = values(template, DeployedStack("arn:the-stack", template, {}, {"It": "****"}))

    with pytest.raises(UnresolvedError, match="It is not known before the deployment"):
        found.resolve({"Ref": "It"})
    assert values(template).resolve({"Ref": "It"}) == "x"


@pytest.mark.parametrize(
    ("name", "comes_to"),
    [
        ("AccountId", ACCOUNT),
        ("Region", REGION),
        ("Partition", "aws"),
        ("StackName", STACK),
        ("URLSuffix", "amazonaws.com"),
        ("NotificationARNs", []),
        ("StackId", "arn:the-stack"),
    ],
)
def test_knows_pseudo_parameters(name: str, comes_to: Any) -> None:
    assert values({}, deployed()).resolve({"Ref": f"AWS::{name}"}) == comes_to


@pytest.mark.parametrize("before", [True, False])
def test_knows_the_name_of_a_nested_stack_once_it_is_deployed(before: bool) -> None:
    id_ = "arn:aws:cloudformation:eu-west-1:111122223333:stack/Servers-Nested-1AB2C3D4/0f1e2d3c"
    nested = replace(PLACE, address=PLACE.address.inner("Nested"))
    found = values({}, DeployedStack(id_, {"Resources": {}}, {}) if before else None, nested)

    if before:
        assert found.resolve({"Ref": "AWS::StackName"}) == "Servers-Nested-1AB2C3D4"
    else:
        with pytest.raises(UnresolvedError, match="AWS::StackName is not known before the deployment"):
            found.resolve({"Ref": "AWS::StackName"})


def test_knows_the_partition_and_the_url_suffix_of_china() -> None:
    template = {"Resources": {"Web": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "Web"}}}}
    china = values(template, place=StackLocation(ACCOUNT, "cn-north-1", "aws-cn", Address(STACK)))

    assert china.resolve({"Ref": "AWS::URLSuffix"}) == "amazonaws.com.cn"
    assert china.iam.arn("Web") == f"arn:aws-cn:iam::{ACCOUNT}:role/Web"


def test_fails_when_the_stack_has_no_id_yet() -> None:
    with pytest.raises(UnresolvedError, match="AWS::StackId is not known before the deployment"):
        values({}).resolve({"Ref": "AWS::StackId"})


def edited(stack: StackArtifact, logical_id: str, key: str, value: Any) -> dict[str, Any]:
    """A template in which a resource has another property."""
    resource = stack.resources[logical_id]
    changed = {**resource, "Properties": {**resource["Properties"], key: value}}
    return {**stack.template, "Resources": {**stack.resources, logical_id: changed}}
