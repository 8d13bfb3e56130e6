"""How often the CDK validates the templates of an app. That takes longer than the rest of a synthesis."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .cdk import Cdk, Result
from .ministack import LocalAws

WITHOUT_VALIDATION: Mapping[str, str] = {"CDK_VALIDATION": "false"}
"""Environment of an app whose templates are not validated."""


class ValidatedOnce(Cdk):
    """The CDK CLI with the app of this repository. Once a command has succeeded, others with its context validate no
    more."""

    def __init__(self, aws: LocalAws) -> None:
        """
        Args:
            aws: the local AWS.
        """
        super().__init__(aws)
        self._validated: set[str] = set()

    def run(
        self, command: str, *arguments: str, context: Mapping[str, Any] | None = None, output: Path | None = None
    ) -> Result:
        """Run a command of the CLI. It validates unless one with the same context has done so."""
        result = super().run(command, *arguments, context=context, output=output)
        if result.ok:
            self._validated.add(_key(context))
        return result

    def environment_for(self, context: Mapping[str, Any] | None) -> Mapping[str, str]:
        """The environment of commands with a context."""
        return {**self._environment, **(WITHOUT_VALIDATION if _key(context) in self._validated else {})}


def _key(context: Mapping[str, Any] | None) -> str:
    return json.dumps(context, sort_keys=True)
