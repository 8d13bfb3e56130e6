"""What the handler may do, as synthesized templates say it: from an association's properties to its policies."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Literal

from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template as Synthesized

from cdk_instance_role import (
    AssociationProvider,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    ReplaceableProfiles,
)
from cdk_instance_role.runtime.association.contract import ANY_PROFILE, Property
from cdk_instance_role.runtime.association.request.desired import ProfileRef
from tests.simulator.driver import STACK_ID
from tests.simulator.fleet import ACCOUNT, REGION
from tests.synth.all_settings import everything
from tests.synth.builders import new_stack

STACK = "InstanceRole-web"
OWNED_PATH = f"/cdk-instance-role/{STACK}/f11fdbf7/"
"""Path of every profile that the `InstanceRole` of the stack defines, with a digest of its id. The conditions of the
policies know such a profile by it, so what a test passes off as one must have it, too."""
SIBLING_PATH = f"/cdk-instance-role/{STACK}/00000000/"
"""Path of the profile of another `InstanceRole` of the stack."""

Template = Mapping[str, Any]
Document = Mapping[str, Any]

_HANDLER = "association.entry.handle"
_DIGEST_LENGTH = 8
_GIVEN = "given"
"""End of the name that the app gives to an owned profile. It stands for every name that a test gives it."""
_PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackId": STACK_ID,
}
_IN_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class UnresolvedError(Exception):
    """A template refers to something that is not known here."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template depends on. Everything else about an association is put in later, in place of a parameter, or of
    what is made up: ids, and the paths and names of imported profiles, are read at synthesis."""

    ids: int = 0
    """Number of instance ids; 0 for a selection by tags."""
    tokens: bool = False
    """The ids are those of instances of the app, which only the deployment knows."""
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Keys with their values; empty for a selection by ids."""
    replaces: int | Literal["any"] = 0
    """Number of profiles that may be displaced."""
    owned: bool = True
    """The profile belongs to an `InstanceRole` of the stack; else it is imported."""
    moves: bool = False
    """The profile of the `InstanceRole` has a name, so that CloudFormation may replace it."""
    restricted: bool = False
    """The provider has all settings that a company with rules gives it, such as a VPC and a key."""
    in_path: frozenset[str] = frozenset()
    """Which imported profiles have a path, by the names that they go by in the template. `policies_for` knows."""


@dataclass(frozen=True, slots=True)
class Values:
    """What takes the place of a template's parameters, and of what CloudFormation knows of its resources."""

    profile: ProfileRef
    table_arn: str
    log_group_arn: str
    """With the ``:*`` at its end that CloudFormation puts there."""
    instance_ids: tuple[str, ...] = ()
    replaces: tuple[ProfileRef, ...] = ()


def policies_for_properties(
    properties: Mapping[str, Any],
    owned: bool,
    table_arn: str,
    log_group_arn: str,
    *,
    moves: bool = False,
    tokens: bool = False,
    restricted: bool = False,
    in_place: bool = False,
) -> dict[str, Document]:
    """The handler's policies for an association with these properties of its custom resource, by name.

    For ``owned`` the profile must have the path `OWNED_PATH`. The rest is as for `Shape` and `policies_for`.
    """
    replaces, tags = properties[Property.REPLACES], properties.get(Property.INSTANCE_TAGS, {})
    is_any = replaces == ANY_PROFILE
    values = Values(
        _profile_ref(properties),
        table_arn,
        log_group_arn,
        instance_ids=tuple(properties.get(Property.INSTANCE_IDS, ())),
        replaces=() if is_any else tuple(map(_profile_ref, replaces)),
    )
    shape = Shape(
        ids=len(values.instance_ids),
        tokens=tokens and not tags,
        tags=tuple(sorted((key, tuple(those)) for key, those in tags.items())),
        replaces="any" if is_any else len(values.replaces),
        owned=owned,
        moves=owned and moves,
        restricted=restricted,
    )
    return policies_for(shape, values, in_place=in_place)


