"""The script, where the extra is not installed."""

import sys

import pytest

from cdk_instance_role.cli.run import main


@pytest.mark.parametrize("missing", ["boto3", "click", "rich", "yaml"])
def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [name for name in sys.modules if name.startswith("cdk_instance_role.cli.") and name[-4:] != ".run"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == f"error: {missing} is not installed: run `pip install 'cdk-instance-role[cli]'`"
