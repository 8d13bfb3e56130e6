"""The cloud assembly: what ``cdk synth`` has written, as far as the command line reads it.

Its format: https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .model import CliError

ASSOCIATION_TYPE = "Custom::InstanceProfileAssociation"
MANIFEST = "manifest.json"
_UNKNOWN = {"unknown-account", "unknown-region"}
_PATH = "aws:cdk:path"
_AS_THE_CLI = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
"""Context that the CDK CLI gives every app: paths of constructs and of assets come into the template."""
_LAST_WORDS = 5
"""Lines of a failed command that are shown."""


@dataclass(frozen=True)
class StackArtifact:
    """One stack of the assembly."""

    name: str
    account: str | None
    """None: that of the credentials."""
    region: str | None
    """None: that of the environment."""
    template: Mapping[str, Any]
    parent: Path
    """Folder of the template, where the templates of nested stacks are."""

    @property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.template.get("Resources", {})
        return found

    @property
    def associations(self) -> dict[str, Mapping[str, Any]]:
        """The associations, by logical id."""
        return associations(self.template)

    @property
    def nested(self) -> list[str]:
        """Logical ids of nested stacks that hold associations."""
        return [id_ for id_, resource in self.resources.items() if self._nested_has_associations(resource)]

    def path(self, logical_id: str) -> str:
        """The path of a construct, without the stack's part, for people. Its logical id if there is none."""
        return construct_path(self.template, logical_id)

    def _nested_has_associations(self, resource: Mapping[str, Any]) -> bool:
        asset = resource.get("Metadata", {}).get("aws:asset:path")
        if resource.get("Type") != "AWS::CloudFormation::Stack" or not asset or not (self.parent / asset).exists():
            return False
        template = _read(self.parent / asset)
        inner = template.get("Resources", {}).values()
        return bool(associations(template)) or any(map(self._nested_has_associations, inner))


def associations(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The associations of a template, by logical id."""
    resources = template.get("Resources", {})
    return {id_: resource for id_, resource in resources.items() if resource.get("Type") == ASSOCIATION_TYPE}


def construct_path(template: Mapping[str, Any], logical_id: str) -> str:
    """The path of a construct within its stack, as ``aws:cdk:path`` gives it; the logical id if it does not.

    >>> construct_path({"Resources": {"A1": {"Metadata": {"aws:cdk:path": "Stack/Web/Fleet/Default"}}}}, "A1")
    'Web/Fleet'
    """
    path = template.get("Resources", {}).get(logical_id, {}).get("Metadata", {}).get(_PATH, "")
    parts = [part for part in path.split("/")[1:] if part not in ("Default", "Resource")]
    return "/".join(parts) or logical_id


def read(folder: Path) -> list[StackArtifact]:
    """The stacks of an assembly, those of its stages included.

    Raises:
        CliError: there is no assembly in the folder, or it can't be read.
    """
    if not (folder / MANIFEST).is_file():
        raise CliError(f"there is no cloud assembly in {folder}: run `cdk synth` first, or name its folder with --app")
    try:
        return list(_stacks(folder))
    except (AttributeError, KeyError, TypeError, ValueError):
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
            yield StackArtifact(
                name=properties.get("stackName", artifact_id),
                account=None if account in _UNKNOWN else account,
                region=None if region in _UNKNOWN else region,
                template=_read(folder / properties["templateFile"]),
                parent=folder,
            )


def chosen(stacks: Sequence[StackArtifact], names: Sequence[str]) -> list[StackArtifact]:
    """The stacks of these names, all if there are none.

    Raises:
        CliError: a name is unknown.
    """
    known = [stack.name for stack in stacks]
    if unknown := [name for name in names if name not in known]:
        raise CliError(f"there is no stack {', '.join(unknown)} in the assembly, only {', '.join(known) or 'none'}")
    return [stack for stack in stacks if not names or stack.name in names]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CliError(f"{path} can't be read: {error}") from None
    if not isinstance(content, dict):
        raise CliError(f"{path} can't be read: it holds no JSON object")
    return content
