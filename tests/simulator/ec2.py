"""EC2's API on the model: the calls about associations, and those that describe instances."""

import math
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

from tests.simulator.errors import AwsError
from tests.simulator.fleet import Fleet, Instance, Profile, Row, in_no_order

ASSOCIATE = "AssociateIamInstanceProfile"
REPLACE = "ReplaceIamInstanceProfileAssociation"
DISASSOCIATE = "DisassociateIamInstanceProfile"
DESCRIBE_ASSOCIATIONS = "DescribeIamInstanceProfileAssociations"
DESCRIBE_INSTANCES = "DescribeInstances"
DESCRIBE_ATTRIBUTE = "DescribeInstanceAttribute"
MUTATING = (ASSOCIATE, REPLACE, DISASSOCIATE)

MAX_FILTER_VALUES = 200
_INSTANCE_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")
_STATE_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_UNKNOWN_STATE_CODE = 96
UNKNOWN_ARN = (
    "InvalidParameterValue",
    "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN",
)
UNKNOWN_NAME = (
    "InvalidParameterValue",
    "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
)
NOT_PROPAGATED = ("IncorrectState", "InstanceIdentityProfileNotFound")
"""The second form of the same race."""

T = TypeVar("T")
Parameters = Mapping[str, Any]
Filters = Sequence[Mapping[str, Any]]


@dataclass
class Gap:
    """Instances that answers of a Describe call leave out, although they pass its filters."""

    action: str
    instance_ids: frozenset[str]
    times: float = math.inf
    """How many answers are incomplete."""

    def hides(self, action: str, instance_ids: Iterable[str]) -> set[str]:
        """What it removes from an answer."""
        hidden = self.instance_ids & set(instance_ids) if action == self.action and self.times > 0 else set[str]()
        self.times -= bool(hidden)
        return set(hidden)


