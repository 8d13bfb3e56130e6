"""Cloud assemblies that several commands use: an app is synthesized once for each context."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localaws.cdk import Cdk, Result
from localaws.ministack import LocalAws


class SynthesizedOnce(Cdk):
    """The CDK CLI with the app of this repository, where each command reads a cloud assembly that is there already."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        """
        Args:
            aws: the local AWS.
            folder: where the assemblies are written to.
        """
        super().__init__(aws)
        self._assemblies = folder
        self._written: dict[str, Path] = {}

    def assembly(self, context: Mapping[str, Any]) -> Path:
        """The assembly for a context.

        Args:
            context: context of the app.
        """
        key = json.dumps(context, sort_keys=True)
        if key not in self._written:
            folder = self._assemblies / str(len(self._written))
            result = self.synth(folder, context)
            assert result.ok, result.output
            self._written[key] = folder
        return self._written[key]

    def run(
        self, command: str, *arguments: str, context: Mapping[str, Any] | None = None, output: Path | None = None
    ) -> Result:
        """Run a command of the CLI, with the assembly for the context unless it writes one."""
        if output:
            return super().run(command, *arguments, context=context, output=output)
        return Cdk(self._aws, app=str(self.assembly(context or {}))).run(command, *arguments)
