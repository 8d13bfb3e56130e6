"""The findings of the rules of cdk-nag, from the report that the CDK writes."""

import json
from collections.abc import Iterator
from pathlib import Path


def reported(folder: Path) -> Iterator[tuple[str, str]]:
    """The findings of all plugins: the rule and the path of the construct.

    Args:
        folder: the assembly.
    """
    report = json.loads((folder / "policy-validation-report.json").read_text())
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            for place in violation["violatingConstructs"]:
                yield violation["ruleName"], place["constructPath"]