def policies_for(shape: Shape, values: Values, *, in_place: bool = False) -> dict[str, Document]:
    """The handler's policies from a template of this shape with these values put in, by name.

    A managed policy is named as in a template, with a digest of its content: the policies of two configurations can
    be attached side by side. An inline policy is named after its role.

    Args:
        shape: what the template depends on.
        values: what is put in.
        in_place: leave an owned profile and its role out of the digest. A template only refers to them, so where
            they get other names under the same logical ids, the policy keeps its own and is changed in place.

    Raises:
        ValueError: the values don't fit the shape, or the profile is owned and has another path than `OWNED_PATH`.
    """
    return dict(_policies(shape, values, in_place))


@lru_cache(maxsize=4096)
def _policies(shape: Shape, values: Values, in_place: bool) -> dict[str, Document]:
    imported = _imported_profiles(shape, values)
    shape = replace(shape, in_path=frozenset(name for name, profile in imported.items() if _path_of(profile.arn)))
    template = template_of(shape)
    references = references_of(shape, template, values)
    app = App({STACK: template}, references)
    ids = {_made_up(number): id_ for number, id_ in enumerate(values.instance_ids)}
    documents = digested = _put_in(ids, imported, app.managed_policies())
    if shape.owned and in_place:
        named = _Names({path: value for path, value in references.items() if path not in _owned(template)})
        digested = _put_in(ids, imported, App({STACK: template}, named).managed_policies())
    managed = {id_[:-_DIGEST_LENGTH] + _digest(digested[id_]): document for id_, document in documents.items()}
    return {**app.inline_policies(), **managed}


@cache
def template_of(shape: Shape) -> Template:
    """A synthesized template of this shape.

    Raises:
        ValueError: the association can't be defined so. A token counts as if it were long when it comes to the size
            of policies, so fewer ids fit than where they are known: 50 if anything may be replaced.
    """
    stack = new_stack(STACK)
    if shape.restricted:
        AssociationProvider(stack, AssociationProvider.DEFAULT_ID, **everything(stack))
    associate(
        stack,
        _selection(stack, shape),
        _replaceable(stack, shape),
        imported=None if shape.owned else _imported(stack, "Imported", shape),
        name=f"{STACK}-{_GIVEN}" if shape.moves else None,
    )
    return synthesized(stack)


def associate(
    stack: Stack,
    instances: InstanceSelection,
    replaces: ReplaceableProfiles,
    *,
    imported: iam.IInstanceProfile | None = None,
    name: str | None = None,
) -> None:
    """Define an association as the app does, unless it is that of an imported profile."""
    if imported is None:
        role = InstanceRole(stack, "InstanceRole", instance_profile_name=name)
        role.associate_with("Association", instances, replaces=replaces)
    else:
        InstanceProfileAssociation(
            stack, "Association", instance_profile=imported, instances=instances, replaces=replaces
        )


def synthesized(stack: Stack) -> Template:
    """The template of a stack."""
    template: Template = Synthesized.from_stack(stack).to_json()
    return template


def references_of(shape: Shape, template: Template, values: Values) -> dict[str, str]:
    """The values by the names under which an `App` looks for them."""
    listed = 0 if shape.replaces == "any" else shape.replaces
    if (len(values.instance_ids), len(values.replaces)) != (shape.ids, listed):
        raise ValueError(f"these values are for another shape than {shape}: {values}")
    return {
        **_PSEUDO_PARAMETERS,
        **{f"{STACK}/Instance{number}": id_ for number, id_ in enumerate(values.instance_ids)},
        **{f"{STACK}/{name}Role": profile.role_arn for name, profile in _imported_profiles(shape, values).items()},
        **(_owned_references(template, values.profile) if shape.owned else {}),
        f"{STACK}/{_only(template, 'AWS::DynamoDB::Table')}.Arn": values.table_arn,
        f"{STACK}/{_only(template, 'AWS::Logs::LogGroup')}.Arn": values.log_group_arn,
    }


