"""A CDK app whose synthesis is measured. It says how long its parts took, and how many associations it has.

Arguments: ``smallest`` for an app that has nothing but the provider framework and custom resources, or ``ours`` for
associations; and how many of them. If they don't fit into a stack, nothing is synthesized, and it says how many do, and
why.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.handler_memory import answer

STACK, SMALLEST, OURS = "Benchmark", "smallest", "ours"
_CODE = "def handle(event, context): return {'IsComplete': True}"

Build = Callable[[Any], Any]


def main() -> None:
    began = time.perf_counter()
    from aws_cdk import App, Stack  # here and below, because importing is measured

    build = {SMALLEST: _custom_resources, OURS: _associations}[sys.argv[1]](int(sys.argv[2]))
    imported = time.perf_counter()
    app = App()
    refused = build(Stack(app, STACK))
    built = time.perf_counter()
    if not refused:
        app.synth()
    answer(
        {
            "imports": imported - began,
            "constructs": built - imported,
            "synthesis": time.perf_counter() - built,
            **(refused or {}),
        }
    )


def _custom_resources(count: int) -> Build:
    from aws_cdk import CustomResource, custom_resources
    from aws_cdk import aws_lambda as lambda_

    def build(stack: Any) -> None:
        handler = lambda_.Function(
            stack,
            "Handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handle",
            code=lambda_.Code.from_inline(_CODE),
        )
        provider = custom_resources.Provider(stack, "Provider", on_event_handler=handler, is_complete_handler=handler)
        for number in range(count):
            CustomResource(stack, f"Resource{number}", service_token=provider.service_token)

    return build


def _associations(count: int) -> Build:
    from cdk_instance_role import InstanceRole, InstanceSelection

    def build(stack: Any) -> dict[str, Any] | None:
        role = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        for number in range(count):
            try:
                role.associate_with(f"Fleet{number}", InstanceSelection.by_ids(f"i-{number:017x}"))
            except ValueError as error:
                return {"fits": number, "reason": str(error)}
        return None

    return build


if __name__ == "__main__":
    main()
