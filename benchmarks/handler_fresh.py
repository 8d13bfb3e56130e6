"""Runs Python programs in fresh interpreters that can reach no AWS."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_instance_role.runtime.association.contract import LEDGER_TABLE_VARIABLE
from localaws.environment import local_environment, refuse_remote
from localaws.ministack import ROOT

NOWHERE = "http://127.0.0.1:9"
"""No server listens there: a call of a program to AWS fails, unless the program answers it itself."""
ACCOUNT, REGION = "111122223333", "eu-west-1"
MAX_SECONDS = 600.0


def fresh(arguments: Sequence[str], home: Path, **variables: str) -> Any:
    """Run Python with these arguments, and return what it has printed, which has to be JSON.

    Args:
        arguments: those of the interpreter.
        home: a folder for what it writes.
        variables: environment variables that it gets besides.

    Raises:
        RuntimeError: it has failed.
    """
    environment = {
        **local_environment(NOWHERE, account=ACCOUNT, region=REGION, home=str(home)),
        LEDGER_TABLE_VARIABLE: "Ledger",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    refuse_remote(environment)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments[:3])} has failed:\n{done.stderr}")
    return json.loads(done.stdout)
