"""How refusals of AWS are reported."""

from typing import NoReturn

import pytest
from botocore.exceptions import ClientError

from cdk_instance_role.cli.aws.partial_reader import PartialReader, guarded

BY_KEY = (
    "not allowed (Query); its key does not let you: use credentials that may decrypt with it (kms:Decrypt), by "
    "--role-name for another account"
)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("User: me is not authorized to perform: dynamodb:Query on resource: table", "not allowed (Query)"),
        ("User: me is not authorized to perform: kms:Decrypt on this resource", BY_KEY),
    ],
)
def test_a_denial_by_the_key_of_a_table_says_so(message: str, said: str) -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, "Query")

    def refuse() -> None:
        raise error

    reader = PartialReader()
    reader.fetch("ledger Web", refuse, None)
    assert reader.unavailable == [f"ledger Web: {said}"]


def test_a_traceback_can_control_neither_a_terminal_nor_the_runner_of_github(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The runner obeys ``::command::`` at the beginning of a line, and ``##[command]`` anywhere in it:
    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs"""

    def fail() -> NoReturn:
        raise ValueError("from a template\n ::stop-commands::x\r##[add-mask]y\x1b[2J\u202e\u2028::error::z")

    assert guarded(fail, str).startswith("unexpected ValueError: from a template")
    printed = capsys.readouterr().err
    lines = printed.split("\n")
    assert "ValueError: from a template" in printed
    assert "in fail" in printed
    assert [line for line in lines if line.strip().startswith("::") or "##[" in line] == []
    assert [line for line in lines if not line.isprintable()] == []
