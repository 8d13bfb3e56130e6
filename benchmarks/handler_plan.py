"""A program that plans for a number of targets, and says what that took.

Arguments: the number, and ``traced`` for the memory that the values of the plan take, which makes it slow.
"""

import gc
import sys
import time
import tracemalloc

from benchmarks import handler_targets as targets
from benchmarks.handler_memory import MEGABYTE, answer, peak_memory
from cdk_instance_role.runtime.association import handler as handler
from cdk_instance_role.runtime.association.decide.plan import OperationContext, plan_desired, plan_undo
from cdk_instance_role.runtime.association.decide.step import Plan
from cdk_instance_role.runtime.association.services import Services


def main() -> None:
    count, traced = int(sys.argv[1]), "traced" in sys.argv[2:]
    # As in a running function: the clients take far more memory than a plan does.
    services, before = (handler, Services.from_environment()), peak_memory()
    if traced:
        tracemalloc.start()
    snapshot = targets.mixed(count)
    desired = targets.desired(snapshot.selected)
    began, cpu = time.perf_counter(), time.process_time()
    steps = read(plan_desired(desired, snapshot, OperationContext()))
    planned, cpu = time.perf_counter() - began, time.process_time() - cpu
    began = time.perf_counter()
    read(plan_undo(snapshot))
    undone = time.perf_counter() - began
    memory, values = peak_memory(), tracemalloc.get_traced_memory()[1] / MEGABYTE
    gc.disable()
    began = time.process_time()
    read(plan_desired(desired, snapshot, OperationContext()))
    uncollected = time.process_time() - began
    assert steps == count, (steps, services)
    answer(
        {
            "seconds": planned,
            "cpu": cpu,
            "uncollected": uncollected,
            "undo": undone,
            "memory": memory,
            "before": before,
            "values": values,
        }
    )


def read(plan: Plan) -> int:
    """Ask a plan what the handler asks it. Returns the number of steps."""
    assert not plan.converged
    return sum(map(len, (plan.changes, plan.waiting, plan.kept, plan.forgotten, plan.problems)))


if __name__ == "__main__":
    main()
