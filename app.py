#!/usr/bin/env python3
"""The CDK app: one stack for every account and Region of each entry of ``instance_roles``. It makes no call to AWS."""

import os
import sys

from aws_cdk import App, Environment
from aws_cdk.region_info import Fact
from jsii.errors import JavaScriptError

from stacks.config import STACK_PREFIX, common_settings, load
from stacks.context.lossless import with_nulls
from stacks.instance_role_stack import InstanceRoleStack
from stacks.mistakes import about_entry
from stacks.shared_provider import SharedProviders


def main() -> None:
    """Define the stacks and write the cloud assembly."""
    app = App()
    context = with_nulls(app.node.get_all_context(), os.environ)
    stacks = load(context, Fact.regions)
    shared = SharedProviders(app, common_settings(context), stacks)
    for one in stacks:
        entry, env = one.entry, Environment(account=one.entry.account, region=one.entry.region)
        with about_entry(one):
            provider = shared.provider_of(env)
            InstanceRoleStack(app, STACK_PREFIX + one.stack, entry=entry, provider=provider, env=env)
    app.synth()


def run() -> None:
    """Run the app. A mistake in the configuration, and what the CDK refuses, end it without a traceback."""
    try:
        main()
    except ValueError as error:
        sys.exit(f"error: {error}")
    except RuntimeError as error:
        if not isinstance(error.__cause__, JavaScriptError):
            raise
        sys.exit("\n".join(f"error: {line.strip()}" for line in str(error).splitlines() if line.strip()))


if __name__ == "__main__":
    run()