class Ec2:
    """What EC2 answers. Every method takes the parameters of a request, and returns the elements of the answer."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.page_size = 1000
        """Most results that EC2 puts on a page, whatever is asked for."""
        self.unknown_profile: tuple[str, str] | None = None
        """How EC2 says that it does not know a profile (yet). Default: as the parameter asks for it."""
        self.associable_states = {"running", "stopped"}
        """The states in which an instance accepts a profile. Otherwise a refusal was seen for `terminated` only."""
        self.waits_for_the_old = True
        """A running instance accepts no profile while another one is disassociating. That is a cautious assumption."""
        self.replace_renews_id = True
        """Replace by the same ARN has an effect if the profile was created again, so that its id is another one. AWS
        may not do that."""
        self.shows_timestamps = True
        """Descriptions of associations say since when they exist. Nothing in the documentation promises that."""
        self.gaps: list[Gap] = []
        """What the next answers to filters do not show."""
        self.failing_zones: set[str] = set()
        """Availability Zones with an outage: calls that name one of their instances fail, and filters find it."""
        self.outage = AwsError("InternalError", "An internal error has occurred", HTTPStatus.INTERNAL_SERVER_ERROR)
        """How such calls fail."""
        self.authorize: Callable[[str, Instance, Profile | None], None] = lambda *_: None
        """Raises if the caller may not do this to the instance, with the new profile."""
        self.actions: Mapping[str, Callable[[Parameters], Mapping[str, Any]]] = {
            ASSOCIATE: self._associate,
            REPLACE: self._replace,
            DISASSOCIATE: self._disassociate,
            DESCRIBE_ASSOCIATIONS: self._describe_associations,
            DESCRIBE_INSTANCES: self._describe_instances,
            DESCRIBE_ATTRIBUTE: self._describe_attribute,
        }

    def leave_out(self, *instance_ids: str, action: str = DESCRIBE_INSTANCES, times: float = math.inf) -> None:
        """Let answers to filters be incomplete.

        Args:
            instance_ids: the instances that they do not show.
            action: the call.
            times: how many answers do not.
        """
        self.gaps.append(Gap(action, frozenset(instance_ids), times))

    def _associate(self, parameters: Parameters) -> Mapping[str, Any]:
        instance = self._instance(parameters["InstanceId"])
        profile, arn = self._profile(parameters["IamInstanceProfile"])
        self.authorize(ASSOCIATE, instance, profile or Profile(arn, None))
        self._check_state(instance)
        if self.fleet.listed([instance.id]) if self.waits_for_the_old else self.fleet.active(instance.id):
            raise AwsError("IncorrectState", f"There is an existing association for instance {instance.id}")
        self._check_known(profile, parameters["IamInstanceProfile"])
        return self._association(self.fleet.begin(instance.id, arn))

    def _replace(self, parameters: Parameters) -> Mapping[str, Any]:
        row = self._row(parameters["AssociationId"], never_existed=("InvalidParameterValue", "Invalid Id: {id}"))
        instance = self._instance(row.instance_id)
        profile, arn = self._profile(parameters["IamInstanceProfile"])
        self.authorize(REPLACE, instance, profile or Profile(arn, None))
        if self.fleet.state(instance.id) != "running" or row.ended_at is not None:
            raise AwsError("IncorrectState", f"The association {row.id} is not the active association")
        self._check_known(profile, parameters["IamInstanceProfile"])
        if row.arn == arn and not (profile and profile.id != row.profile_id and self.replace_renews_id):
            return self._association(row)
        return self._association(self.fleet.replace(row, arn))

    def _disassociate(self, parameters: Parameters) -> Mapping[str, Any]:
        row = self._row(parameters["AssociationId"])
        instance = self._instance(row.instance_id)
        self.authorize(DISASSOCIATE, instance, None)
        if row.ended_at is None:
            self.fleet.end(row)
            if self.fleet.state(instance.id) == "running":
                self.fleet.bared.append(instance.id)
        return self._association(row)

    def _describe_associations(self, parameters: Parameters) -> Mapping[str, Any]:
        filters: Filters = parameters.get("Filter", [])
        self._check_filters(filters, {"instance-id", "state"})
        values = {one["Name"]: set(one["Value"]) for one in filters}
        ids = sorted(values["instance-id"]) if "instance-id" in values else None
        states = values.get("state")
        asked = {self._row(id_).id for id_ in parameters.get("AssociationId", ())}
        rows = [
            row
            for row in self.fleet.listed(ids)
            if (states is None or self.fleet.row_state(row) in states) and (not asked or row.id in asked)
        ]
        hidden = self._hidden(DESCRIBE_ASSOCIATIONS, {row.instance_id for row in rows})
        rows = [row for row in rows if row.instance_id not in hidden]
        found, token = self._page(rows, parameters, key=in_no_order)
        return {"iamInstanceProfileAssociationSet": [self._shown(row) for row in found], "nextToken": token}

    def _describe_instances(self, parameters: Parameters) -> Mapping[str, Any]:
        filters: Filters = parameters.get("Filter", [])
        self._check_filters(filters, {"instance-id", "instance-state-name", "iam-instance-profile.arn"}, prefix="tag:")
        asked = self._instances(parameters.get("InstanceId", ()))
        if asked and "MaxResults" in parameters:
            message = "The parameter instancesSet cannot be used with the parameter maxResults"
            raise AwsError("InvalidParameterCombination", message)
        everyone = asked or [one for one in self.fleet.instances.values() if self.fleet.is_shown(one.id)]
        instances = [item for item in everyone if all(self._passes(item, one) for one in filters)]
        if not asked:
            hidden = self._hidden(DESCRIBE_INSTANCES, {instance.id for instance in instances})
            instances = [instance for instance in instances if instance.id not in hidden]
        found, token = self._page(instances, parameters, key=lambda instance: instance.id)
        reservations = [
            {"reservationId": f"r-{item.id[2:]}", "instancesSet": [self._described(item)]} for item in found
        ]
        return {"reservationSet": reservations, "nextToken": token}

    def _describe_attribute(self, parameters: Parameters) -> Mapping[str, Any]:
        instance = self._instance(parameters["InstanceId"])
        if parameters["Attribute"] != "userData":
            raise NotImplementedError(parameters["Attribute"])
        coded = {"value": b64encode(instance.user_data.encode()).decode()} if instance.user_data else {}
        return {"instanceId": instance.id, "userData": coded}

    def _instance(self, instance_id: str) -> Instance:
        (instance,) = self._instances([instance_id])
        return instance

    def _instances(self, instance_ids: Sequence[str]) -> list[Instance]:
        """The instances that a call names. One that is unknown fails the whole call."""
        for id_ in instance_ids:
            if not _INSTANCE_ID.fullmatch(id_):
                raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{id_}"')
        if unknown := [id_ for id_ in instance_ids if not self.fleet.is_shown(id_)]:
            several = len(unknown) > 1
            named, verb = f"{'IDs' if several else 'ID'} '{', '.join(unknown)}'", "do" if several else "does"
            raise AwsError("InvalidInstanceID.NotFound", f"The instance {named} {verb} not exist")
        instances = [self.fleet.instances[id_] for id_ in instance_ids]
        if any(instance.zone in self.failing_zones for instance in instances):
            raise self.outage
        return instances

    def _hidden(self, action: str, instance_ids: set[str]) -> set[str]:
        """What an answer to filters does not show, although it should."""
        return set[str]().union(*(gap.hides(action, instance_ids) for gap in self.gaps))

    def _row(self, association_id: str, never_existed: tuple[str, str] | None = None) -> Row:
        known = self.fleet.rows_by_id.get(association_id)
        if known is None and never_existed:
            code, message = never_existed
            raise AwsError(code, message.format(id=association_id))
        if known is None or not self.fleet.is_listed(known):
            raise AwsError(
                "InvalidAssociationID.NotFound", f"An invalid association-id of '{association_id}' was given"
            )
        return known

    def _profile(self, asked: Mapping[str, str]) -> tuple[Profile | None, str]:
        """The profile that is asked for. Of Name and Arn together, Arn wins silently."""
        if "Arn" in asked:
            return self.fleet.profiles.get(asked["Arn"]), asked["Arn"]
        named = next((one for one in self.fleet.profiles.values() if one.name == asked.get("Name")), None)
        return named, named.arn if named else ""

    def _check_state(self, instance: Instance) -> None:
        if self.fleet.state(instance.id) not in self.associable_states:
            message = f"The instance '{instance.id}' is not in the 'running' or 'stopped' states."
            raise AwsError("IncorrectInstanceState", message)

    def _check_known(self, profile: Profile | None, asked: Mapping[str, str]) -> None:
        """A profile without a role in it is accepted."""
        if profile is None or self.fleet.clock() < profile.known_from:
            code, message = self.unknown_profile or (UNKNOWN_ARN if "Arn" in asked else UNKNOWN_NAME)
            raise AwsError(code, message.format(arn=asked.get("Arn"), name=asked.get("Name")))

    def _check_filters(self, filters: Filters, known: set[str], prefix: str | None = None) -> None:
        for one in filters:
            if one["Name"] not in known and not (prefix and one["Name"].startswith(prefix)):
                raise AwsError("InvalidParameterValue", f"The filter '{one['Name']}' is invalid")
            if not one.get("Value"):
                raise AwsError("InvalidParameterValue", f"The filter '{one['Name']}' has no value")
        count = sum(len(one["Value"]) for one in filters)
        if count > MAX_FILTER_VALUES:
            message = f"The maximum number of filter values specified on a single call is {MAX_FILTER_VALUES}"
            raise AwsError("FilterLimitExceeded", message)

    def _passes(self, instance: Instance, criterion: Mapping[str, Any]) -> bool:
        name, values = criterion["Name"], criterion["Value"]
        match name:
            case "instance-id":
                return instance.id in values
            case "instance-state-name":
                return self.fleet.shown_state(instance.id) in values
            case "iam-instance-profile.arn":
                shown = self.fleet.shown(instance.id)
                return shown is not None and shown.arn in values
        value = self.fleet.shown_tags(instance.id).get(name.removeprefix("tag:"))
        return value is not None and any(_like(value, pattern) for pattern in values)

    def _page(
        self, found: Iterable[T], parameters: Parameters, key: Callable[[T], str]
    ) -> tuple[Sequence[T], str | None]:
        """The results of one page, and the token for the next. Changes between two pages hide nothing else."""
        size = int(parameters.get("MaxResults", 1000))
        if not 5 <= size <= 1000:
            raise AwsError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid")
        after = parameters.get("NextToken", "")
        left = sorted((one for one in found if key(one) > after), key=key)
        page = left[: min(size, self.page_size)]
        return page, key(page[-1]) if len(left) > len(page) else None

    def _described(self, instance: Instance) -> Mapping[str, Any]:
        shown, state = self.fleet.shown(instance.id), self.fleet.shown_state(instance.id)
        return {
            "instanceId": instance.id,
            "instanceState": {"code": _STATE_CODES.get(state, _UNKNOWN_STATE_CODE), "name": state},
            "placement": {"availabilityZone": instance.zone},
            "tagSet": [{"key": key, "value": value} for key, value in self.fleet.shown_tags(instance.id).items()],
            "iamInstanceProfile": {"arn": shown.arn, "id": shown.profile_id} if shown else None,
            "networkInterfaceSet": [
                {"attachment": {"deviceIndex": 0, "status": "attached", "attachTime": _timestamp(instance.launched_at)}}
            ],
            "metadataOptions": {
                "state": "applied",
                "httpTokens": "optional",
                "httpPutResponseHopLimit": instance.hops,
                "httpEndpoint": "enabled" if instance.metadata else "disabled",
            },
        }

    def _association(self, row: Row) -> Mapping[str, Any]:
        return {"iamInstanceProfileAssociation": self._shown(row)}

    def _shown(self, row: Row) -> Mapping[str, Any]:
        return {
            "associationId": row.id,
            "instanceId": row.instance_id,
            "iamInstanceProfile": {"arn": row.arn, "id": row.profile_id},
            "state": self.fleet.row_state(row),
            "timestamp": _timestamp(row.since) if self.shows_timestamps else None,
        }


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _like(value: str, pattern: str) -> bool:
    """EC2's filters have the wildcards * and ?, and a backslash as the escape character."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return re.fullmatch("".join(wild.get(part, re.escape(part[-1])) for part in parts), value, re.DOTALL) is not None
