"""Cloud assemblies that several commands use: an app is synthesized once for each context, in this process."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localaws.cdk import Cdk, Result
from localaws.ministack import ROOT
from tests.e2e.commands import Commands
from tests.synthesis import APP, synthesize

COMMITTED = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
OF_THE_CLI = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
"""Context that the CLI adds to that of ``cdk.json`` and of the command line."""


class SynthesizedOnce(Cdk):
    """The CDK CLI with an app of this repository, where each command reads a cloud assembly that is there already."""

    def __init__(self, commands: Commands, folder: Path, script: str = APP) -> None:
        """
        Args:
            commands: the CLI.
            folder: where the assemblies are written to.
            script: the app. Default: that of this repository.
        """
        super().__init__(commands.aws)
        self._commands, self._assemblies, self._script = commands, folder, script
        self._written: dict[str, Path] = {}

    def assembly(self, context: Mapping[str, Any]) -> Path:
        """The assembly for a context. ``test_assemblies.py`` shows that the CLI writes the same.

        Args:
            context: context of the app.
        """
        key = json.dumps(context, sort_keys=True)
        if key not in self._written:
            folder = self._assemblies / str(len(self._written))
            synthesize(self._script, {**COMMITTED, **OF_THE_CLI, **context}, folder)
            self._written[key] = folder
        return self._written[key]

    def run(
        self, command: str, *arguments: str, context: Mapping[str, Any] | None = None, output: Path | None = None
    ) -> Result:
        """Run a command of the CLI with the assembly for the context."""
        assert output is None, "`assembly` writes it"
        return _Assembled(self._commands, self.assembly(context or {})).run(command, *arguments)


class _Assembled(Cdk):
    """The CDK CLI with a cloud assembly."""

    def __init__(self, commands: Commands, assembly: Path) -> None:
        super().__init__(commands.aws, app=str(assembly))
        self._commands = commands

    def _execute(self, arguments: Sequence[str], _: Mapping[str, str]) -> Result:
        return self._commands.run(arguments)
