"""Fakes of the EC2 and IAM clients that behave as AWS does, as far as the handler can see."""

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.runtime.fake_faults import Traffic, client_error
from tests.runtime.fake_fleet import FakeFleet, FakeInstance, FakeProfile, Row

ASSOCIATE = "AssociateIamInstanceProfile"
REPLACE = "ReplaceIamInstanceProfileAssociation"
DISASSOCIATE = "DisassociateIamInstanceProfile"
DESCRIBE_ASSOCIATIONS = "DescribeIamInstanceProfileAssociations"
DESCRIBE_INSTANCES = "DescribeInstances"
GET_PROFILE = "GetInstanceProfile"
MUTATING = (ASSOCIATE, REPLACE, DISASSOCIATE)

MOST_FILTER_VALUES = 200
Filters = Sequence[Mapping[str, Any]]


class FakeEc2:
    """The part of the EC2 client that the handler uses."""

    def __init__(self, fleet: FakeFleet, traffic: Traffic) -> None:
        self.fleet, self.traffic = fleet, traffic
        self.page_size = 1000
        """Most results that EC2 puts on a page, whatever is asked for."""
        self.unknown_profile = (
            "InvalidParameterValue",
            "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN",
        )
        self.bared: list[str] = []
        """Running instances that have been left without an association, also for a moment."""

    def associate_iam_instance_profile(self, *, InstanceId: str, IamInstanceProfile: Mapping[str, str]) -> Any:  # noqa: N803
        return self._change(
            ASSOCIATE,
            {"InstanceId": InstanceId, "IamInstanceProfile": IamInstanceProfile},
            lambda: self._associate(InstanceId, _arn(IamInstanceProfile)),
        )

    def replace_iam_instance_profile_association(
        self,
        *,
        AssociationId: str,  # noqa: N803
        IamInstanceProfile: Mapping[str, str],  # noqa: N803
    ) -> Any:
        return self._change(
            REPLACE,
            {"AssociationId": AssociationId, "IamInstanceProfile": IamInstanceProfile},
            lambda: self._replace(AssociationId, _arn(IamInstanceProfile)),
        )

    def disassociate_iam_instance_profile(self, *, AssociationId: str) -> Any:  # noqa: N803
        return self._change(DISASSOCIATE, {"AssociationId": AssociationId}, lambda: self._disassociate(AssociationId))

    def get_paginator(self, operation: str) -> "FakePaginator":
        match operation:
            case "describe_instances":
                return FakePaginator(self, DESCRIBE_INSTANCES, self._instances)
            case "describe_iam_instance_profile_associations":
                return FakePaginator(self, DESCRIBE_ASSOCIATIONS, self._associations)
        raise NotImplementedError(operation)

    def _change(self, action: str, parameters: Mapping[str, Any], effect: Callable[[], Row]) -> Any:
        row = self.traffic.carry(action, parameters, lambda: self._watched(effect), writes=True)
        return {"IamInstanceProfileAssociation": self._shown(row)}

    def _watched(self, effect: Callable[[], Row]) -> Row:
        row = effect()
        if self.fleet.state(row.instance_id) == "running" and self.fleet.active(row.instance_id) is None:
            self.bared.append(row.instance_id)
        return row

    def _associate(self, instance_id: str, arn: str) -> Row:
        instance = self.fleet.instances.get(instance_id)
        if instance is None:
            message = f"The instance ID '{instance_id}' does not exist"
            raise client_error("InvalidInstanceID.NotFound", message, ASSOCIATE)
        self._check_state(instance)
        if self.fleet.listed([instance_id]):
            message = f"There is an existing association for instance {instance_id}"
            raise client_error("IncorrectState", message, ASSOCIATE)
        self._check_profile(arn, ASSOCIATE)
        return self.fleet.begin(instance_id, arn)

    def _replace(self, association_id: str, arn: str) -> Row:
        row = self._row(association_id, REPLACE)
        if self.fleet.state(row.instance_id) != "running" or row.ended_at is not None:
            message = f"The association {association_id} is not the active association"
            raise client_error("IncorrectState", message, REPLACE)
        self._check_profile(arn, REPLACE)
        if row.arn == arn:
            return row
        self.fleet.end(row)
        return self.fleet.begin(row.instance_id, arn)

    def _disassociate(self, association_id: str) -> Row:
        row = self._row(association_id, DISASSOCIATE)
        if row.ended_at is None:
            self.fleet.end(row)
        return row

    def _row(self, association_id: str, action: str) -> Row:
        known = self.fleet.rows_by_id.get(association_id)
        if known is None and action == REPLACE:
            raise client_error("InvalidParameterValue", f"Invalid Id: {association_id}", action)
        if known is None or not self.fleet.is_listed(known):
            message = f"An invalid association-id of '{association_id}' was given"
            raise client_error("InvalidAssociationID.NotFound", message, action)
        return known

    def _check_state(self, instance: FakeInstance) -> None:
        if self.fleet.state(instance.id) not in ("running", "stopped"):
            message = f"The instance '{instance.id}' is not in the 'running' or 'stopped' states."
            raise client_error("IncorrectInstanceState", message, ASSOCIATE)

    def _check_profile(self, arn: str, action: str) -> None:
        profile = self.fleet.profiles.get(arn)
        if profile is None or self.fleet.clock() < profile.known_from:
            code, message = self.unknown_profile
            raise client_error(code, message.format(arn=arn), action)

    def _instances(self, filters: Filters) -> list[Any]:
        found = [item for item in self.fleet.instances.values() if all(self._passes(item, one) for one in filters)]
        return [{"ReservationId": f"r-{item.id[2:]}", "Instances": [self._described(item)]} for item in found]

    def _passes(self, instance: FakeInstance, criterion: Mapping[str, Any]) -> bool:
        name, values = criterion["Name"], criterion["Values"]
        if name == "instance-id":
            return instance.id in values
        if name == "instance-state-name":
            return self.fleet.state(instance.id) in values
        if name.startswith("tag:"):
            value = instance.tags.get(name.removeprefix("tag:"))
            return value is not None and any(_like(value, pattern) for pattern in values)
        raise client_error("InvalidParameterValue", f"The filter '{name}' is invalid", DESCRIBE_INSTANCES)

    def _described(self, instance: FakeInstance) -> Any:
        return {
            "InstanceId": instance.id,
            "State": {"Code": 0, "Name": self.fleet.state(instance.id)},
            "Tags": [{"Key": key, "Value": value} for key, value in instance.tags.items()],
        }

    def _associations(self, filters: Filters) -> list[Any]:
        ids, states = None, None
        for criterion in filters:
            match criterion["Name"]:
                case "instance-id":
                    ids = sorted(set(criterion["Values"]))
                case "state":
                    states = set(criterion["Values"])
                case unknown:
                    raise client_error(
                        "InvalidParameterValue", f"The filter '{unknown}' is invalid", DESCRIBE_ASSOCIATIONS
                    )
        rows = (row for row in self.fleet.listed(ids) if states is None or self.fleet.row_state(row) in states)
        return [self._shown(row) for row in rows]

    def _shown(self, row: Row) -> Any:
        return {
            "AssociationId": row.id,
            "InstanceId": row.instance_id,
            "IamInstanceProfile": {"Arn": row.arn, "Id": "AIPAEXAMPLE"},
            "State": self.fleet.row_state(row),
            "Timestamp": datetime.fromtimestamp(row.since, UTC),
        }


