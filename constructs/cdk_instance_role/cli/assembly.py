"""The cloud assembly: what ``cdk synth`` has written, as far as the command line reads it.

Its format: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import json
import os
import shlex
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .model import CliError
from .stacks import STACK_TYPE, Address, associations, nested_template, of_type

MANIFEST = "manifest.json"
_UNKNOWN = {"unknown-account", "unknown-region"}
_AS_THE_CLI = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
"""Context that the CDK CLI gives every app: paths of constructs and of assets come into the template."""
_LAST_WORDS = 5
"""Lines of a failed command that are shown."""


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
        CliError: there is no assembly in the folder, or it can't be read.
    """
    if not (folder / MANIFEST).is_file():
        raise CliError(f"there is no cloud assembly in {folder}: run `cdk synth` first, or name its folder with --app")
    try:
        return list(_stacks(folder))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise CliError(f"{folder / MANIFEST} can't be read: it is not what `cdk synth` writes") from None


@contextmanager
def synthesized(command: str, context: Mapping[str, str]) -> Iterator[Path]:
    """Run a CDK app, as the CDK CLI does, and give the folder of its assembly, for as long as the block lasts.

    Args:
        command: command of the app, say ``python app.py``.
        context: context of the command line; that of ``cdk.json`` in the current folder is added.

    Raises:
        CliError: the command fails, or writes no assembly.
    """
    with tempfile.TemporaryDirectory(prefix="cdk.out.") as folder:
        given = {**_AS_THE_CLI, **_context_of(Path("cdk.json")), **context}
        environment = {**os.environ, "CDK_OUTDIR": folder, "CDK_CONTEXT_JSON": json.dumps(given)}
        try:
            # The user's own command, which the CDK CLI runs in the same way.
            done = subprocess.run(  # noqa: S603
                shlex.split(command) or [command],
                env=environment,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
            )
        except (OSError, ValueError) as error:
            raise CliError(f"--app {command!r} is neither a folder nor a command that can be run: {error}") from None
        if done.returncode:
            words = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-_LAST_WORDS:])
            raise CliError(f"`{command}` failed with exit status {done.returncode}: {words or 'it says nothing'}")
        if not (Path(folder) / MANIFEST).is_file():
            raise CliError(
                f"`{command}` has written no cloud assembly: it has to be a CDK app that calls `app.synth()`"
            )
        yield Path(folder)


def _context_of(config: Path) -> Mapping[str, Any]:
    if not config.is_file():
        return {}
    found: Mapping[str, Any] = _read(config).get("context", {})
    return found


def _stacks(folder: Path) -> Iterator[StackArtifact]:
    for artifact_id, artifact in _read(folder / MANIFEST).get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            account, region = artifact.get("environment", "aws://unknown-account/unknown-region")[6:].split("/")
            yield _with_nested(
                StackArtifact(
                    address=Address(
                        properties.get("stackName", artifact_id), construct=artifact.get("displayName", "")
                    ),
                    account=None if account in _UNKNOWN else account,
                    region=None if region in _UNKNOWN else region,
                    template=_read(folder / properties["templateFile"]),
                    folder=folder,
                )
            )


def _with_nested(stack: StackArtifact) -> StackArtifact:
    files = {id_: nested_template(resource) for id_, resource in of_type(stack.template, STACK_TYPE).items()}
    found = {
        id_: _with_nested(replace(stack, address=stack.address.inner(id_), template=_read(stack.folder / file)))
        for id_, file in files.items()
        if file and (stack.folder / file).is_file()
    }
    return replace(stack, nested=found)


def chosen(stacks: Sequence[StackArtifact], names: Sequence[str]) -> list[StackArtifact]:
    """The stacks of these names, all if there are none. The path of its construct names a stack, too.

    Raises:
        CliError: a name is unknown.
    """
    known = {name for stack in stacks for name in _names(stack)}
    if unknown := [name for name in names if name not in known]:
        raise CliError(f"there is no stack {', '.join(unknown)} in the assembly, only {_listed(stacks) or 'none'}")
    return [stack for stack in stacks if not names or _names(stack) & set(names)]


def _names(stack: StackArtifact) -> set[str]:
    return {stack.name, stack.address.construct} - {""}


def _listed(stacks: Sequence[StackArtifact]) -> str:
    """All stacks, by their names; by the paths of their constructs where several have the same name."""
    count = Counter(stack.name for stack in stacks)
    return ", ".join(stack.address.construct or stack.name if count[stack.name] > 1 else stack.name for stack in stacks)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CliError(f"{path} can't be read: {error}") from None
    if not isinstance(content, dict):
        raise CliError(f"{path} can't be read: it holds no JSON object")
    return content
