"""A program that looks at a number of targets and plans, as the handler does again and again, and says what that took.

Everything is as in the handler but for AWS, whose answers are canned. Argument: the number.
"""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import boto3

from benchmarks import handler_targets as targets
from benchmarks.handler_canned import MARK, Canned
from benchmarks.handler_memory import answer, peak_memory
from cdk_instance_role.runtime.association.aws.instances import IDS_PER_CALL
from cdk_instance_role.runtime.association.aws.observe import Observer
from cdk_instance_role.runtime.association.aws.paged_reads import PAGE_SIZE
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.batch import chunks
from cdk_instance_role.runtime.association.converge.preview import observed
from cdk_instance_role.runtime.association.decide.plan import OperationContext, plan_desired
from cdk_instance_role.runtime.association.ledger.items import attributes_of
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.services import READING, Services


def main() -> None:
    ids = targets.ids(int(sys.argv[1]))
    canned = Canned(ids[:1])
    services = Services.from_environment()
    alone = boto3.client("ec2", config=READING), boto3.client("dynamodb", config=READING)
    canned.item = ledger_item(alone[1])
    observer = Observer(services.ec2, services.iam, RateLimiter(sleep=_do_not_wait))
    # boto3 reads what it knows of an action when it is first needed, and IAM is asked for a profile only once.
    look(services, observer, ids[:1])
    ask(*alone, ids[:1])
    canned.ids = ids
    canned.calls.clear()
    parts = look(services, observer, ids)
    memory, calls = peak_memory(), canned.calls.total()
    parts["boto3"] = ask(*alone, ids)
    assert canned.calls.total() == 2 * calls, canned.calls
    answer({**parts, "memory": memory, "calls": calls})


def ledger_item(dynamodb: Any) -> str:
    """What the ledger holds of one instance for an association, as JSON."""
    record = targets.claimed(MARK, targets.OLD)
    written = Table(dynamodb, "Ledger").replacement(targets.ASSOCIATION, MARK, attributes_of(record))
    return json.dumps(written["Put"]["Item"])


def look(services: Services, observer: Observer, ids: Sequence[str]) -> dict[str, float]:
    """Look at the ledger and at the instances, and plan. Returns the processor time of each, and of all."""
    cpu, desired = [time.process_time()], targets.desired(ids)
    records = services.ledger.records(targets.ASSOCIATION)
    cpu.append(time.process_time())
    snapshot = observed(observer, records, desired, clock=time.time)
    cpu.append(time.process_time())
    plan = plan_desired(desired, snapshot, OperationContext())
    assert plan.converged
    cpu.append(time.process_time())
    assert len(plan.kept) == len(ids)
    return {
        "ledger": cpu[1] - cpu[0],
        "instances": cpu[2] - cpu[1],
        "plan": cpu[3] - cpu[2],
        "look": cpu[3] - cpu[0],
    }


def ask(ec2: Any, dynamodb: Any, ids: Sequence[str]) -> float:
    """Make the same calls, on clients as boto3 makes them, and throw away what they say. Returns the processor time."""
    began = time.process_time()
    for action in ("describe_instances", "describe_iam_instance_profile_associations"):
        for chunk in chunks(ids, IDS_PER_CALL):
            filters = [{"Name": "instance-id", "Values": chunk}]
            assert all(ec2.get_paginator(action).paginate(Filters=filters, PaginationConfig={"PageSize": PAGE_SIZE}))
    assert all(dynamodb.get_paginator("query").paginate(TableName="Ledger", ConsistentRead=True))
    return time.process_time() - began


def _do_not_wait(_seconds: float) -> None:
    """How long AWS makes the handler wait is measured elsewhere."""


if __name__ == "__main__":
    main()
