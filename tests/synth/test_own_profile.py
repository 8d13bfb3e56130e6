"""The profile of an `InstanceRole` follows the changes of Aspects to it and to its role."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import jsii
import pytest
from aws_cdk import (
    Aspects,
    CfnResource,
    IAspect,
    IStableStringProducer,
    Lazy,
    NestedStack,
    PermissionsBoundary,
    Stack,
)
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection
from cdk_instance_role.instance_profiles.known_profile import KnownProfile
from tests.synth.builders import (
    BY_ID,
    IRELAND,
    associated,
    association_of,
    handler_policies,
    imported_profile,
    new_app,
    new_stack,
    resources,
)

ROLE, PROFILE = "AWS::IAM::Role", "AWS::IAM::InstanceProfile"
OWN_PATH = "/cdk-instance-role/Stack/29751047/"
WITHOUT_DIGEST = r"WebInstanceProfile[0-9A-F]{8}"
WITH_DIGEST = r"WebInstanceProfile[0-9A-F]{8}[0-9a-f]{8}"

READ = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])

Values = Mapping[str, Mapping[str, Any]]


@jsii.implements(IAspect)
class Override:
    """An Aspect that overrides properties, by type of the resource and name of the property."""

    def __init__(self, values: Values, of: str = "/Web/") -> None:
        self._values, self._of = values, of

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, CfnResource) and self._of in node.node.path:
            for name, value in self._values.get(node.cfn_resource_type, {}).items():
                node.add_property_override(name, value)


@jsii.implements(IAspect)
class SetPlainly:
    """An Aspect that sets properties of the construct, as TypeScript's do."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnRole) and "/Web/" in node.node.path:
            node.role_name = "corp-web"


def with_aspect(aspect: Any, stack: Stack | None = None, **props: Any) -> tuple[Stack, InstanceRole]:
    stack = stack or new_stack()
    web = InstanceRole(stack, "Web", **props)
    web.associate_with("Fleet", BY_ID)
    if aspect:
        Aspects.of(stack).add(aspect)
    return stack, web


def profile_id(stack: Stack) -> str:
    (id_,) = resources(stack, PROFILE)
    return id_


@jsii.implements(IStableStringProducer)
class Later:
    """A value that is known when the app has been built. The CDK asks for it once and remembers the answer."""

    value = "unknown"

    def produce(self) -> str:
        return self.value


def lazily_named_role(stack: Stack, name: str) -> iam.Role:
    return iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"), role_name=name)


def lazily_named_profile(stack: Stack, name: str) -> None:
    profile = iam.InstanceProfile(stack, "Plain", role=lazily_named_role(stack, "web"), instance_profile_name=name)
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_ID)


def named(name: str) -> Override:
    return Override({ROLE: {"RoleName": name}})


# Names


def test_without_aspects_the_logical_id_of_the_profile_has_no_digest() -> None:
    assert re.fullmatch(WITHOUT_DIGEST, profile_id(with_aspect(None)[0]))


@pytest.mark.parametrize(
    "aspect",
    [named("corp-web"), SetPlainly(), Override({ROLE: {"Path": "/corp/"}})],
    ids=["a name by an override", "a name by an attribute", "a path"],
)
def test_a_role_that_an_aspect_replaces_has_another_profile(aspect: Any) -> None:
    stack, web = with_aspect(aspect)
    id_ = profile_id(stack)
    assert re.fullmatch(WITH_DIGEST, id_)
    assert association_of(stack)["Properties"]["InstanceProfileArn"] == {"Fn::GetAtt": [id_, "Arn"]}
    assert KnownProfile.of(web.instance_profile).moves


def test_another_name_from_an_aspect_gives_another_profile_and_the_same_name_the_same_one() -> None:
    one, again, other = (profile_id(with_aspect(named(name))[0]) for name in ("one", "one", "other"))
    assert one == again != other


def test_a_name_from_an_aspect_counts_like_one_from_the_app() -> None:
    assert profile_id(with_aspect(named("web"))[0]) == profile_id(with_aspect(None, role_name="web")[0])


@pytest.mark.parametrize(
    "define",
    [
        pytest.param(lambda stack, name: with_aspect(None, stack, role_name=name), id="the own role"),
        pytest.param(lambda stack, name: with_aspect(None, stack, instance_profile_name=name), id="the own profile"),
        pytest.param(
            lambda stack, name: with_aspect(None, stack, role=lazily_named_role(stack, name)), id="a given role"
        ),
        pytest.param(
            lambda stack, name: with_aspect(None, stack, role=iam.Role.from_role_name(stack, "Given", name)),
            id="an imported role",
        ),
        pytest.param(
            lambda stack, name: with_aspect(
                None,
                stack,
                role=iam.Role.from_role_name(stack, "Given", name),
                managed_policies=[iam.ManagedPolicy(stack, "Policy", statements=[READ])],
            ),
            id="an imported role that is given a policy",
        ),
        pytest.param(lazily_named_profile, id="a profile of the CDK"),
        pytest.param(
            lambda stack, name: InstanceProfileAssociation(
                stack, "Fleet", instance_profile=imported_profile(stack, name, id="Imported"), instances=BY_ID
            ),
            id="an imported profile",
        ),
    ],
)
def test_a_name_that_the_app_gives_later_is_read_at_synthesis(define: Callable[[Stack, str], object]) -> None:
    stack, later = new_stack(), Later()
    define(stack, Lazy.string(later))
    later.value = "shop-web"

    template = json.dumps(resources(stack))

    assert "shop-web" in template
    assert "unknown" not in template


