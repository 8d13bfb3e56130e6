"""The script, where the extra is not installed."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules[sys.argv[1]] = None
from cdk_instance_role.cli.run import main
main()
"""


@pytest.mark.parametrize("missing", ["boto3", "click", "rich", "yaml"])
def test_says_what_to_install(missing: str) -> None:
    # In a separate process: modules that are imported again would stay in their packages, where other tests patch them.
    ended = subprocess.run([sys.executable, "-c", PROGRAM, missing], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip() == f"error: {missing} is not installed: run `pip install 'cdk-instance-role[cli]'`"