class App:
    """Synthesized templates, and the policies in them that the handler's role has.

    Everything is known by its path: ``stack/LogicalId``, and ``stack/LogicalId.Attribute`` for what `Fn::GetAtt`
    stands for.
    """

    def __init__(self, templates: Mapping[str, Template], values: Mapping[str, str]) -> None:
        """
        Args:
            templates: the templates by the names of their stacks.
            values: what references stand for, by path; a pseudo parameter has no stack before its name.
        """
        self._templates, self._values = templates, values

    def inline_policies(self) -> dict[str, Document]:
        """What is written into the handler's role, by the logical id of the role and the name of the policy.

        Raises:
            UnresolvedError: a reference has no value, or the role has managed policies that are defined elsewhere.
        """
        stack, role = self._handler_role().split("/")
        properties = self._templates[stack]["Resources"][role]["Properties"]
        if "ManagedPolicyArns" in properties:
            raise UnresolvedError(f"what {properties['ManagedPolicyArns']} of {role} allow is not known here")
        return {
            f"{role}/{policy['PolicyName']}": self.resolve(stack, policy["PolicyDocument"])
            for policy in properties.get("Policies", ())
        }

    def managed_policies(self) -> dict[str, Document]:
        """The policies of all stacks that attach themselves to the handler's role, by logical id; those in another
        stack than the role by their path, because CloudFormation gives them different names.

        Raises:
            UnresolvedError: a reference has no value.
        """
        role = self._handler_role()
        home = role.split("/")[0]
        return {
            id_ if stack == home else f"{stack}/{id_}": self.resolve(stack, policy["PolicyDocument"])
            for stack, id_, policy in self._resources("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
            if role in self._paths(stack, policy.get("Roles", []))
        }

    def resolve(self, stack: str, node: Any) -> Any:
        """A part of a stack's template without intrinsic functions.

        Raises:
            UnresolvedError: a reference has no value, or an intrinsic function is not known here.
        """
        match node:
            case str() | int() | float() | None:
                return node
            case list():
                return [self.resolve(stack, item) for item in node]
            case dict() if len(node) == 1 and _is_intrinsic(*node):
                ((function, argument),) = node.items()
                return self._intrinsic(stack, function, argument)
        return {key: self.resolve(stack, item) for key, item in node.items()}

    def _intrinsic(self, stack: str, function: str, argument: Any) -> str:
        match function, argument:
            case "Ref", str():
                return self._value(stack, argument)
            case "Fn::GetAtt", [str(), str()]:
                return self._value(stack, ".".join(argument))
            case "Fn::Join", [separator, parts]:
                return str(separator).join(self.resolve(stack, parts))
            case "Fn::Sub", str():
                return self._substitute(stack, argument, {})
            case "Fn::Sub", [template, variables]:
                return self._substitute(stack, template, self.resolve(stack, variables))
            case "Fn::ImportValue", str():
                return self._exported(argument)
            case "Fn::GetStackOutput", {"StackName": other, "OutputName": name}:
                return str(self.resolve(other, self._templates[other]["Outputs"][name]["Value"]))
        raise UnresolvedError(f"{function} of {argument!r} in {stack}")

    def _value(self, stack: str, name: str) -> str:
        path = name if name.startswith("AWS::") else f"{stack}/{name}"
        try:
            return self._values[path]
        except KeyError:
            raise UnresolvedError(f"{path} has no value") from None

    def _substitute(self, stack: str, template: str, variables: Mapping[str, str]) -> str:
        def text(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            return variables[name] if name in variables else self._value(stack, name)

        return _IN_SUB.sub(text, template)

    def _exported(self, name: str) -> str:
        for stack, template in self._templates.items():
            for output in template.get("Outputs", {}).values():
                if "Export" in output and self.resolve(stack, output["Export"]["Name"]) == name:
                    return str(self.resolve(stack, output["Value"]))
        raise UnresolvedError(f"no stack exports {name}")

    def _handler_role(self) -> str:
        """Path of the role of the handler's function."""
        (role,) = (
            self._paths(stack, function["Role"])
            for stack, _, function in self._resources("AWS::Lambda::Function")
            if function["Handler"] == _HANDLER
        )
        return str(role).removesuffix(".Arn")

    def _paths(self, stack: str, node: Any) -> Any:
        """A part of a stack's template with the path of what it refers to in place of every reference."""
        return App(self._templates, _Names()).resolve(stack, node)

    def _resources(self, *types: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for stack, template in self._templates.items():
            for id_, resource in template["Resources"].items():
                if resource["Type"] in types:
                    yield stack, id_, resource["Properties"]


class _Names(dict[str, str]):
    """Values of which those that are missing stand for themselves."""

    def __missing__(self, path: str) -> str:
        return path


def _selection(stack: Stack, shape: Shape) -> InstanceSelection:
    if shape.tags:
        return InstanceSelection.by_tags(dict(shape.tags))
    if shape.tokens:
        return InstanceSelection.by_ids(*(_parameter(stack, f"Instance{number}") for number in range(shape.ids)))
    return InstanceSelection.by_ids(*map(_made_up, range(shape.ids)))


def _made_up(number: int) -> str:
    """An id that no instance of a test has."""
    return f"i-fffff{number:012x}"


def _replaceable(stack: Stack, shape: Shape) -> ReplaceableProfiles:
    match shape.replaces:
        case "any":
            return ReplaceableProfiles.any()
        case 0:
            return ReplaceableProfiles.none()
        case count:
            return ReplaceableProfiles.profiles(
                *(_imported(stack, f"Replaced{number}", shape) for number in range(count))
            )


def _imported(stack: Stack, name: str, shape: Shape) -> iam.IInstanceProfile:
    return iam.InstanceProfile.from_instance_profile_attributes(
        stack,
        f"{name}Profile",
        instance_profile_arn=_arn(f"{name}-path/{name}-name" if name in shape.in_path else f"{name}-name"),
        role=iam.Role.from_role_arn(stack, f"{name}ProfileRole", _parameter(stack, f"{name}Role")),
    )


def _imported_profiles(shape: Shape, values: Values) -> dict[str, ProfileRef]:
    """The imported profiles by the names that they go by in a template."""
    listed = {f"Replaced{number}": profile for number, profile in enumerate(values.replaces)}
    return listed if shape.owned else {**listed, "Imported": values.profile}


def _put_in(
    ids: Mapping[str, str], imported: Mapping[str, ProfileRef], documents: Mapping[str, Document]
) -> dict[str, Document]:
    """The documents with the real ids, and the real paths and names of imported profiles, instead of those made up."""
    text = json.dumps(documents).replace(f"{STACK}-{_GIVEN}", f"{STACK}-*")
    for made_up, id_ in ids.items():
        text = text.replace(made_up, id_)
    for name, profile in imported.items():
        text = text.replace(f"{name}-path", _path_of(profile.arn)).replace(f"{name}-name", profile.name)
    put_in: dict[str, Document] = json.loads(text)
    return put_in


def _path_of(arn: str) -> str:
    """Path of a profile, without the slashes around it."""
    return arn.removeprefix(_arn("")).rpartition("/")[0]


def _arn(path_and_name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:instance-profile/{path_and_name}"


def _parameter(stack: Stack, name: str) -> str:
    """A token that nothing but its name is known of during synthesis."""
    return CfnParameter(stack, name).value_as_string


def _owned_references(template: Template, profile: ProfileRef) -> dict[str, str]:
    if f":instance-profile{OWNED_PATH}" not in profile.arn:
        raise ValueError(f"{profile.arn} does not have the path of the stack's own profiles, {OWNED_PATH}")
    return dict(zip(_owned(template), (profile.arn, profile.role_arn), strict=True))


def _owned(template: Template) -> tuple[str, str]:
    """Paths of the ARNs of the stack's own profile and its role."""
    profile = _only(template, "AWS::IAM::InstanceProfile")
    (role,) = template["Resources"][profile]["Properties"]["Roles"]
    return f"{STACK}/{profile}.Arn", f"{STACK}/{role['Ref']}.Arn"


def _only(template: Template, type_: str) -> str:
    """Logical id of the only resource of a type."""
    (id_,) = (id_ for id_, resource in template["Resources"].items() if resource["Type"] == type_)
    return str(id_)


def _profile_ref(properties: Mapping[str, str]) -> ProfileRef:
    return ProfileRef(properties[Property.INSTANCE_PROFILE_ARN], properties[Property.ROLE_ARN])


def _is_intrinsic(key: str) -> bool:
    return key == "Ref" or key.startswith("Fn::")


def _digest(document: Document) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]
