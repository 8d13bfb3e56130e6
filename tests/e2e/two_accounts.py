"""A fleet in two accounts and two Regions: it is deployed, looked at in all ways, and destroyed.

Everything is done with credentials of the first account.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localaws.cdk import Result, run_command
from localaws.fleet import Fleet, InstanceView
from localaws.ministack import ROOT, LocalAws
from tests.e2e.accounts import AccountChecks
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.plans import Said, run_here

Place = tuple[str, str]
"""An account and a Region."""

FIRST, SECOND, THIRD = "111122223333", "444455556666", "777788889999"
IRELAND, VIRGINIA = "eu-west-1", "us-east-1"
PLACES: tuple[Place, ...] = (FIRST, IRELAND), (FIRST, VIRGINIA), (SECOND, IRELAND), (SECOND, VIRGINIA)
NOT_ENABLED: Place = (FIRST, "ap-east-1")
REGION_WITHOUT_BOOTSTRAP: Place = (SECOND, "eu-north-1")
ACCOUNT_WITHOUT_BOOTSTRAP: Place = (THIRD, IRELAND)
OLD, FOREIGN = "OldProfile", "ForeignProfile"

_METHOD = "--method=direct", "--require-approval=never", "--progress=events"
_CALLS_UNTIL_EXPIRY = 3


class ReportOfPlaces(Said):
    """What a command has said of several accounts and Regions."""

    @property
    def results(self) -> dict[Place, int]:
        """The result of each account and Region."""
        return {_place(one): one["exit_status"] for one in self.document["environments"]}

    @property
    def unseen(self) -> dict[Place, list[str]]:
        """What could not be read, for each account and Region with a gap."""
        return {_place(one): one["unseen"] for one in self.document["environments"] if one["unseen"]}

    def named(self, name: str) -> dict[Place, Mapping[str, Any]]:
        """What is said of the instances of that name."""
        return {
            _place(one): instance
            for one in self.document["associations"]
            for instance in one["instances"]
            if instance["name"] == name
        }


@dataclass(frozen=True)
class Played:
    """What was done, and the output of the commands."""

    before: Mapping[Place, Sequence[InstanceView]]
    """All instances before the deployment."""
    first_plan: Result
    """As people read it."""
    roles: list[str]
    """What the first plan has assumed."""
    deployed: Result
    during: Mapping[Place, Sequence[InstanceView]]
    destroyed: Result
    after: Mapping[Place, Sequence[InstanceView]]
    said: dict[str, ReportOfPlaces] = field(default_factory=dict)


class Operator:
    """Runs ``instance-role``."""

    def __init__(self, environment: Mapping[str, str], empty: Path) -> None:
        self._environment, self._empty = environment, empty

    def run(self, *arguments: str, folder: Path) -> Result:
        """Run it as people do."""
        return run_command([sys.executable, "-m", "cdk_instance_role.cli", *arguments], folder, self._environment)

    def ask(self, *arguments: str) -> ReportOfPlaces:
        """Run it in this process and in the empty folder, and read its report."""
        result = run_here([*arguments, "--format", "json"], self._environment, self._empty)
        assert result.stdout, result.output
        return ReportOfPlaces(result.exit_code, json.loads(result.stdout))


class Estate:
    """Instances in all accounts and Regions: web-1 has no profile, and web-2 has one that may be replaced."""

    def __init__(
        self, accounts: Mapping[str, LocalAws], checks: AccountChecks, operator: Operator, cdk: SynthesizedOnce
    ) -> None:
        """
        Args:
            accounts: the first two are bootstrapped, and trust the first one.
            checks: in front of the local AWS.
            operator: has credentials of the first account.
            cdk: the CLI with the app of this repository and these credentials.
        """
        self._checks, self._operator, self._cdk = checks, operator, cdk
        self._now = cdk.assembly(NOW)
        bad_places = NOT_ENABLED, REGION_WITHOUT_BOOTSTRAP, ACCOUNT_WITHOUT_BOOTSTRAP
        self._next = cdk.assembly(context("web", "db", places=(*PLACES, *bad_places)))
        self._fleets = {(account, region): Fleet(accounts[account], region=region) for account, region in PLACES}

    def play(self) -> Played:
        """Do everything."""
        self._launch()
        before, first_plan, roles = self._look(), self._first_plan(), sorted(self._checks.assumed)
        deployed = self._cdk.run("deploy", "--all", "--concurrency=4", *_METHOD, context=NOW)
        during = self._look()
        said = self._in_order() | self._bad_input() | {"conflict": self._conflict(), "drift": self._drift()}
        destroyed = self._cdk.run("destroy", "--all", "--force", "--concurrency=4", context=NOW)
        said["destroyed"] = self._operator.ask("status", "--regions", f"{IRELAND},{VIRGINIA}")
        return Played(before, first_plan, roles, deployed, during, destroyed, self._look(), said)

    def _launch(self) -> None:
        for account in (FIRST, SECOND):
            self._fleets[account, IRELAND].add_profile(OLD)
        for fleet in self._fleets.values():
            fleet.launch(name="web-1", tags={"app": "web"})
            fleet.launch(OLD, name="web-2", tags={"app": "web"})

    def _first_plan(self) -> Result:
        given = [f"{key}={json.dumps(value)}" for key, value in NOW.items()]
        return self._operator.run("plan", "--app", "python app.py", "--context", *given, folder=ROOT)

    def _in_order(self) -> dict[str, ReportOfPlaces]:
        accounts, regions = ("--accounts", f"{FIRST},{SECOND}"), ("--regions", f"{IRELAND},{VIRGINIA}")
        ask = self._operator.ask
        return {
            "plan": ask("plan", "--app", str(self._now)),
            "here": ask("status"),
            "regions": ask("status", *regions),
            "all regions": ask("status", "--regions", "all"),
            "accounts": ask("status", *accounts, *regions, "--role-name", "Auditor"),
        }

    def _bad_input(self) -> dict[str, ReportOfPlaces]:
        ask, app, both = self._operator.ask, ("--app", str(self._now)), ("--accounts", f"{FIRST},{SECOND}")
        said = {
            "no role": ask("plan", *app, "--role-name", "Nobody"),
            "no role for status": ask("status", *both, "--regions", "all", "--role-name", "Nobody"),
            "closed role": ask("plan", *app, "--role-name", "Closed"),
            "Region without bootstrap": self._plan_next(*PLACES, REGION_WITHOUT_BOOTSTRAP),
            "account without bootstrap": self._plan_next(*PLACES, ACCOUNT_WITHOUT_BOOTSTRAP),
        }
        self._checks.not_enabled.add(NOT_ENABLED[1])
        said["not enabled"] = self._plan_next(*PLACES, NOT_ENABLED)
        said["not enabled for status"] = ask("status", "--regions", f"{IRELAND},{NOT_ENABLED[1]}")
        for command in ("plan", "status"):
            self._checks.calls_left[f"cdk-hnb659fds-lookup-role-{SECOND}-{VIRGINIA}"] = _CALLS_UNTIL_EXPIRY
            said[f"expired {command}"] = ask(command, *app)
        self._checks.calls_left.clear()
        return said

    def _conflict(self) -> ReportOfPlaces:
        fleet = self._fleets[SECOND, IRELAND]
        fleet.add_profile(FOREIGN)
        foreign = fleet.launch(FOREIGN, name="db-1", tags={"app": "db"})
        said = self._plan_next(*PLACES)
        fleet.terminate(foreign)
        return said

    def _drift(self) -> ReportOfPlaces:
        fleet = self._fleets[FIRST, VIRGINIA]
        fleet.remove_profile(next(reader.id for reader in fleet.look().values() if reader.name == "web-1"))
        return self._operator.ask("status", "--app", str(self._now))

    def _plan_next(self, *places: Place) -> ReportOfPlaces:
        stacks = (f"InstanceRole-web-{account}-{region}" for account, region in places)
        return self._operator.ask("plan", *stacks, "--app", str(self._next))

    def _look(self) -> dict[Place, list[InstanceView]]:
        found = {place: fleet.look(settled=True) for place, fleet in self._fleets.items()}
        return {place: sorted(seen.values(), key=lambda reader: reader.name) for place, seen in found.items()}


def context(*values: str, places: Sequence[Place]) -> dict[str, Any]:
    """An app whose role is for instances with one of these values of a tag.

    Args:
        values: the values.
        places: accounts and Regions, those of an account together.
    """
    regions: dict[str, list[str]] = {}
    for account, region in places:
        regions.setdefault(account, []).append(region)
    entry = {
        "managed_policies": ["AmazonS3ReadOnlyAccess"],
        "instance_tags": {"app": [*values]},
        "replaces": [OLD],
        "environments": [{"account": account, "regions": listed} for account, listed in regions.items()],
    }
    return {"instance_roles": {"web": entry}}


NOW = context("web", places=PLACES)
"""What is deployed."""


def _place(one: Mapping[str, Any]) -> Place:
    return one["account"], one["region"]