def test_an_aspect_that_does_not_change_the_role_changes_nothing() -> None:
    tags = Override({ROLE: {"Description": "Managed by the platform team", "MaxSessionDuration": 3600}})
    assert profile_id(with_aspect(tags)[0]) == profile_id(with_aspect(None)[0])


def test_an_aspect_on_a_role_of_another_stack_is_respected() -> None:
    def build(aspect: Any) -> str:
        app = new_app()
        roles, stack = Stack(app, "Roles", env=IRELAND), Stack(app, "Stack", env=IRELAND)
        role = iam.Role(roles, "Web", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        InstanceRole(stack, "Web", role=role).associate_with("Fleet", BY_ID)
        if aspect:
            Aspects.of(app).add(aspect)
        return profile_id(stack)

    assert build(None) != build(named("corp-web"))


def test_an_aspect_is_respected_in_a_nested_stack() -> None:
    def build(aspect: Any) -> str:
        nested = NestedStack(new_stack(), "Nested")
        InstanceRole(nested, "Web")
        if aspect:
            Aspects.of(nested).add(aspect)
        return profile_id(nested)

    assert re.fullmatch(WITHOUT_DIGEST, build(None))
    assert re.fullmatch(WITH_DIGEST, build(named("corp-web")))


def test_a_logical_id_that_the_app_gives_stays() -> None:
    stack, web = with_aspect(named("corp-web"))
    resource: Any = web.instance_profile.node.default_child
    resource.override_logical_id("Mine")
    assert profile_id(stack) == "Mine"


def test_a_rename_of_the_logical_id_is_respected() -> None:
    stack = new_stack()
    plain = profile_id(with_aspect(None)[0])
    stack.rename_logical_id(plain, "Renamed")
    with_aspect(named("corp-web"), stack)
    assert re.fullmatch(r"Renamed[0-9a-f]{8}", profile_id(stack))


def test_a_role_with_another_logical_id_is_another_role_with_another_profile() -> None:
    def build(logical_id: str | None) -> str:
        stack, web = with_aspect(None)
        resource: Any = web.role.node.default_child
        if logical_id:
            resource.override_logical_id(logical_id)
        return profile_id(stack)

    assert re.fullmatch(WITHOUT_DIGEST, build(None))
    assert re.fullmatch(WITH_DIGEST, build("Mine"))
    assert build("Mine") != build("Yours")


def test_instances_may_move_to_a_profile_whose_logical_id_the_app_gives() -> None:
    stack, web = with_aspect(None)
    resource: Any = web.instance_profile.node.default_child
    resource.override_logical_id("Mine")
    resources(stack)
    assert KnownProfile.of(web.instance_profile).moves


def test_instances_may_move_to_a_profile_that_an_aspect_names() -> None:
    stack, web = with_aspect(Override({PROFILE: {"InstanceProfileName": "corp-web"}}))
    resources(stack)
    assert KnownProfile.of(web.instance_profile).moves
    assert re.fullmatch(WITHOUT_DIGEST, profile_id(stack))


def test_a_profile_that_an_aspect_names_has_another_name_with_another_role() -> None:
    def name(role: str) -> str:
        stack, _ = with_aspect(Override({PROFILE: {"InstanceProfileName": "corp-web"}}), role_name=role)
        found = str(resources(stack)[profile_id(stack)]["Properties"]["InstanceProfileName"])
        assert re.fullmatch(r"corp-web-[0-9a-f]{8}", found)
        return found

    assert name("one") == name("one") != name("other")


def test_a_name_from_an_aspect_that_is_a_token_gets_the_digest_too() -> None:
    def name(role: str) -> Any:
        function = {"Fn::Sub": "${AWS::StackName}-web"}
        stack, _ = with_aspect(Override({PROFILE: {"InstanceProfileName": function}}), role_name=role)
        found = resources(stack)[profile_id(stack)]["Properties"]["InstanceProfileName"]
        given, digest = found["Fn::Join"][1]
        assert given == function
        assert found == resources(stack)[profile_id(stack)]["Properties"]["InstanceProfileName"], "a second synthesis"
        return digest

    assert name("one") == name("one") != name("other")


def test_a_long_name_from_an_aspect_stays_within_the_limit() -> None:
    stack, _ = with_aspect(Override({PROFILE: {"InstanceProfileName": "n" * 128}}), role_name="web")
    assert len(resources(stack)[profile_id(stack)]["Properties"]["InstanceProfileName"]) == 128


def test_a_name_that_the_app_gives_stays() -> None:
    stack, _ = with_aspect(named("corp-web"), instance_profile_name="web")
    assert resources(stack)[profile_id(stack)]["Properties"]["InstanceProfileName"] == "web"


@pytest.mark.parametrize(("kind", "name"), [(ROLE, "RoleName"), (PROFILE, "InstanceProfileName")])
def test_fails_when_two_resources_of_a_stack_have_the_same_name(kind: str, name: str) -> None:
    stack = new_stack()
    InstanceRole(stack, "Web")
    InstanceRole(stack, "Ops")
    Aspects.of(stack).add(Override({kind: {name: "corp"}}, of="/"))
    with pytest.raises(
        RuntimeError, match=r"\[Stack/Web\] Ops\w+, Web\w+ have the name 'corp': give each a name of its"
    ):
        resources(stack)


def test_fails_when_two_names_differ_only_in_case() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", instance_profile_name="corp")
    InstanceRole(stack, "Ops", instance_profile_name="Corp")
    with pytest.raises(RuntimeError, match="have the name 'corp': give each a name of its own"):
        resources(stack)


def test_a_role_and_a_profile_may_have_the_same_name() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role_name="web", instance_profile_name="web")
    assert len(resources(stack)) == 2


