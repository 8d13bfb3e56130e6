"""How often the CDK validates the templates of an app. That takes longer than the rest of a synthesis."""

import json
from collections.abc import Mapping
from typing import Any

from .cdk import Cdk
from .ministack import LocalAws

WITHOUT_VALIDATION: Mapping[str, str] = {"CDK_VALIDATION": "false"}
"""Environment of an app whose templates are not validated."""


class ValidatedOnce(Cdk):
    """The CDK CLI with the app of this repository. Only the first command with a context validates its templates."""

    def __init__(self, aws: LocalAws) -> None:
        """
        Args:
            aws: the local AWS.
        """
        super().__init__(aws)
        self._validated: set[str] = set()

    def environment_for(self, context: Mapping[str, Any] | None) -> Mapping[str, str]:
        """The environment of the next command: it validates unless one with the same context has done so."""
        key = json.dumps(context, sort_keys=True)
        known = key in self._validated
        self._validated.add(key)
        return {**self._environment, **(WITHOUT_VALIDATION if known else {})}
