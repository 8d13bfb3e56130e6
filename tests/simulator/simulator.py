"""The simulator: one model of EC2, IAM and DynamoDB, on virtual time, behind the protocols that the real ones speak."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from tests.simulator import authority, wire
from tests.simulator.authority import Attempt, Authority
from tests.simulator.buckets import Buckets
from tests.simulator.clock import Clock, VirtualClock
from tests.simulator.cloudformation import DESCRIBE_STACKS, CloudFormation
from tests.simulator.cloudwatch import DESCRIBE_ALARMS, CloudWatch
from tests.simulator.dynamodb import TABLE, WRITING, DynamoDb
from tests.simulator.ec2 import ASSOCIATE, MUTATING, REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.event_bus import EventBridge
from tests.simulator.faults import Traffic
from tests.simulator.fleet import ACCOUNT, REGION, Fleet, Instance, Profile
from tests.simulator.iam import GET_PROFILE, Iam
from tests.simulator.instances import OwnersEc2
from tests.simulator.sqs import Queue
from tests.simulator.wire import Response

TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:Queue"
BUS_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
LOG_GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:Handler:*"


class Simulator:
    """AWS, as far as the handler can see it."""

    def __init__(self, clock: Clock | None = None, fleet: Fleet | None = None) -> None:
        """
        Args:
            clock: tells the time, and lets it pass. Default: a virtual one.
            fleet: the account and Region. Default: made up.
        """
        self.clock = clock or VirtualClock()
        self.traffic = Traffic(self.clock)
        self.fleet = fleet or Fleet(self.clock.true_time)
        self.buckets = Buckets(self.clock.true_time)
        self.ec2, self.iam, self.dynamodb = OwnersEc2(self.fleet), Iam(self.fleet), DynamoDb(self.clock.true_time)
        self.cloudwatch, self.cloudformation = CloudWatch(), CloudFormation()
        self.queue, self.event_bus = Queue(self.clock.true_time), EventBridge()
        self.ec2.authorize = self._authorize_change
        self.authority: Authority | None = None
        """Decides about every call of the handler. Default: everything is allowed."""
        self.ledger_key: str | None = None
        """ARN of the customer's key of the ledger. DynamoDB uses it with the rights of the caller:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"""

    def answer(self, service: str, body: bytes | str, headers: Mapping[str, Any]) -> Response:
        """Answer a request as the service would.

        Raises:
            HTTPClientError: there is no answer, as a fault demands.
        """
        text = body.decode() if isinstance(body, bytes) else body
        match service:
            case "ec2":
                return self._answer_ec2(wire.parse_form(text))
            case "iam":
                return self._answer_iam(wire.parse_form(text))
            case "dynamodb":
                return self._answer_dynamodb(_target(headers), json.loads(text))
            case "sqs":
                return self._answer_json(_target(headers), json.loads(text), self._check_queue, self.queue.actions)
            case "events":
                return self._answer_json(_target(headers), json.loads(text), self._check_bus, self.event_bus.actions)
            case "cloudwatch":
                return self._answer_cloudwatch(json.loads(text))
            case "cloudformation":
                return self._answer_cloudformation(wire.parse_form(text))
        raise NotImplementedError(service)

    def _answer_ec2(self, parameters: Mapping[str, Any]) -> Response:
        action = parameters["Action"]
        try:
            answer = self.traffic.carry(
                action, parameters, lambda: self._act_ec2(action, parameters), writes=action in MUTATING
            )
        except AwsError as error:
            return wire.ec2_error(error)
        return wire.ec2_response(action, answer)

    def _act_ec2(self, action: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.buckets.take(action, parameters)
        if action not in MUTATING:
            self._check(authority.describe(f"ec2:{action}"))
        return self.ec2.actions[action](parameters)

    def _answer_iam(self, parameters: Mapping[str, Any]) -> Response:
        action = parameters["Action"]
        assert action == GET_PROFILE, action
        try:
            answer = self.traffic.carry(action, parameters, lambda: self._get_profile(parameters), writes=False)
        except AwsError as error:
            return wire.query_error(error)
        return wire.query_response(action, answer)

    def _get_profile(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        name = parameters["InstanceProfileName"]
        known = next((arn for arn, profile in self.fleet.profiles.items() if profile.name == name), None)
        arn = known or f"arn:aws:iam::{self.fleet.account}:instance-profile/{name}"
        self._check(authority.get_instance_profile(arn))
        return self.iam.get_instance_profile(parameters)

    def _answer_dynamodb(self, action: str, request: Mapping[str, Any]) -> Response:
        try:
            answer = self.traffic.carry(
                action, request, lambda: self._act_dynamodb(action, request), writes=action in WRITING
            )
        except AwsError as error:
            return wire.json_error(error)
        return wire.json_response(answer)

    def _act_dynamodb(self, action: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._check(authority.dynamodb(action, request, TABLE_ARN))
        if self.ledger_key:
            through = {"kms:ViaService": f"dynamodb.{self.fleet.region}.amazonaws.com"}
            self._check([Attempt("kms:Decrypt", self.ledger_key, through)])
        return self.dynamodb.actions[action](request)

    def _answer_json(
        self,
        action: str,
        request: Mapping[str, Any],
        check: Callable[[str, Mapping[str, Any]], None],
        actions: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]],
    ) -> Response:
        def answer() -> Mapping[str, Any]:
            check(action, request)
            return actions[action](request)

        try:
            found = self.traffic.carry(action, request, answer, writes=True)
        except AwsError as error:
            return wire.json_error(error, "com.amazonaws")
        return wire.json_response(found)

    def _check_queue(self, action: str, _: Mapping[str, Any]) -> None:
        self._check([Attempt(f"sqs:{action}", QUEUE_ARN)])

    def _check_bus(self, action: str, request: Mapping[str, Any]) -> None:
        sources = {entry["Source"] for entry in request["Entries"]}
        self._check([Attempt(f"events:{action}", BUS_ARN, {"events:source": source}) for source in sources])

    def _answer_cloudwatch(self, parameters: Mapping[str, Any]) -> Response:
        def answer() -> Mapping[str, Any]:
            self._check(authority.describe_alarms(self.cloudwatch.resources(parameters, self.fleet)))
            return self.cloudwatch.describe_alarms(parameters)

        try:
            found = self.traffic.carry(DESCRIBE_ALARMS, parameters, answer, writes=False)
        except AwsError as error:
            return wire.json_error(error, "com.amazonaws.cloudwatch.v2010_08_01")
        return wire.json_response(found)

    def _answer_cloudformation(self, parameters: Mapping[str, Any]) -> Response:
        def answer() -> Mapping[str, Any]:
            self._check(authority.describe_stacks(self.cloudformation.resource(parameters)))
            return self.cloudformation.describe_stacks(parameters)

        action = parameters["Action"]
        assert action == DESCRIBE_STACKS, action
        try:
            found = self.traffic.carry(action, parameters, answer, writes=False)
        except AwsError as error:
            return wire.query_error(error, wire.CLOUDFORMATION)
        return wire.query_response(action, found, wire.CLOUDFORMATION)

    def _authorize_change(self, action: str, instance: Instance, new: Profile | None) -> None:
        arn, carried = self.fleet.instance_arn(instance.id), self._carried(instance)
        if new is None:
            attempts = authority.disassociate(arn, instance.tags, carried)
        elif action == REPLACE:
            attempts = authority.replace(arn, instance.tags, carried, new.arn, new.role_arn)
        else:
            assert action == ASSOCIATE
            attempts = authority.associate(arn, instance.tags, carried, new.arn, new.role_arn)
        self._check(attempts)

    def _carried(self, instance: Instance) -> str | None:
        """ARN of the profile that an instance carries, as a condition key says it."""
        row = self.fleet.active(instance.id)
        if row is None or self.authority is None:
            return None
        return row.arn if self.fleet.profile_of(row) or self.authority.shows_deleted_profiles else None

    def _check(self, attempts: list[Attempt]) -> None:
        denied = self.authority.refused(attempts) if self.authority else None
        if denied:
            raise AwsError(*_says_no(denied.action, authority.denial(denied)))


def _target(headers: Mapping[str, Any]) -> str:
    """The action of a request in one of the JSON protocols."""
    target = headers["X-Amz-Target"]
    action: str = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
    return action


def _says_no(action: str, message: str) -> tuple[str, str, int]:
    """Code, message and status of a denial. Each service has its own form."""
    if action.startswith(("dynamodb:", "kms:")):
        return "AccessDeniedException", message, HTTPStatus.BAD_REQUEST
    by_ec2 = action.startswith(("ec2:", "iam:PassRole"))
    return "UnauthorizedOperation" if by_ec2 else "AccessDenied", message, HTTPStatus.FORBIDDEN