# Paths


def path_of(stack: Stack) -> Any:
    return resources(stack)[profile_id(stack)]["Properties"]["Path"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/corp/", f"/corp{OWN_PATH}"),
        ("/corp/team/", f"/corp/team{OWN_PATH}"),
        (f"/corp{OWN_PATH}", f"/corp{OWN_PATH}"),
        (OWN_PATH, OWN_PATH),
        ("/", OWN_PATH),
    ],
)
def test_a_path_from_an_aspect_comes_before_the_own_path(path: str, found: str) -> None:
    assert path_of(with_aspect(Override({PROFILE: {"Path": path}}))[0]) == found


def test_profiles_that_get_the_same_path_from_an_aspect_do_not_share_it() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web")
    InstanceRole(stack, "Ops")
    Aspects.of(stack).add(Override({PROFILE: {"Path": "/corp/"}}, of="/"))
    assert len({one["Properties"]["Path"] for one in resources(stack, PROFILE).values()}) == 2


def test_associations_have_the_path_that_an_aspect_sets_and_the_former_ones() -> None:
    stack, web = with_aspect(Override({PROFILE: {"Path": "/corp/"}}), former_ids=["OldWeb"])
    former = "/cdk-instance-role/Stack/7eaa33f5/"
    given = association_of(stack)["Properties"]["FormerPaths"]
    known = KnownProfile.of(web.instance_profile)
    assert known.paths == (f"/corp{OWN_PATH}", f"/corp{former}", OWN_PATH, former)
    assert list(known.paths) == [f"/corp{OWN_PATH}", *given]
    assert known.moves


@pytest.mark.parametrize(
    "path", [{"Ref": "AWS::StackName"}, "/co*rp/", "/co rp/", "corp/", "/corp\n/", f"/{'c' * 500}/"], ids=str
)
def test_fails_when_an_aspect_sets_a_path_that_no_policy_can_name(path: Any) -> None:
    stack, _ = with_aspect(Override({PROFILE: {"Path": path}}))
    message = r"\[Stack/Web\] the IAM path of the instance profile is (.|\n)*: set a path like /corp/ that is known at"
    with pytest.raises(RuntimeError, match=message):
        resources(stack)


def test_fails_when_an_aspect_puts_another_role_into_the_profile() -> None:
    stack, _ = with_aspect(Override({PROFILE: {"Roles": ["platform"]}}))
    with pytest.raises(RuntimeError, match=r"the instance profile holds \['platform'\] .*: pass that role as role="):
        resources(stack)


# Permissions boundaries


def boundary_by_aspect(stack: Stack) -> None:
    iam.PermissionsBoundary.of(stack).apply(iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "Boundary"))


BOUNDED: dict[str, Callable[[], Stack]] = {
    "by the stack": lambda: Stack(
        new_app(), "Stack", env=IRELAND, permissions_boundary=PermissionsBoundary.from_name("Boundary")
    ),
    "by an Aspect": new_stack,
}


@pytest.mark.parametrize("how", BOUNDED)
def test_a_permissions_boundary_applies_to_every_role(how: str) -> None:
    stack = associated(InstanceSelection.by_tags({"app": ["web"]}), BOUNDED[how]())
    if how == "by an Aspect":
        boundary_by_aspect(stack)
    boundaries = [role["Properties"].get("PermissionsBoundary") for role in resources(stack, ROLE).values()]
    assert len(boundaries) > 1
    assert all("policy/Boundary" in str(boundary) for boundary in boundaries)


def test_references_to_the_profile_are_the_same_everywhere() -> None:
    stack, _ = with_aspect(named("corp-web"))
    found = profile_id(stack)
    assert set(re.findall(WITH_DIGEST, str(resources(stack)))) == {found}
    assert handler_policies(stack)
