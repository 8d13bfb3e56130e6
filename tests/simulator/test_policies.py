"""The handler's policies without a synthesis for each, and what they allow."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import App as CdkApp
from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection, ReplaceableProfiles
from cdk_instance_role.runtime.association.request.desired import ProfileRef
from tests.simulator import authority
from tests.simulator.authority import Attempt, Authority
from tests.simulator.driver import STACK_ID
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.rights import (
    OWNED_PATH,
    SIBLING_PATH,
    STACK,
    App,
    Document,
    Shape,
    UnresolvedError,
    Values,
    associate,
    policies_for,
    policies_for_properties,
    references_of,
    synthesized,
    template_of,
)
from tests.synth.builders import IRELAND, new_app, new_stack

IAM = f"arn:aws:iam::{ACCOUNT}"
INSTANCES = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance"
TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Ledger"
LOG_GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:Handler:*"
TARGET, ANOTHER_TARGET, STRANGER = "i-0123456789abcdef0", "i-0fedcba9876543210", "i-0000000000000000f"
TAGS = {"app": ["web", "api"], "env": ["prod"]}
MATCHING, NOT_MATCHING = {"app": "api", "env": "prod"}, {"app": "web", "env": "test"}


def profile(name: str, path: str = "/") -> ProfileRef:
    return ProfileRef(f"{IAM}:instance-profile{path}{name}", f"{IAM}:role/{name}")


OWNED, NEXT_OWNED = profile("Web", OWNED_PATH), profile("Next", OWNED_PATH)
SIBLING = profile("Ops", SIBLING_PATH)
IMPORTED, OLD, OLDER, FOREIGN = (profile(name) for name in ("Imported", "Old", "Older", "Foreign"))
ONE = Shape(ids=1)
SHAPES = [
    Shape(ids=ids, tags=tags, replaces=replaces, owned=owned, moves=moves)
    for owned, moves in ((True, False), (True, True), (False, False))
    for ids, tags in ((2, ()), (0, tuple((key, tuple(values)) for key, values in TAGS.items())))
    for replaces in (0, 2, "any")
] + [Shape(ids=2, tokens=True, replaces=2)]


def name_of(shape: Shape) -> str:
    whose = "named" if shape.moves else "owned" if shape.owned else "imported"
    return f"{whose}, {'tags' if shape.tags else 'tokens' if shape.tokens else 'ids'}, replaces {shape.replaces}"


def values_of(shape: Shape) -> Values:
    return Values(
        OWNED if shape.owned else IMPORTED,
        TABLE_ARN,
        LOG_GROUP_ARN,
        instance_ids=(TARGET, ANOTHER_TARGET)[: shape.ids],
        replaces=(OLD, OLDER)[: shape.replaces] if isinstance(shape.replaces, int) else (),
    )


def properties_of(shape: Shape) -> dict[str, Any]:
    """The properties of the custom resource."""
    values = values_of(shape)
    return {
        **rendered(values.profile),
        **({"InstanceTags": TAGS} if shape.tags else {"InstanceIds": list(values.instance_ids)}),
        "Replaces": "*" if shape.replaces == "any" else [rendered(one) for one in values.replaces],
        "OnConflict": "FAIL",
    }


def rendered(ref: ProfileRef) -> dict[str, str]:
    return {"InstanceProfileArn": ref.arn, "RoleArn": ref.role_arn}


def derived(shape: Shape) -> dict[str, Document]:
    return policies_for_properties(
        properties_of(shape), shape.owned, TABLE_ARN, LOG_GROUP_ARN, moves=shape.moves, tokens=shape.tokens
    )


def role_with(shape: Shape) -> Authority:
    return Authority(derived(shape))


def literal(stack: Stack, ref: ProfileRef) -> iam.IInstanceProfile:
    """A profile imported by its ARN, as users do."""
    name = ref.arn.rpartition("/")[2]
    return iam.InstanceProfile.from_instance_profile_attributes(
        stack, name, instance_profile_arn=ref.arn, role=iam.Role.from_role_arn(stack, f"{name}Role", ref.role_arn)
    )


def synthesized_with(shape: Shape) -> dict[str, Document]:
    """The policies in a template that has been synthesized with the very ids and ARNs."""
    stack, values = new_stack(STACK), values_of(shape)
    instances = InstanceSelection.by_tags(TAGS) if shape.tags else InstanceSelection.by_ids(*values.instance_ids)
    replaces = ReplaceableProfiles.any() if shape.replaces == "any" else ReplaceableProfiles.none()
    if values.replaces:
        replaces = ReplaceableProfiles.profiles(*(literal(stack, ref) for ref in values.replaces))
    imported = None if shape.owned else literal(stack, IMPORTED)
    name = f"{STACK}-Web"
    associate(stack, instances, replaces, imported=imported, name=name if shape.moves else None)
    template = synthesized(stack)
    app = App({STACK: template}, references_of(shape, template, values))
    text = json.dumps({**app.inline_policies(), **app.managed_policies()})
    # The derived policies are for every name that a test gives.
    documents: dict[str, Document] = json.loads(text.replace(f"instance-profile/{name}", f"instance-profile/{STACK}-*"))
    return documents


def statements(policies: Mapping[str, Document]) -> list[str]:
    """All statements, in an order that does not depend on how they are packed into policies."""
    return sorted(
        json.dumps(in_order(one), sort_keys=True) for policy in policies.values() for one in policy["Statement"]
    )


def in_order(value: Any) -> Any:
    """IAM gives no meaning to the order of a list."""
    match value:
        case dict():
            return {key: in_order(item) for key, item in value.items()}
        case list():
            return sorted(value)
    return value


@pytest.mark.parametrize("shape", [one for one in SHAPES if not one.tokens], ids=name_of)
def test_the_statements_are_those_of_a_template_with_the_same_ids_and_arns(shape: Shape) -> None:
    assert statements(derived(shape)) == statements(synthesized_with(shape))


@pytest.mark.parametrize("shape", SHAPES, ids=name_of)
def test_every_reference_is_resolved(shape: Shape) -> None:
    text = json.dumps(derived(shape))
    assert not any(intrinsic in text for intrinsic in ("Ref", "Fn::", "${", "Token["))


def managed(policies: Mapping[str, Document]) -> set[str]:
    return {name for name in policies if "/" not in name}


def test_an_inline_policy_is_named_after_its_role() -> None:
    (name,) = derived(ONE).keys() - managed(derived(ONE))
    assert name.startswith("InstanceProfileAssociationProviderHandlerRole")
    assert name.endswith("/Handler")


def test_a_managed_policy_has_its_logical_id_but_for_the_digest() -> None:
    in_template = App({STACK: template_of(ONE)}, _Anything()).managed_policies()
    assert [name[:-8] for name in managed(derived(ONE))] == [id_[:-8] for id_ in in_template]


@pytest.mark.parametrize(
    "change",
    [{"instance_ids": (ANOTHER_TARGET,)}, {"profile": NEXT_OWNED}],
    ids=["another target", "another profile"],
)
def test_the_policies_of_another_configuration_have_other_names(change: dict[str, Any]) -> None:
    values = values_of(ONE)
    other = dataclasses.replace(values, **change)
    assert not managed(policies_for(ONE, values)) & managed(policies_for(ONE, other))


def test_an_owned_profile_that_is_renamed_changes_the_policy_in_place() -> None:
    values = values_of(ONE)
    renamed = dataclasses.replace(values, profile=NEXT_OWNED)
    before, after = (policies_for(ONE, those, in_place=True) for those in (values, renamed))
    assert before.keys() == after.keys()
    assert statements(before) != statements(after)


def test_other_targets_do_not_change_a_policy_in_place() -> None:
    values = values_of(ONE)
    other = dataclasses.replace(values, instance_ids=(ANOTHER_TARGET,))
    before, after = (policies_for(ONE, those, in_place=True) for those in (values, other))
    assert not managed(before) & managed(after)


def test_a_change_of_the_result_does_not_change_the_next_result() -> None:
    derived(ONE).clear()
    assert derived(ONE)


def test_fails_when_an_owned_profile_has_another_path() -> None:
    with pytest.raises(ValueError, match="Web does not have the path of the stack's own profiles"):
        policies_for(ONE, dataclasses.replace(values_of(ONE), profile=profile("Web")))


def test_fails_when_the_values_are_for_another_shape() -> None:
    with pytest.raises(ValueError, match="these values are for another shape"):
        policies_for(Shape(ids=2), values_of(ONE))


def test_finds_the_policies_of_a_stack_that_shares_a_provider_with_others() -> None:
    policies = App(sharing(), _Anything()).managed_policies()
    assert [name.partition("/")[0] for name in policies] == ["One", "Two"]


def test_finds_what_is_granted_to_the_role_of_the_handler_from_outside() -> None:
    stack = new_stack(STACK)
    provider = AssociationProvider.of(stack)
    provider.handler_role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]))
    (policy,) = App({STACK: synthesized(stack)}, _Anything()).managed_policies().values()
    assert policy["Statement"] == [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]


def test_fails_when_the_role_of_the_handler_has_a_policy_from_elsewhere() -> None:
    stack = new_stack(STACK)
    AssociationProvider.of(stack).handler_role.add_managed_policy(
        iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
    )
    with pytest.raises(UnresolvedError, match="ReadOnlyAccess"):
        App({STACK: synthesized(stack)}, _Anything()).inline_policies()


class _Anything(dict[str, str]):
    """A value for every reference."""

    def __missing__(self, path: str) -> str:
        return path


def sharing() -> dict[str, Any]:
    """The templates of two stacks that share the provider of a third."""
    app: CdkApp = new_app()
    home, one, two = (Stack(app, name, env=IRELAND) for name in ("Home", "One", "Two"))
    provider = AssociationProvider(home, "Provider")
    for stack, target in ((one, TARGET), (two, ANOTHER_TARGET)):
        InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(target), provider=provider)
    return {stack.stack_name: synthesized(stack) for stack in (home, one, two)}


TEMPLATES: dict[str, Any] = {
    "One": {"Resources": {}, "Outputs": {"Out": {"Value": {"Ref": "Id"}, "Export": {"Name": "Shared"}}}},
    "Two": {"Resources": {}},
}
VALUES = {"One/Id": "i-1", "One/Role.Arn": "arn", "AWS::Region": REGION}


@pytest.mark.parametrize(
    ("stack", "node", "text"),
    [
        ("One", {"Ref": "Id"}, "i-1"),
        ("One", {"Ref": "AWS::Region"}, REGION),
        ("One", {"Fn::GetAtt": ["Role", "Arn"]}, "arn"),
        ("One", {"Fn::Join": ["/", ["a", {"Ref": "Id"}]]}, "a/i-1"),
        ("One", {"Fn::Sub": "${Id} ${Role.Arn} ${AWS::Region} ${!Id}"}, f"i-1 arn {REGION} ${{Id}}"),
        ("One", {"Fn::Sub": ["${Id} ${Own}", {"Own": {"Ref": "Id"}}]}, "i-1 i-1"),
        ("Two", {"Fn::ImportValue": "Shared"}, "i-1"),
        ("Two", {"Fn::GetStackOutput": {"StackName": "One", "OutputName": "Out", "Region": REGION}}, "i-1"),
        ("One", [{"Deep": {"Ref": "Id"}}], [{"Deep": "i-1"}]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_resolves_references_and_functions(stack: str, node: Any, text: Any) -> None:
    assert App(TEMPLATES, VALUES).resolve(stack, node) == text


@pytest.mark.parametrize(
    "node",
    [{"Ref": "Unknown"}, {"Fn::Base64": "text"}, {"Fn::ImportValue": "Unknown"}],
    ids=["reference", "function", "export"],
)
def test_fails_to_resolve_an_unknown_reference(node: Any) -> None:
    with pytest.raises(UnresolvedError):
        App(TEMPLATES, VALUES).resolve("One", node)


def wanted(shape: Shape) -> ProfileRef:
    return OWNED if shape.owned else IMPORTED


def to(instance: str, tags: Mapping[str, str], ref: ProfileRef, instead_of: ProfileRef | None = None) -> list[Attempt]:
    """What it needs to give a profile to an instance."""
    arn = f"{INSTANCES}/{instance}"
    if instead_of:
        return authority.replace(arn, tags, instead_of.arn, ref.arn, ref.role_arn)
    return authority.associate(arn, tags, None, ref.arn, ref.role_arn)


def off(instance: str, tags: Mapping[str, str], ref: ProfileRef) -> list[Attempt]:
    """What it needs to disassociate a profile from an instance."""
    return authority.disassociate(f"{INSTANCES}/{instance}", tags, ref.arn)


def a_target(shape: Shape) -> tuple[str, Mapping[str, str]]:
    return (STRANGER, MATCHING) if shape.tags else (TARGET, {})


def no_target(shape: Shape) -> tuple[str, Mapping[str, str]]:
    return (STRANGER, NOT_MATCHING) if shape.tags else (STRANGER, MATCHING)


LISTING = [shape for shape in SHAPES if shape.replaces == 2]
NOT_REPLACING = [shape for shape in SHAPES if shape.replaces == 0]
SELECTIVE = [shape for shape in SHAPES if shape.replaces != "any"]

every_shape = pytest.mark.parametrize("shape", SHAPES, ids=name_of)
selective = pytest.mark.parametrize("shape", SELECTIVE, ids=name_of)
listing = pytest.mark.parametrize("shape", LISTING, ids=name_of)


@every_shape
def test_may_describe_instances_and_get_the_wanted_profile(shape: Shape) -> None:
    calls = [
        *authority.describe("ec2:DescribeInstances"),
        *authority.describe("ec2:DescribeIamInstanceProfileAssociations"),
        *authority.get_instance_profile(wanted(shape).arn),
    ]
    assert role_with(shape).refused(calls) is None


@every_shape
def test_may_use_the_ledger(shape: Shape) -> None:
    items: dict[str, Any] = {"TransactItems": [{"Put": {}}, {"Delete": {}}, {"ConditionCheck": {}}]}
    calls = [
        attempt
        for operation in ("BatchGetItem", "GetItem", "Query", "UpdateItem", "TransactWriteItems")
        for attempt in authority.dynamodb(operation, items, TABLE_ARN)
    ]
    assert role_with(shape).refused(calls) is None


@every_shape
def test_may_not_use_another_table(shape: Shape) -> None:
    assert role_with(shape).refused(authority.dynamodb("GetItem", {}, f"{TABLE_ARN}2"))


@every_shape
def test_may_associate_the_wanted_profile_with_a_bare_target(shape: Shape) -> None:
    assert role_with(shape).refused(to(*a_target(shape), wanted(shape))) is None


# By tags, a bare instance may be one that has lost its tags, and any profile may be what it had before.
@pytest.mark.parametrize("shape", [one for one in SHAPES if one.ids or one.replaces != "any"], ids=name_of)
def test_may_not_associate_the_wanted_profile_with_a_bare_instance_that_is_no_target(shape: Shape) -> None:
    assert role_with(shape).refused(to(*no_target(shape), wanted(shape)))


@selective
def test_may_not_associate_another_profile_with_a_target(shape: Shape) -> None:
    refused = role_with(shape).refused(to(*a_target(shape), FOREIGN))
    assert refused
    assert refused.action == "ec2:AssociateIamInstanceProfile"


@selective
def test_may_not_pass_another_role_than_that_of_the_wanted_profile(shape: Shape) -> None:
    another_role = ProfileRef(wanted(shape).arn, FOREIGN.role_arn)
    refused = role_with(shape).refused(to(*a_target(shape), another_role))
    assert refused == Attempt("iam:PassRole", FOREIGN.role_arn, {"iam:PassedToService": "ec2.amazonaws.com"})


@every_shape
def test_may_not_pass_a_role_to_anything_but_ec2(shape: Shape) -> None:
    to_lambda = {"iam:PassedToService": "lambda.amazonaws.com"}
    assert not role_with(shape).allows(Attempt("iam:PassRole", wanted(shape).role_arn, to_lambda))


@every_shape
def test_may_remove_the_wanted_profile_from_any_instance(shape: Shape) -> None:
    assert role_with(shape).refused(off(*no_target(shape), wanted(shape))) is None


@selective
def test_may_not_displace_a_profile_that_is_not_listed(shape: Shape) -> None:
    assert role_with(shape).refused(to(*a_target(shape), wanted(shape), instead_of=FOREIGN))


@selective
def test_may_not_remove_a_profile_that_is_not_listed(shape: Shape) -> None:
    assert role_with(shape).refused(off(*a_target(shape), FOREIGN))


@selective
def test_may_not_get_a_profile_that_is_not_listed(shape: Shape) -> None:
    assert role_with(shape).refused(authority.get_instance_profile(FOREIGN.arn))


@pytest.mark.parametrize("shape", NOT_REPLACING, ids=name_of)
def test_may_not_give_a_foreign_profile_instead_of_the_wanted_one_without_replaces(shape: Shape) -> None:
    assert role_with(shape).refused(to(*a_target(shape), OLD, instead_of=wanted(shape)))


@listing
def test_may_displace_every_listed_profile_on_a_target(shape: Shape) -> None:
    for listed in (OLD, OLDER):
        assert role_with(shape).refused(to(*a_target(shape), wanted(shape), instead_of=listed)) is None


@listing
def test_may_not_displace_a_listed_profile_on_an_instance_that_is_no_target(shape: Shape) -> None:
    assert role_with(shape).refused(to(*no_target(shape), wanted(shape), instead_of=OLD))


@listing
def test_may_not_displace_a_listed_profile_by_another_than_the_wanted_one(shape: Shape) -> None:
    assert role_with(shape).refused(to(*a_target(shape), OLDER, instead_of=OLD))


@listing
def test_may_remove_a_listed_profile_from_a_stopped_target_and_put_it_back(shape: Shape) -> None:
    swap = [*off(*a_target(shape), OLD), *to(*a_target(shape), OLD)]
    assert role_with(shape).refused(swap) is None


@listing
def test_may_restore_a_listed_profile_on_a_target(shape: Shape) -> None:
    assert role_with(shape).refused(to(*a_target(shape), OLD, instead_of=wanted(shape))) is None


# An instance may have lost its tags, and one of the app may be another one by then.
@listing
def test_may_restore_a_listed_profile_on_an_instance_that_is_no_target_unless_the_ids_are_known(shape: Shape) -> None:
    refused = role_with(shape).refused(to(*no_target(shape), OLD, instead_of=wanted(shape)))
    assert (refused is None) == (bool(shape.tags) or shape.tokens)


@pytest.mark.parametrize("shape", [one for one in SHAPES if one.replaces == "any"], ids=name_of)
def test_may_displace_any_profile_on_a_target_and_restore_it(shape: Shape) -> None:
    there_and_back = [
        *to(*a_target(shape), wanted(shape), instead_of=FOREIGN),
        *to(*a_target(shape), FOREIGN, instead_of=wanted(shape)),
    ]
    assert role_with(shape).refused(there_and_back) is None


@pytest.mark.parametrize("shape", [one for one in SHAPES if one.replaces == "any"], ids=name_of)
def test_may_not_displace_any_profile_on_an_instance_that_is_no_target(shape: Shape) -> None:
    assert role_with(shape).refused(to(*no_target(shape), wanted(shape), instead_of=FOREIGN))


@pytest.mark.parametrize("shape", [one for one in SELECTIVE if one.owned], ids=name_of)
def test_moves_targets_only_from_a_profile_that_a_deployment_may_replace(shape: Shape) -> None:
    moved = role_with(shape).refused(to(*a_target(shape), OWNED, instead_of=NEXT_OWNED))
    assert (moved is None) == shape.moves
    assert role_with(shape).refused(to(*no_target(shape), OWNED, instead_of=NEXT_OWNED))


@selective
def test_may_not_take_over_an_instance_of_another_role_of_the_stack(shape: Shape) -> None:
    for instance, tags in (a_target(shape), no_target(shape)):
        assert role_with(shape).refused(to(instance, tags, wanted(shape), instead_of=SIBLING))
        assert role_with(shape).refused(to(instance, tags, SIBLING, instead_of=wanted(shape)))
        assert role_with(shape).refused(to(instance, tags, SIBLING))


@every_shape
def test_may_read_the_status_of_its_own_stack_only(shape: Shape) -> None:
    assert role_with(shape).allows(Attempt("cloudformation:DescribeStacks", STACK_ID))
    other = STACK_ID.replace("InstanceRole-web", "InstanceRole-api")
    assert not role_with(shape).allows(Attempt("cloudformation:DescribeStacks", other))
