"""Random fleets, random deployments, foreign changes and faults: the invariants hold after every operation."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cdk_instance_role.runtime.association.aws import apply
from cdk_instance_role.runtime.association.ledger.items import RECORD
from cdk_instance_role.runtime.association.ledger.operations import KIND as OPERATION
from tests.runtime.oracle import Oracle
from tests.simulator.driver import Resource, Result, World
from tests.simulator.dynamodb import GET, QUERY, TRANSACT, UPDATE
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, DISASSOCIATE, REPLACE
from tests.simulator.errors import AwsError, throttled
from tests.simulator.faults import Failure
from tests.simulator.fleet import as_seen_on_aws
from tests.simulator.iam import GET_PROFILE

MESSAGE_BYTES = 4096
ENDPOINT = "https://ec2.eu-west-1.amazonaws.com/"
FLEET_SIZE = 5

KINDS = st.tuples(st.sampled_from([None, "Old", "Foreign", "Web"]), st.sampled_from(["running", "running", "stopped"]))
SOME = st.lists(st.integers(0, FLEET_SIZE - 1), min_size=1, max_size=FLEET_SIZE, unique=True)
ONE = st.integers(0, FLEET_SIZE - 1)
NAMES = st.sampled_from(["First", "Second"])
PROFILES = st.sampled_from(["Web", "Web2"])
REPLACES = st.sampled_from([(), ("Old",), ("Old", "Web"), ("Old", "Web", "Web2"), "*"])
CONFLICTS = st.sampled_from(["FAIL", "KEEP"])
LOOKS = st.sampled_from([None, 0, 1, 3])
"""Reads of an alarm until it is in ALARM."""
TAGS = st.sampled_from(["web", "api"])
CALLS = [ASSOCIATE, REPLACE, DISASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, GET_PROFILE]
LEDGER_CALLS = [GET, QUERY, UPDATE, TRANSACT]
FAULTS: dict[str, Callable[[], Failure]] = {
    "throttled": throttled,
    "broken": lambda: AwsError("InternalError", "An internal error has occurred", 500),
    "dropped": lambda: ConnectionClosedError(endpoint_url=ENDPOINT),
    "late": lambda: ReadTimeoutError(endpoint_url=ENDPOINT),
}


class AnySequence(RuleBasedStateMachine):
    """Two associations of one stack, on instances that others change, too."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(enforced=True)
        self.oracle = Oracle(self.world)
        self.resources = {name: Resource(self.world, name) for name in ("First", "Second")}
        self.deployed: dict[str, dict[str, Any]] = {}
        self.arns = {"Web": self.world.web, "Old": self.world.old, "Foreign": self.world.foreign}
        self.arns["Web2"] = self.world.fleet.add_profile("Web2")
        self.fleet: list[str] = []

    @initialize(kinds=st.lists(KINDS, min_size=FLEET_SIZE, max_size=FLEET_SIZE), seed=st.integers(0, 1000))
    def launch(self, kinds: Sequence[tuple[str | None, str]], seed: int) -> None:
        self.world.fleet.association_seconds = as_seen_on_aws(seed)
        for number, (carries, state) in enumerate(kinds):
            tags = {"app": "web" if number % 2 else "api"}
            self.fleet.append(self.world.instance(self.arns[carries] if carries else None, state=state, tags=tags))

    @rule(name=NAMES, some=SOME, profile=PROFILES, replaces=REPLACES, on_conflict=CONFLICTS)
    def deploy(
        self, name: str, some: Sequence[int], profile: str, replaces: Sequence[str] | str, on_conflict: str
    ) -> None:
        wanted = self._properties(some, profile, replaces, on_conflict)
        self._converge(name, wanted)

    @rule(name=NAMES, some=SOME, profile=PROFILES, replaces=REPLACES, bake=st.sampled_from([0, 7]), looks=LOOKS)
    def deploy_in_waves(
        self, name: str, some: Sequence[int], profile: str, replaces: Sequence[str] | str, bake: int, looks: int | None
    ) -> None:
        wanted = self._properties(some, profile, replaces, "KEEP")
        waves = {"First": 1, "Growth": 1, "BakeSeconds": bake, "Alarms": ["Errors"], "MaxFailures": "0"}
        self.world.cloudwatch.schedule_alarm("Errors", after=looks)
        self._converge(name, wanted | {"Rollout": waves})

    @rule(name=NAMES, app=TAGS, profile=PROFILES, replaces=REPLACES, on_conflict=CONFLICTS)
    def deploy_by_tags(
        self, name: str, app: str, profile: str, replaces: Sequence[str] | str, on_conflict: str
    ) -> None:
        wanted = self._properties([], profile, replaces, on_conflict)
        del wanted["InstanceIds"]
        self._converge(name, wanted | {"InstanceTags": {"app": [app]}})

    @rule(one=ONE, app=TAGS)
    def someone_else_changes_the_tags(self, one: int, app: str) -> None:
        self.world.fleet.instances[self.fleet[one]].tags = {"app": app}

    @rule(name=NAMES, some=SOME, profile=PROFILES, refused=ONE)
    def deploy_what_ec2_refuses(self, name: str, some: Sequence[int], profile: str, refused: int) -> None:
        for action in (ASSOCIATE, REPLACE):
            self.world.refuse(action, self.fleet[refused])
        self._converge(name, self._properties(some, profile, ("Old", "Web", "Web2"), "FAIL"))

    @precondition(lambda self: self.deployed)
    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.deployed:
            self._delete(name)

    @rule(one=ONE, profile=st.sampled_from(["Old", "Foreign", None]))
    def someone_else_changes_a_profile(self, one: int, profile: str | None) -> None:
        arn = self.arns[profile] if profile else None
        exists = arn is None or arn in self.world.fleet.profiles
        if exists and self.world.fleet.state(self.fleet[one]) in ("running", "stopped"):
            self.oracle.someone_else(self.fleet[one], arn)
            self.world.clock.sleep(10)

    @rule(one=ONE, state=st.sampled_from(["running", "stopped", "terminated"]))
    def someone_else_changes_a_state(self, one: int, state: str) -> None:
        if self.world.fleet.state(self.fleet[one]) != "terminated":
            self.world.fleet.change_state(self.fleet[one], state)

    @rule()
    def someone_else_deletes_or_creates_the_old_profile(self) -> None:
        if self.world.fleet.profiles.pop(self.arns["Old"], None) is None:
            self.world.fleet.add_profile("Old")

    @rule(
        action=st.sampled_from(CALLS + LEDGER_CALLS),
        fault=st.sampled_from(sorted(FAULTS)),
        times=st.integers(1, 3),
        skip=st.integers(0, 4),
        after=st.booleans(),
    )
    def let_calls_fail(self, action: str, fault: str, times: int, skip: int, after: bool) -> None:
        if fault == "throttled" and action in LEDGER_CALLS:
            fault = "broken"
        after_effect = after and fault in ("dropped", "late")
        self.world.traffic.fail(action, FAULTS[fault](), times=times, skip=skip, after_effect=after_effect)

    @rule(point=st.integers(0, 60))
    def let_the_function_be_killed(self, point: int) -> None:
        kill_switch = self.world.traffic.kill_switch
        kill_switch.kill_at = len(kill_switch.points) + point

    @invariant()
    def no_foreign_profile_was_overwritten(self) -> None:
        assert not self.oracle.mistakes, self.oracle.mistakes
        self.oracle.end_operation({id_ for id_, sort_key in self.world.dynamodb.items if sort_key == RECORD})

    def teardown(self) -> None:
        self._clear_faults()
        for name in list(self.deployed):
            self._delete(name)
        self.oracle.check_undone()
        assert self.world.ledger_items == {}
        self.no_foreign_profile_was_overwritten()

    def _properties(
        self, targets: Sequence[int], profile: str, replaces: Sequence[str] | str, on_conflict: str
    ) -> dict[str, Any]:
        listed = replaces if isinstance(replaces, str) else [self.arns[name] for name in replaces]
        ids = [self.fleet[index] for index in targets]
        return self.world.properties(ids, profile=self.arns[profile], replaces=listed, on_conflict=on_conflict)

    def _converge(self, name: str, wanted: dict[str, Any]) -> None:
        resource, before = self.resources[name], self.deployed.get(name)
        if before == wanted:  # then CloudFormation does not call
            return
        self._allow(name, wanted)
        result = resource.update(wanted) if before else resource.create(wanted)
        self._clear_faults()
        if result.ok:
            self.deployed[name] = wanted
            self._check_converged(name, wanted)
            return
        self._check_reason(result)
        if before and result.rollback and not result.rollback.ok:
            self._check_reason(result.rollback)
            # CloudFormation lets people continue a rollback that has failed.
            again = resource.deliver(resource.event("Update", before, wanted))
            assert again.ok, again.reason
        if not before:
            if result.rollback and not result.rollback.ok:
                resource.properties = wanted
                assert resource.delete().ok
            assert resource.records() == {}, "a failed create leaves nothing behind"

    def _delete(self, name: str) -> None:
        resource = self.resources[name]
        self._allow(name, self.deployed[name])
        result = resource.delete()
        self._clear_faults()
        if not result.ok:
            self._check_reason(result)
            result = resource.delete()
        assert result.ok, result.reason
        assert not resource.records()
        assert (OPERATION, resource.association) not in self.world.dynamodb.items
        resource.physical_id = None
        del self.deployed[name]

    def _allow(self, name: str, wanted: dict[str, Any]) -> None:
        """What the operation may displace: what is listed, before and now, and what it has been asked to put there."""
        configurations = [wanted, self.deployed.get(name, wanted)]
        listed = {ref["InstanceProfileArn"] for one in configurations for ref in one["Replaces"] if ref != "*"}
        everything = any(one["Replaces"] == "*" for one in configurations)
        own = {one["InstanceProfileArn"] for one in configurations}
        targets = {id_ for one in configurations for id_ in self._selected(one)} | self._held(name)
        self.oracle.allowed = lambda id_, arn: id_ in targets and (everything or arn is None or arn in listed | own)

    def _held(self, name: str) -> set[str]:
        """The instances that an association holds, without a call, which could be the one that is to fail."""
        association = self.resources[name].association
        return {id_ for kind, id_ in self.world.dynamodb.items if kind == association}

    def _check_converged(self, name: str, wanted: dict[str, Any]) -> None:
        records = self.resources[name].records()
        for id_ in self._selected(wanted):
            if self.world.fleet.state(id_) == "terminated":
                continue
            carried = self.oracle.carried(id_)
            listed = wanted["Replaces"] == "*" or carried in {ref["InstanceProfileArn"] for ref in wanted["Replaces"]}
            ours = id_ in records and carried in records[id_].ours
            kept = wanted["OnConflict"] == "KEEP" and carried is not None and not listed and not ours
            assert kept or carried == wanted["InstanceProfileArn"], f"{name}: {id_} carries {carried}"
            row = self.world.fleet.active(id_)
            assert row is not None
            assert kept or self.world.fleet.row_state(row) == "associated"
        stray = records.keys() - self._selected(wanted)
        assert not stray, f"{name} still holds records of {stray}"

    def _selected(self, wanted: dict[str, Any]) -> set[str]:
        if "InstanceIds" in wanted:
            return set(wanted["InstanceIds"])
        (app,) = wanted["InstanceTags"]["app"]
        tagged = {id_ for id_ in self.fleet if self.world.fleet.instances[id_].tags["app"] == app}
        return {id_ for id_ in tagged if self.world.fleet.state(id_) != "terminated"}

    def _check_reason(self, result: Result) -> None:
        assert result.reason
        assert "\n" not in result.reason
        assert len(result.reason.encode()) <= MESSAGE_BYTES

    def _clear_faults(self) -> None:
        self.world.cloudwatch.schedule_alarm("Errors", after=None)
        self.world.traffic.faults.clear()
        self.world.traffic.kill_switch.kill_at = None


@pytest.fixture(autouse=True)
def _one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an example is the same when it is tried again."""
    monkeypatch.setattr(apply, "MAX_CONCURRENCY", 1)


AnySequence.TestCase.settings = settings(
    max_examples=int(os.environ.get("SOAK_EXAMPLES", "60")),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnySequence = AnySequence.TestCase
