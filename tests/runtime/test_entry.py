"""What Lambda starts is the handler, with clients and a process that are ready for many invocations."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cdk_instance_role.runtime.association.contract import LEDGER_TABLE_VARIABLE
from localaws.environment import local_environment

RUNTIME = Path(__file__).parents[2] / "constructs" / "cdk_instance_role" / "runtime"
NOWHERE = "http://127.0.0.1:9"

PROGRAM = """
import gc, json, sys
from types import SimpleNamespace
import boto3

made, client = [], boto3.client
boto3.client = lambda name, **options: made.append(name) or client(name, **options)
from association import entry, handler

ready = len(made)
handler.on_event = lambda event, services: {"first": services is entry._services}
handler.is_complete = lambda event, services, owner: {"second": services is entry._services, "owner": owner}
context = SimpleNamespace(aws_request_id="request")
answers = [entry.handle({}, context), entry.handle({handler.PHASE: "converge"}, context)]
print(json.dumps({"answers": answers, "collects": gc.isenabled(), "frozen": gc.get_freeze_count() > 0,
                  "made by then": ready, "made since": len(made) - ready}))
"""


def started(tmp_path: Path) -> dict[str, Any]:
    environment = {
        **local_environment(NOWHERE, account="111122223333", region="eu-west-1", home=str(tmp_path)),
        LEDGER_TABLE_VARIABLE: "Ledger",
        "PYTHONPATH": str(RUNTIME),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_both_phases_call_the_handler_with_the_same_clients(tmp_path: Path) -> None:
    answers = started(tmp_path)["answers"]

    assert answers == [{"first": True}, {"second": True, "owner": "request"}]


def test_clients_are_made_before_the_first_invocation_and_never_again(tmp_path: Path) -> None:
    found = started(tmp_path)

    assert found["made by then"] >= 3, "of EC2, IAM and DynamoDB"
    assert found["made since"] == 0


def test_garbage_is_collected_again_once_everything_is_imported(tmp_path: Path) -> None:
    found = started(tmp_path)

    assert found["collects"]
    assert found["frozen"]
