#!/usr/bin/env python3
"""The CDK app: one stack for every entry of ``instance_roles`` in the context. It makes no call to AWS."""

import sys

from aws_cdk import App, Environment

from stacks.config import common_settings, load
from stacks.instance_role_stack import InstanceRoleStack
from stacks.shared_provider import SharedProviders


def main() -> None:
    """Define the stacks and write the cloud assembly."""
    app = App()
    context = app.node.get_all_context()
    roles = load(context)
    shared = SharedProviders(app, common_settings(context))
    for name, entry in roles.items():
        env = Environment(account=entry.account, region=entry.region)
        InstanceRoleStack(app, f"InstanceRole-{name}", entry=entry, provider=shared.provider_of(entry, env), env=env)
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:  # a mistake in the configuration: one sentence, no traceback
        sys.exit(f"error: {error}")
