"""The cloud assembly: what ``cdk synth`` has written, as far as the command line reads it.

Its format: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..model import CliError
from .files import inside, read_json
from .stacks import STACK_TYPE, Address, associations, nested_template, of_type

MANIFEST = "manifest.json"
_UNKNOWN = {"unknown-account", "unknown-region"}
_PATHS = {"directoryName", "file", "templateFile"}
"""Properties of an artifact that name a file or folder."""
_SHOWN_LOOKUPS = 3


@dataclass(frozen=True)
class LookupRole:
    """The role by which the CDK CLI looks at the account of a stack."""

    arn: str
    """It may hold the placeholders of the CDK, such as ``${AWS::Partition}``."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """More parameters of ``AssumeRole``."""


@dataclass(frozen=True)
class StackArtifact:
    """One stack of the assembly, with the stacks that are nested in it."""

    address: Address
    account: str | None
    """None: that of the credentials."""
    region: str | None
    """None: that of the environment."""
    template: Mapping[str, Any]
    folder: Path
    """Folder of the template."""
    id: str = ""
    """What the manifest in the folder calls it."""
    needs: tuple[str, ...] = ()
    """What the manifest calls the artifacts that have to be deployed before it."""
    lookup_role: LookupRole | None = None
    """None if its synthesizer names none."""
    is_discovered: bool = False
    """It is in no assembly: associations of it were found in a ledger."""
    nested: Mapping[str, "StackArtifact"] = field(default_factory=dict)
    """The nested stacks whose templates are in the assembly, by logical id."""

    @property
    def name(self) -> str:
        """Its name; that of the stack at the top if it is nested."""
        return self.address.name

    @property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.template.get("Resources", {})
        return found

    @property
    def outputs(self) -> dict[str, Mapping[str, Any]]:
        """The outputs, by name, without loops such as ``Fn::ForEach::Ids``: CloudFormation knows what they make."""
        found = self.template.get("Outputs", {})
        return {name: output for name, output in found.items() if isinstance(output, Mapping)}

    @property
    def associations(self) -> dict[str, Mapping[str, Any]]:
        """The associations, by logical id, without those of nested stacks."""
        return associations(self.template)

    def path(self, logical_id: str) -> str:
        """The path of a construct, for people."""
        return self.address.path(self.template, logical_id)

    @property
    def family(self) -> Iterator["StackArtifact"]:
        """The stack and all that are nested in it."""
        yield self
        for one in self.nested.values():
            yield from one.family

    @property
    def left_out(self) -> Iterator[str]:
        """Paths of the nested stacks whose templates are not in the assembly."""
        for one in self.family:
            yield from (one.path(id_) for id_ in of_type(one.template, STACK_TYPE) if id_ not in one.nested)

    def without(self, logical_id: str) -> "StackArtifact":
        """A nested stack that the assembly does not have, or no more: nothing is in it."""
        return replace(self, address=self.address.inner(logical_id), template={}, nested={})


def read(folder: Path) -> list[StackArtifact]:
    """The stacks of an assembly, those of its stages included.

    Raises:
        CliError: there is no assembly in the folder, it can't be read, or values of lookups are missing in it.
    """
    if not (folder / MANIFEST).is_file():
        raise CliError(f"there is no cloud assembly in {folder}: run `cdk synth` first, or name its folder with --app")
    check_lookups(folder)
    try:
        return list(_stacks(folder, folder))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise CliError(f"{folder / MANIFEST} can't be read: it is not what `cdk synth` writes") from None


def check_lookups(folder: Path) -> None:
    """Make sure that the app knew all values that it looks up: otherwise templates hold others in their place.

    Raises:
        CliError: values are missing, or there is no manifest that can be read.
    """
    missing = read_json(folder / MANIFEST).get("missing")
    if not missing:
        return
    keys = [str(one.get("key")) if isinstance(one, dict) else str(one) for one in missing]
    more = len(keys) - _SHOWN_LOOKUPS
    raise CliError(
        f"the app looks up values that cdk.context.json does not hold ({', '.join(keys[:_SHOWN_LOOKUPS])}"
        f"{f' and {more} more' if more > 0 else ''}): run `cdk synth` once with AWS credentials, and commit "
        "cdk.context.json"
    )


def _stacks(root: Path, folder: Path) -> Iterator[StackArtifact]:
    for artifact_id, artifact in read_json(folder / MANIFEST).get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        for key in _PATHS & properties.keys():
            inside(root, folder, properties[key])
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(root, folder / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            account, region = artifact.get("environment", "aws://unknown-account/unknown-region")[6:].split("/")
            yield _with_nested(
                StackArtifact(
                    address=Address(
                        properties.get("stackName", artifact_id), construct=artifact.get("displayName", "")
                    ),
                    account=None if account in _UNKNOWN else account,
                    region=None if region in _UNKNOWN else region,
                    template=read_json(folder / properties["templateFile"]),
                    folder=folder,
                    id=artifact_id,
                    needs=tuple(artifact.get("dependencies", ())),
                    lookup_role=_lookup_role(properties.get("lookupRole")),
                ),
                root,
            )


def _lookup_role(declared: Mapping[str, Any] | None) -> LookupRole | None:
    if not declared:
        return None
    external_id = {"ExternalId": declared["assumeRoleExternalId"]} if "assumeRoleExternalId" in declared else {}
    return LookupRole(declared["arn"], {**external_id, **declared.get("assumeRoleAdditionalOptions", {})})


def _with_nested(stack: StackArtifact, root: Path) -> StackArtifact:
    named = {id_: nested_template(resource) for id_, resource in of_type(stack.template, STACK_TYPE).items()}
    files = {id_: inside(root, stack.folder, name) for id_, name in named.items() if name}
    found = {
        id_: _with_nested(replace(stack, address=stack.address.inner(id_), template=read_json(file)), root)
        for id_, file in files.items()
        if file.exists()
    }
    return replace(stack, nested=found)


def deployed_with(chosen: Sequence[StackArtifact], stacks: Sequence[StackArtifact]) -> list[StackArtifact]:
    """The stacks that `cdk deploy` deploys if these are named, each after those that it needs.

    Args:
        chosen: the stacks that are named.
        stacks: all stacks of the assembly.
    """
    known = {(stack.folder, stack.id): stack for stack in stacks}
    found: dict[tuple[Path, str], StackArtifact | None] = {}

    def visit(key: tuple[Path, str]) -> None:
        if key in known and key not in found:
            found[key] = None  # where stacks need one another, any order will do
            for needed in known[key].needs:
                visit((key[0], needed))
            del found[key]
            found[key] = known[key]

    for stack in chosen:
        visit((stack.folder, stack.id))
    return [stack for stack in found.values() if stack]
