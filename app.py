#!/usr/bin/env python3
"""The CDK app: one stack for every account and Region of each entry of ``instance_roles``. It makes no call to AWS."""

import sys

from aws_cdk import App, Environment
from aws_cdk.region_info import Fact

from stacks.config import STACK_PREFIX, common_settings, load
from stacks.instance_role_stack import InstanceRoleStack
from stacks.mistakes import about_entry
from stacks.shared_provider import SharedProviders


def main() -> None:
    """Define the stacks and write the cloud assembly."""
    app = App()
    context = app.node.get_all_context()
    stacks = load(context, Fact.regions)
    shared = SharedProviders(app, common_settings(context))
    for one in stacks:
        entry, env = one.entry, Environment(account=one.entry.account, region=one.entry.region)
        with about_entry(one):
            provider = shared.provider_of(entry, env)
            InstanceRoleStack(app, STACK_PREFIX + one.stack, entry=entry, provider=provider, env=env)
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:  # a mistake in the configuration: one sentence, no traceback
        sys.exit(f"error: {error}")
