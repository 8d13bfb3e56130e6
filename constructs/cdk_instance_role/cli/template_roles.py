"""The role as a CloudFormation template will make it: its properties, and what else in the template attaches to it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .model import unique
from .resolve import NO_VALUE, UnresolvedError
from .role import Policy, Role

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_INLINE = {"AWS::IAM::Policy": "Roles", "AWS::IAM::RolePolicy": "RoleName"}
"""Resources that put an inline policy into roles, and the property that names these."""
_MANAGED = "AWS::IAM::ManagedPolicy"


def template_role(
    logical_id: str,
    template: Mapping[str, Any],
    resolve: Callable[[Any], Any],
    policy_of_arn: Callable[[str], Policy | None],
) -> Role:
    """The role with this logical id, as far as it is known before the deployment.

    What the deployment creates stands in the policies as ``(new)`` with its logical id, and what else is not known as
    ``(unknown)``.

    Args:
        logical_id: of a resource of type ``AWS::IAM::Role``.
        template: the whole template.
        resolve: turns a value of the template into a plain one, or raises `UnresolvedError`.
        policy_of_arn: the managed policy with an ARN; None if it can't be read.
    """
    return _Template(template.get("Resources", {}), resolve, policy_of_arn).role(logical_id)


@dataclass(frozen=True, slots=True)
class _Template:
    resources: Mapping[str, Any]
    resolve: Callable[[Any], Any]
    policy_of_arn: Callable[[str], Policy | None]
    unknown: list[str] = field(default_factory=list)
    """What could not be read, in sentences."""
    strange: set[str] = field(default_factory=set)
    """What a policy speaks of that neither is known nor comes with the deployment."""

    def role(self, logical_id: str) -> Role:
        properties = _properties(self.resources[logical_id])
        name = self._name(logical_id, "RoleName")
        managed = [self._managed(value) for value in self._items(properties.get("ManagedPolicyArns"))]
        inline = [self._inline(one) for one in self._items(properties.get("Policies"))]
        attached = [*self._attached(logical_id, name)]
        boundary = properties.get("PermissionsBoundary")
        limit = None if boundary is None else self._managed(boundary, "its permissions boundary, ")
        policies = _unique(policy for policy in (*managed, *inline, *attached) if policy)
        return Role(name, policies, limit, tuple(f"role {name}: {sentence}" for sentence in unique(self.unknown)))

    def _attached(self, logical_id: str, name: str) -> Iterator[Policy]:
        """The policies that say themselves which roles they are for."""
        for id_, resource in self.resources.items():
            kind, properties = resource.get("Type"), _properties(resource)
            roles = properties.get("Roles" if kind == _MANAGED else _INLINE.get(kind, ""))
            if roles is None or not self._names(roles, logical_id, name) or not self._is_made(id_, resource):
                continue
            yield self._managed_here(id_) if kind == _MANAGED else self._inline(properties)

    def _names(self, roles: Any, logical_id: str, name: str) -> bool:
        """Whether the role is among these, by reference or by name."""
        listed = [*self._items(roles)] if isinstance(roles, list) else [roles]
        return any(role == {"Ref": logical_id} or self._plain(role) == name for role in listed)

    def _is_made(self, id_: str, resource: Mapping[str, Any]) -> bool:
        """Whether the template's conditions let the resource be; True if that is not known."""
        condition = resource.get("Condition")
        if condition is None:
            return True
        try:
            return bool(self.resolve({"Fn::If": [condition, True, False]}))
        except UnresolvedError:
            self.unknown.append(f"whether {id_} will be there depends on condition {condition} of the template")
            return True

    def _managed(self, value: Any, kind: str = "") -> Policy | None:
        here = value.get("Ref") if isinstance(value, Mapping) else None
        if isinstance(here, str) and self.resources.get(here, {}).get("Type") == _MANAGED:
            return self._managed_here(here)  # as the deployment will leave it, rather than as it is now
        try:
            arn = self.resolve(value)
        except UnresolvedError as error:
            self.unknown.append(f"{kind}policy {self._plain(value)} could not be read: {error}")
            return None
        if arn is NO_VALUE:
            return None
        policy = self.policy_of_arn(str(arn))
        if policy is None:
            self.unknown.append(f"{kind}policy {arn} could not be read")
        return policy

    def _managed_here(self, logical_id: str) -> Policy:
        name = self._name(logical_id, "ManagedPolicyName").rpartition("/")[2]  # a reference gives the ARN
        return Policy(name, self._document(name, _properties(self.resources[logical_id])))

    def _inline(self, properties: Mapping[str, Any]) -> Policy:
        name = str(self._plain(properties.get("PolicyName", "")))
        return Policy(name, self._document(name, properties), inline=True)

    def _document(self, policy: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        self.strange.clear()
        document = self._plain(properties.get("PolicyDocument", {}))
        for thing in sorted(self.strange):
            self.unknown.append(f"policy {policy} speaks of {thing}, which is not known before the deployment")
        return document if isinstance(document, Mapping) else {}

    def _name(self, logical_id: str, name: str) -> str:
        """The name of a resource: its physical one, or what people know it by before it exists."""
        resource = self.resources[logical_id]
        for value in (_properties(resource).get(name), {"Ref": logical_id}):
            try:
                if value is not None:
                    return str(self.resolve(value))
            except UnresolvedError:
                pass
        path = resource.get("Metadata", {}).get("aws:cdk:path")
        return str(path).removesuffix("/Resource") if path else f"(new) {logical_id}"

    def _items(self, values: Any) -> list[Any]:
        """The items of a list of the template, as they are there."""
        if values is None:
            return []
        if isinstance(values, list):
            return [item for value in values for item in self._choice(value)]
        if isinstance(values, Mapping) and "Fn::If" in values:
            return [item for chosen in self._choice(values) for item in self._items(chosen)]
        try:
            found = self.resolve(values)
        except UnresolvedError as error:
            self.unknown.append(f"what {self._plain(values)} lists is not known: {error}")
            return []
        return list(found) if isinstance(found, list) else []

    def _choice(self, value: Any) -> list[Any]:
        """An item, or the one that ``Fn::If`` comes to."""
        if value == {"Ref": "AWS::NoValue"}:
            return []
        if not (isinstance(value, Mapping) and "Fn::If" in value):
            return [value]
        condition, yes, no = value["Fn::If"]
        try:
            return self._choice(yes if self.resolve({"Fn::If": [condition, True, False]}) else no)
        except UnresolvedError:
            self.unknown.append(f"what it has depends on condition {condition} of the template")
            return []

    def _plain(self, value: Any) -> Any:
        """The value without functions; readable text stands for those whose result is not known."""
        if isinstance(value, list):
            return [item for item in map(self._plain, value) if item is not NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        function, argument = next(iter(value.items()), ("", None))
        if len(value) == 1 and (function == "Ref" or function.startswith("Fn::")):
            try:
                return self.resolve(value)
            except UnresolvedError:
                return self._readable(function, argument)
        plain = {key: self._plain(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item is not NO_VALUE}

    def _readable(self, function: str, argument: Any) -> str:
        match function, argument:
            case "Ref", str():
                return self._thing(argument)
            case "Fn::GetAtt", [str() as logical_id, *_]:
                return self._thing(logical_id)
            case "Fn::GetAtt", str():
                return self._thing(argument.partition(".")[0])
            case "Fn::Join", [str() as separator, list() as parts]:
                return separator.join(str(self._plain(part)) for part in parts)
            case "Fn::Sub", str():
                return self._sub(argument, {})
            case "Fn::Sub", [str() as text, Mapping() as variables]:
                return self._sub(text, variables)
            case "Fn::ImportValue", str():
                return self._thing(argument)
        return self._thing(function)

    def _thing(self, name: str) -> str:
        if name in self.resources:
            return f"(new) {name}"
        self.strange.add(name)
        return f"(unknown) {name}"

    def _sub(self, text: str, variables: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return "${" + name + "}"
            return str(self._plain(variables.get(name, {"Fn::GetAtt": name} if "." in name else {"Ref": name})))

        return _VARIABLE.sub(value, text)


def _unique(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """The policies, each once: a role may name one that also names the role."""
    return tuple({(policy.inline, policy.name): policy for policy in policies}.values())


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = resource.get("Properties", {})
    return found
