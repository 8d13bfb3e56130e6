"""Plays CloudFormation and the provider framework in front of the handler, on virtual time."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_instance_role.runtime.association import handler
from cdk_instance_role.runtime.association.aws.alarms import Alarms
from cdk_instance_role.runtime.association.aws.ec2_answers import FIRST_LAUNCH, INSTANCE, read_quickly
from cdk_instance_role.runtime.association.aws.enforcement_calls import EventBus, Queue
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.aws.stack_status import Stacks
from cdk_instance_role.runtime.association.contract import MAX_INVOCATION_SECONDS
from cdk_instance_role.runtime.association.decide.record import Record, held
from cdk_instance_role.runtime.association.exceptions import AssociationError
from cdk_instance_role.runtime.association.ledger.records import Ledger
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING, Services
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.cloudformation import Stack, Status
from tests.simulator.dynamodb import TABLE
from tests.simulator.ec2 import MUTATING
from tests.simulator.errors import AwsError
from tests.simulator.faults import KilledError
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.simulator import Simulator
from tests.simulator.sqs import QUEUE_URL

if TYPE_CHECKING:
    from tests.simulator.handler_role import Amendment, HandlerRole

STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/InstanceRole-web/0f1e2d3c"
STATUSES = {"Create": Status.CREATING, "Update": Status.UPDATING, "Delete": Status.DELETING}
"""The status of a stack when an event comes, unless a test has set another one."""
OWN_PATH = "/cdk-instance-role/InstanceRole-web/0a1b2c3d/"
"""IAM path of the profiles of one `InstanceRole`."""
RESPONSE_URL = "https://cloudformation-custom-resource-response.example/signed?Signature=not-for-your-eyes"
CONNECTED = {"clients", "services", "ledger"}
"""Attributes of a world that belong to the handler and not to the AWS."""
QUERY_SECONDS, WAITER_SECONDS = 5.0, 3600.0
_ids = itertools.count(1)


class FunctionError(Exception):
    """What the provider framework receives when a function was killed."""


FAILURES = (AssociationError, ClientError, BotoCoreError, FunctionError)
"""What a function may end with. Anything else is a mistake, and ends the test."""


def _as_in_the_function(clients: Clients) -> None:
    read_quickly(clients.ec2_changes, (*INSTANCE, *FIRST_LAUNCH))


class World:
    """An AWS with the three profiles Web, Old and Foreign, and the handler in front of it."""

    def __init__(self, *, enforced: bool = False, amend: "Amendment | None" = None, restricted: bool = False) -> None:
        """
        Args:
            enforced: the handler may do what the policies in the template allow, as CloudFormation attaches and
                detaches them. Web, Old and Foreign are imported profiles then; those of the stack have a path.
                Default: it may do everything.
            amend: what is changed in every policy before it is attached.
            restricted: the provider has all settings of a company with rules, so that the ledger is under a key.
        """
        self.timeout = 1800
        """The timeout of an association that gives none, in seconds."""
        self.clock = VirtualClock()
        self.aws = Simulator(self.clock)
        self.traffic, self.fleet = self.aws.traffic, self.aws.fleet
        self.ec2, self.iam, self.dynamodb = self.aws.ec2, self.aws.iam, self.aws.dynamodb
        self.cloudwatch, self.stacks = self.aws.cloudwatch, self.aws.cloudformation.stacks
        self.stacks[STACK_ID] = Stack(Status.CREATING)
        self.status_is_set = set[str]()
        """Ids of the stacks whose status does not follow from the events."""
        self.role = self._equip(amend, restricted=restricted) if enforced else None
        """Role of the handler, where its policies are enforced."""
        self.web = self.fleet.add_profile("Web") if enforced else self.own_profile("Web")
        self.old, self.foreign = (self.fleet.add_profile(name) for name in ("Old", "Foreign"))
        self._connect()

    def __deepcopy__(self, memo: dict[int, Any]) -> "World":
        """Its clients can't be copied, and functions that a test has planned would still be about the original."""
        assert not self.clock.timers
        assert not self.traffic.has_plans
        memo[id(self)] = made = object.__new__(World)
        kept = {name: value for name, value in vars(self).items() if name not in CONNECTED}
        vars(made).update(deepcopy(kept, memo))
        made._connect()
        return made

    def _connect(self) -> None:
        """Put the handler in front of the AWS."""
        self.clients = clients = Clients.of(
            self.aws, reading=READING, changing=ONE_ATTEMPT, prepare=_as_in_the_function
        )
        self.services = Services(
            ec2=clients.ec2_changes,
            iam=clients.iam,
            ledger=Ledger(Table(clients.dynamodb, TABLE, sleep=self.clock.sleep)),
            alarms=Alarms(lambda: clients.cloudwatch, RateLimiter(clock=self.clock, sleep=self.clock.sleep)),
            stacks=Stacks(lambda: clients.cloudformation),
            queue=Queue(lambda: clients.sqs, QUEUE_URL),
            event_bus=EventBus(lambda: clients.events),
            clock=self.clock,
            sleep=self.clock.sleep,
            monotonic=self.clock.monotonic,
            every=self.clock.every,
        )
        self.ledger = self.services.ledger

    def _equip(self, amend: "Amendment | None", *, restricted: bool) -> "HandlerRole":
        # Only here, because it takes the CDK, which is slow to load.
        from tests.simulator.handler_role import HandlerRole
        from tests.synth.all_settings import KEY

        role = HandlerRole(self.clock.true_time, amend, restricted=restricted)
        self.aws.ledger_key = KEY if restricted else None
        self.aws.authority = role.authority
        return role

    @property
    def stack_status(self) -> str:
        """Status of the stack. One that was set stays; else it follows from the events that are delivered."""
        return self.stacks[STACK_ID].status

    @stack_status.setter
    def stack_status(self, status: str) -> None:
        self.stacks[STACK_ID].status = status
        self.status_is_set.add(STACK_ID)

    def own_profile(self, name: str) -> str:
        """A profile of the `InstanceRole` that Web is of."""
        return self.fleet.add_profile(name, path=OWN_PATH)

    def instance(self, carries: str | None = None, **more: Any) -> str:
        return self.fleet.add_instance(carries, **more)

    def instances(self, count: int, carries: str | None = None, **more: Any) -> list[str]:
        return [self.instance(carries, **more) for _ in range(count)]

    def carried(self, *instance_ids: str) -> list[str | None]:
        return [self.fleet.carried(id_) for id_ in instance_ids]

    def refuse(self, action: str, instance_id: str, code: str = "UnsupportedOperation") -> None:
        """Let EC2 always refuse an action for one instance, as it is now."""
        row = self.fleet.active(instance_id)
        about = {instance_id, row.id if row else instance_id}
        error = AwsError(code, "not today")
        self.traffic.fail(action, error, times=10_000, when=lambda parameters: bool(about & set(_words(parameters))))

    def ledger_item(self, resource: "Resource") -> dict[str, Any]:
        """What the ledger says of the operation of an association."""
        table = Table(self.clients.dynamodb, TABLE)
        return table.get("operation", resource.association)

    @property
    def ledger_items(self) -> dict[tuple[str, str], Any]:
        """The items of the ledger without those that expire: events of deleted associations, levels of buckets."""
        return {key: item for key, item in self.dynamodb.items.items() if "ExpiresAt" not in item}

    @property
    def mutations(self) -> int:
        """Calls that change something, refused ones included."""
        return self.traffic.count(*MUTATING)

    def properties(
        self,
        instances: Sequence[str] = (),
        *,
        tags: Mapping[str, Sequence[str]] | None = None,
        profile: str | None = None,
        replaces: Sequence[str] | str = (),
        on_conflict: str = "FAIL",
        timeout: int | None = None,
        rollout: Mapping[str, Any] | None = None,
        enforcement: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The properties of the custom resource, as the construct writes them."""
        selection = {"InstanceTags": tags} if tags else {"InstanceIds": list(instances)}
        return {
            "ServiceToken": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:framework",
            **self.profile_ref(profile or self.web),
            **selection,
            "Replaces": replaces if isinstance(replaces, str) else [self.profile_ref(arn) for arn in replaces],
            "OnConflict": on_conflict,
            "TimeoutSeconds": self.timeout if timeout is None else timeout,
            **({"Rollout": rollout} if rollout else {}),
            **({"Enforcement": enforcement} if enforcement else {}),
        }

    def profile_ref(self, arn: str) -> dict[str, str]:
        known = self.fleet.profiles.get(arn)
        role = known.role_arn if known and known.role_arn else arn.replace("instance-profile", "role")
        return {"InstanceProfileArn": arn, "RoleArn": role}


@dataclass
class Result:
    """How an event ended for CloudFormation."""

    ok: bool
    reason: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    polls: int = 0
    """Invocations of the second phase."""
    seconds: float = 0.0
    event: Mapping[str, Any] = field(default_factory=dict)
    """The event as the second phase got it."""
    rollback: "Result | None" = None
    """How the event ended with which CloudFormation has rolled back this failed one."""


class Resource:
    """The custom resource, from its Create to its Delete. `create`, `update` and `delete` say what the stack is doing.

    Where policies are enforced, CloudFormation attaches those of a configuration before it sends the event, and
    detaches those that are left over once everything has succeeded or has been rolled back.
    """

    def __init__(self, world: World, logical_id: str = "Association", stack_id: str = STACK_ID) -> None:
        self.world, self.logical_id, self.stack_id = world, logical_id, stack_id
        self.physical_id: str | None = None
        self.properties: dict[str, Any] = {}
        self.goes_on_when_killed = True
        """Else a killed invocation fails the event, as the provider framework reports it."""
        self.renames_profile = False
        """The profile keeps its logical id when it gets another name. The policy that refers to it then keeps its
        own, too: CloudFormation changes it in place before the Update, and back before the reverse one."""

    @property
    def association(self) -> str:
        return f"{self.stack_id}|{self.logical_id}"

    def records(self) -> dict[str, Record]:
        """What the association holds."""
        return held(self.world.ledger.records(self.association))

    def create(self, properties: Mapping[str, Any]) -> Result:
        """Create the resource. If that fails, CloudFormation deletes it, if it knows its physical id."""
        self.attach_policies(properties)
        with self._stack_is(Status.CREATING):
            result = self.deliver(self.event("Create", properties))
        if result.ok:
            self.properties = dict(properties)
            return result
        if self.physical_id:
            with self._stack_is(Status.CREATE_ROLLING_BACK):
                result.rollback = self.deliver(self.event("Delete", properties))
            self.physical_id = None
        if result.rollback is None or result.rollback.ok:
            self.detach_policies()
        return result

    def update(self, properties: Mapping[str, Any]) -> Result:
        """Update the resource. If that fails, CloudFormation sends it again with old and new properties swapped."""
        self.attach_policies(properties)
        with self._stack_is(Status.UPDATING):
            result = self.deliver(self.event("Update", properties, self.properties))
        if result.ok:
            self.properties = dict(properties)
            self.detach_policies(but_for=properties)
            return result
        self.attach_policies(self.properties)
        with self._stack_is(Status.ROLLING_BACK):
            result.rollback = self.deliver(self.event("Update", self.properties, properties))
        if result.rollback.ok:
            self.detach_policies(but_for=self.properties)
        return result

    def delete(self, physical_id: str | None = None) -> Result:
        """Delete the resource, by another physical id if one is given."""
        invented = {"PhysicalResourceId": physical_id} if physical_id else {}
        with self._stack_is(Status.DELETING):
            result = self.deliver(self.event("Delete", self.properties) | invented)
        if result.ok:
            self.detach_policies()
        return result

    @contextmanager
    def _stack_is(self, status: str) -> Iterator[None]:
        """What the stack does while an event is delivered. Then its status is as before, if somebody had set it."""
        stack = self.world.stacks.setdefault(self.stack_id, Stack(status))
        is_set = self.stack_id in self.world.status_is_set
        self.world.status_is_set.add(self.stack_id)
        before, stack.status = stack.status, status
        try:
            yield
        finally:
            if is_set:
                stack.status = before
            else:
                self.world.status_is_set.discard(self.stack_id)

    def attach_policies(self, properties: Mapping[str, Any]) -> None:
        """Give the handler the policies of a configuration, besides those that it has.

        Only tests that deliver events themselves have to do so.
        """
        if self.world.role:
            self.world.role.attach(self.logical_id, properties, in_place=self.renames_profile)

    def detach_policies(self, *, but_for: Mapping[str, Any] | None = None) -> None:
        """Take all policies of the association from the handler, but for those of one configuration."""
        if self.world.role:
            self.world.role.detach(self.logical_id, but_for=but_for, in_place=self.renames_profile)

    def event(
        self, request_type: str, properties: Mapping[str, Any], old: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """An event as CloudFormation makes it: every scalar is a string."""
        physical_id = self.physical_id or ("invented-by-cloudformation" if request_type == "Delete" else None)
        physical = {"PhysicalResourceId": physical_id} if physical_id else {}
        return {
            "RequestType": request_type,
            "RequestId": f"request-{next(_ids)}",
            "ResponseURL": RESPONSE_URL,
            "ServiceToken": properties["ServiceToken"],
            "StackId": self.stack_id,
            "LogicalResourceId": self.logical_id,
            "ResourceType": "Custom::InstanceProfileAssociation",
            "ResourceProperties": _as_strings(properties),
            **({} if old is None else {"OldResourceProperties": _as_strings(old)}),
            **physical,
        }

    def deliver(self, event: Mapping[str, Any]) -> Result:
        """Deliver an event, and ask until it is over."""
        began = self.world.clock()
        result = self._run(event)
        result.seconds = self.world.clock() - began
        return result

    def begin(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The first phase alone: the event for the second one."""
        stack = self.world.stacks.setdefault(self.stack_id, Stack(Status.CREATING))
        if self.stack_id not in self.world.status_is_set:
            stack.status = STATUSES.get(event["RequestType"], stack.status)
        answer = self._survive(lambda: _copy(handler.on_event(_copy(event), self.world.services)))
        assert event["RequestType"] == "Create" or answer["PhysicalResourceId"] == event.get("PhysicalResourceId")
        self.physical_id = answer["PhysicalResourceId"]
        return {**event, **answer}

    def poll(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """One invocation of the second phase."""
        assert handler.PHASE in event
        return _copy(handler.is_complete(_copy(event), self.world.services, owner=f"invocation-{next(_ids)}"))

    def _run(self, event: Mapping[str, Any]) -> Result:
        try:
            event = self.begin(event)
        except FAILURES as error:
            return Result(False, str(error), event=event)
        return self._finish(event)

    def finish(self, event: Mapping[str, Any]) -> Result:
        """The second phase: ask until it is over."""
        began = self.world.clock()
        result = self._finish(event)
        result.seconds = self.world.clock() - began
        return result

    def _finish(self, event: Mapping[str, Any]) -> Result:
        give_up_at = self.world.clock() + WAITER_SECONDS
        for polls in itertools.count(1):
            try:
                answer = self._survive(lambda: self.poll(event))
            except FAILURES as error:
                return Result(False, str(error), polls=polls, event=event)
            if answer["IsComplete"]:
                return Result(True, data=answer.get("Data", {}), polls=polls, event=event)
            assert answer.keys() == {"IsComplete"}, "the framework refuses data that comes too early"
            if self.world.clock() > give_up_at:
                return Result(False, "Operation timed out", polls=polls, event=event)
            self.world.clock.sleep(QUERY_SECONDS)
        raise AssertionError

    def _survive(self, invoke: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return invoke()
        except KilledError:
            self.world.traffic.kill_switch.restart()
            self.world.clock.stop_all()  # the threads of a process end with it
            if not self.goes_on_when_killed:
                raise FunctionError("the function was killed") from None
            self.world.clock.sleep(MAX_INVOCATION_SECONDS + 1)
            return invoke()


def _as_strings(value: Any) -> Any:
    match value:
        case dict():
            return {key: _as_strings(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_strings(item) for item in value]
        case bool():
            return "true" if value else "false"
    return str(value)


def _words(parameters: Mapping[str, Any]) -> list[str]:
    return [value for value in parameters.values() if isinstance(value, str)]


def _copy(event: Mapping[str, Any]) -> dict[str, Any]:
    """What travels between functions is JSON."""
    copy: dict[str, Any] = json.loads(json.dumps(event))
    return copy