class FakePaginator:
    """Fetches page after page, as the real one does."""

    _KEYS: Mapping[str, str] = {
        DESCRIBE_INSTANCES: "Reservations",
        DESCRIBE_ASSOCIATIONS: "IamInstanceProfileAssociations",
    }

    def __init__(self, ec2: FakeEc2, action: str, find: Callable[[Filters], list[Any]]) -> None:
        self._ec2, self._action, self._find = ec2, action, find

    def paginate(self, *, Filters: Filters, PaginationConfig: Mapping[str, int]) -> Iterator[Any]:  # noqa: N803
        size = PaginationConfig["PageSize"]
        token: int | None = 0
        while token is not None:
            start = token
            page = self._ec2.traffic.carry(
                self._action,
                {"Filters": Filters, "MaxResults": size, "NextToken": start},
                lambda start=start: self._page(Filters, size, start),  # type: ignore[misc]
                writes=False,
            )
            token = int(page["NextToken"]) if "NextToken" in page else None
            yield page

    def _page(self, filters: Filters, size: int, start: int) -> Any:
        self._check(filters, size)
        found = self._find(filters)
        end = start + min(size, self._ec2.page_size)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {self._KEYS[self._action]: found[start:end], **more}

    def _check(self, filters: Filters, size: int) -> None:
        if not 5 <= size <= 1000:
            raise client_error("InvalidMaxResults", f"Value ({size}) for parameter maxResults is invalid", self._action)
        if any(not one["Values"] for one in filters):
            raise client_error("InvalidParameterValue", "The filter 'null' is invalid", self._action)
        if sum(len(one["Values"]) for one in filters) > MOST_FILTER_VALUES:
            message = f"The maximum number of filter values specified on a single call is {MOST_FILTER_VALUES}"
            raise client_error("FilterLimitExceeded", message, self._action)


class FakeIam:
    """The part of the IAM client that the handler uses."""

    def __init__(self, fleet: FakeFleet, traffic: Traffic) -> None:
        self._fleet, self._traffic = fleet, traffic

    def get_instance_profile(self, *, InstanceProfileName: str) -> Any:  # noqa: N803
        parameters = {"InstanceProfileName": InstanceProfileName}
        return self._traffic.carry(GET_PROFILE, parameters, lambda: self._get(InstanceProfileName), writes=False)

    def _get(self, name: str) -> Any:
        for profile in self._fleet.profiles.values():
            if profile.arn.rpartition("/")[2] == name:
                return {"InstanceProfile": {"InstanceProfileName": name, "Arn": profile.arn, "Roles": _roles(profile)}}
        message = f"Instance Profile {name} cannot be found."
        raise client_error("NoSuchEntity", message, GET_PROFILE, status=404)


def _roles(profile: FakeProfile) -> list[Any]:
    if profile.role_arn is None:
        return []
    name = profile.role_arn.rpartition("/")[2]
    return [{"RoleName": name, "Arn": profile.role_arn, "AssumeRolePolicyDocument": profile.trust}]


def _arn(profile: Mapping[str, str]) -> str:
    assert profile.keys() == {"Arn"}, "Name and Arn together let the Arn win silently: exactly one is to be sent"
    return profile["Arn"]


def _like(value: str, pattern: str) -> bool:
    """EC2's filters know * and ?, and nothing else."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))
