#!/usr/bin/env python3
"""The CDK app: one stack for every entry of ``instance_roles`` in the context. It makes no call to AWS."""

import sys

from aws_cdk import App, Environment

from stacks.config import load
from stacks.instance_role_stack import InstanceRoleStack


def main() -> None:
    """Define the stacks and write the cloud assembly."""
    app = App()
    for name, entry in load(app.node.get_all_context()).items():
        env = Environment(account=entry.account, region=entry.region)
        InstanceRoleStack(app, f"InstanceRole-{name}", entry=entry, env=env)
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:  # a mistake in the configuration: one sentence, no traceback
        sys.exit(f"error: {error}")
