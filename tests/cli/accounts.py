"""Accounts in this process, for the tests of commands."""

from collections.abc import Mapping
from typing import Any

import pytest

from cdk_instance_role.cli.aws.clients import NoAccessError
from cdk_instance_role.cli.template.assembly import LookupRole
from cdk_instance_role.cli.template.deployed_stack import DeployedStack
from tests.cli.cloud import Cloud, StandIn
from tests.synth.builders import REGION


class StandInAccounts:
    """Has what commands use of `Accounts`. The account of the credentials is a cloud's."""

    def __init__(self, clouds: Mapping[str, Cloud], own: str, region: str) -> None:
        self._clouds, self.own, self.region = clouds, own, region

    def aws(self, account: str, region: str, *lookup_roles: LookupRole) -> Any:
        if account not in self._clouds:
            role = lookup_roles[0].arn if lookup_roles else "none"
            return Closed(account, region, f"role {role} can't be assumed")
        return _LookedAtOnce(**{**vars(self._clouds[account].aws), "account": account, "region": region})


class _LookedAtOnce(StandIn):
    """Reads each stack only once, as `Aws` does."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._stacks: dict[str, DeployedStack | None] = {}

    def deployed_stack(self, name: str) -> DeployedStack | None:
        if name not in self._stacks:
            self._stacks[name] = super().deployed_stack(name)
        return self._stacks[name]


class Closed:
    """An account without access."""

    def __init__(self, account: str, region: str, reason: str) -> None:
        self.account, self.region, self.partition, self.reason = account, region, "aws", reason

    def check(self) -> None:
        raise NoAccessError(self.reason)

    def __getattr__(self, name: str) -> Any:
        if name in {"ec2", "iam", "tagging", "cloudformation", "dynamodb"}:
            raise NoAccessError(self.reason)
        return lambda *_: self.check()


def see(monkeypatch: pytest.MonkeyPatch, cloud: Cloud, **others: Cloud) -> None:
    """Let all commands of a test see these clouds; the names of the others are their account ids with ``a`` before."""

    def accounts(region: str | None = None, role_name: str | None = None, *, by_lookup_roles: bool = True) -> Any:
        reached = others if role_name or by_lookup_roles else {}
        known = {cloud.aws.account: cloud, **{name.removeprefix("a"): other for name, other in reached.items()}}
        return StandInAccounts(known, cloud.aws.account, region or REGION)

    monkeypatch.setattr("cdk_instance_role.cli.commands.Accounts", accounts)
