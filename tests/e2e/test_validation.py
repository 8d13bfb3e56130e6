"""How often the demo has the CDK validate the templates of an app."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from localaws.cdk import Result
from localaws.ministack import LocalAws
from localaws.validation import ValidatedOnce

WEB, API = {"instance_ids": "i-1"}, {"instance_ids": "i-2"}


class Recorded(ValidatedOnce):
    """Notes which commands validate, and runs none."""

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self.validated: list[bool] = []
        self.status = 0

    def _execute(self, _: Sequence[str], environment: Mapping[str, str]) -> Result:
        self.validated.append(environment.get("CDK_VALIDATION") != "false")
        return Result(self.status, "")


@pytest.fixture
def cdk(tmp_path: Path) -> Recorded:
    return Recorded(LocalAws(tmp_path))


def test_the_first_command_with_a_context_validates(cdk: Recorded) -> None:
    for context in (WEB, WEB, API, WEB, API):
        cdk.deploy(context=context)
    assert cdk.validated == [True, False, True, False, False]


def test_a_command_that_has_failed_is_no_validation(cdk: Recorded) -> None:
    cdk.status = 1
    cdk.deploy(context=WEB)
    cdk.status = 0
    cdk.deploy(context=WEB)
    cdk.diff(context=WEB)
    assert cdk.validated == [True, True, False]
