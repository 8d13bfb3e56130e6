"""DescribeIamInstanceProfileAssociations, and DescribeInstances."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.simulator.authority import Authority
from tests.simulator.calls import Calls, refusal
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

DESCRIBES = ["describe_iam_instance_profile_associations", "describe_instances"]


def among(name: str, *values: str) -> dict[str, Any]:
    """A filter."""
    return {"Name": name, "Values": list(values)}


def ids(count: int, first: int = 0) -> list[str]:
    """Ids of instances that need not exist."""
    return [f"i-{number:017x}" for number in range(first, first + count)]


@pytest.fixture(params=DESCRIBES)
def describe(request: pytest.FixtureRequest, clients: Clients) -> Any:
    """One of the two calls."""
    return getattr(clients.ec2_changes, request.param)


def test_a_row_has_an_id_an_instance_a_profile_a_state_and_a_time(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    instance = fleet.add_instance()
    began = ec2.associate(instance, web)
    clock.sleep(10)
    (row,) = ec2.associations(instance)
    assert row == {**began, "State": "associated", "Timestamp": row["Timestamp"]}
    assert row["Timestamp"].timestamp() == clock() - 10


def test_an_instance_without_a_profile_has_no_row(ec2: Calls, fleet: Fleet) -> None:
    assert ec2.associations(fleet.add_instance()) == []


def test_without_a_filter_all_are_listed(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    instances = {fleet.add_instance(web), fleet.add_instance(old, state="stopped")}
    assert {row["InstanceId"] for row in ec2.associations()} == instances


def test_associations_can_be_filtered_by_instance(ec2: Calls, fleet: Fleet, web: str) -> None:
    one, _, other = (fleet.add_instance(web) for _ in range(3))
    assert {row["InstanceId"] for row in ec2.associations(one, other)} == {one, other}


def test_associations_can_be_filtered_by_state(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    former = ec2.association(fleet.add_instance(old))
    new = ec2.replace(former, web)
    settled = ec2.association(fleet.add_instance(web))
    for state, association in {"disassociating": former, "associating": new, "associated": settled}.items():
        (found,) = ec2.associations(Filters=[among("state", state)])
        assert found["AssociationId"] == association["AssociationId"]


def test_every_filter_has_to_match(ec2: Calls, fleet: Fleet, web: str) -> None:
    settled, begun = fleet.add_instance(web), fleet.add_instance()
    ec2.associate(begun, web)
    filters = [among("instance-id", settled, begun), among("state", "associated")]
    assert {row["InstanceId"] for row in ec2.associations(Filters=filters)} == {settled}


def test_a_filter_with_an_unknown_instance_finds_nothing(ec2: Calls) -> None:
    assert ec2.associations(*ids(1)) == []


def test_associations_can_be_asked_for_by_id(ec2: Calls, fleet: Fleet, web: str) -> None:
    association, _ = (ec2.association(fleet.add_instance(web)) for _ in range(2))
    assert ec2.associations(AssociationIds=[association["AssociationId"]]) == [association]


def test_fails_when_a_finished_association_is_asked_for_by_id(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    association = ec2.disassociate(ec2.association(fleet.add_instance(web)))
    clock.sleep(10)
    refused = refusal(ec2.associations, AssociationIds=[association["AssociationId"]])
    assert refused[0] == "InvalidAssociationID.NotFound"


def test_200_filter_values_are_accepted(describe: Any) -> None:
    assert describe(Filters=[among("instance-id", *ids(200))])


def test_fails_when_there_are_201_filter_values(describe: Any) -> None:
    message = "The maximum number of filter values specified on a single call is 200"
    assert refusal(describe, Filters=[among("instance-id", *ids(201))]) == ("FilterLimitExceeded", message)


@pytest.mark.parametrize("call", DESCRIBES)
def test_the_values_of_all_filters_count_together(clients: Clients, call: str) -> None:
    name = "state" if call == DESCRIBES[0] else "instance-state-name"
    describe = getattr(clients.ec2_changes, call)
    assert describe(Filters=[among("instance-id", *ids(199)), among(name, "running")])
    refused = refusal(describe, Filters=[among("instance-id", *ids(199)), among(name, "running", "stopped")])
    assert refused[0] == "FilterLimitExceeded"


def test_fails_when_a_filter_is_unknown(describe: Any) -> None:
    refused = refusal(describe, Filters=[among("instance-profile", "Web")])
    assert refused == ("InvalidParameterValue", "The filter 'instance-profile' is invalid")


def test_fails_when_a_filter_has_no_values(describe: Any) -> None:
    assert refusal(describe, Filters=[among("instance-id")])[0] == "InvalidParameterValue"


@pytest.mark.parametrize("size", [5, 1000])
def test_a_page_may_have_5_to_1000_results(describe: Any, size: int) -> None:
    assert describe(MaxResults=size)


@pytest.mark.parametrize("size", [1, 4, 1001])
def test_fails_when_a_page_is_asked_for_fewer_or_more(describe: Any, size: int) -> None:
    # Of one of the two calls botocore itself knows the limits.
    with pytest.raises((ClientError, ParamValidationError), match=r"MaxResults|InvalidParameterValue"):
        describe(MaxResults=size)


@pytest.mark.parametrize("count", [0, 1, 5, 6, 12])
def test_pages_hold_every_association_once(clients: Clients, fleet: Fleet, web: str, count: int) -> None:
    instances = sorted(fleet.add_instance(web) for _ in range(count))
    pages = list(
        clients.ec2.get_paginator("describe_iam_instance_profile_associations").paginate(
            PaginationConfig={"PageSize": 5}
        )
    )
    found = [row["InstanceId"] for page in pages for row in page["IamInstanceProfileAssociations"]]
    assert sorted(found) == instances
    assert max(len(page["IamInstanceProfileAssociations"]) for page in pages) <= 5


def test_pages_of_instances_hold_every_instance_once(clients: Clients, fleet: Fleet) -> None:
    instances = [fleet.add_instance() for _ in range(12)]
    pages = clients.ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    found = [instance["InstanceId"] for page in pages for one in page["Reservations"] for instance in one["Instances"]]
    assert sorted(found) == sorted(instances)


def test_a_page_can_be_smaller_than_asked_for(simulator: Simulator, clients: Clients, fleet: Fleet, web: str) -> None:
    simulator.ec2.page_size = 7
    for _ in range(8):
        fleet.add_instance(web)
    page = clients.ec2.describe_iam_instance_profile_associations(MaxResults=1000)
    assert (len(page["IamInstanceProfileAssociations"]), "NextToken" in page) == (7, True)


def test_an_association_that_ends_between_two_pages_hides_no_other(
    clients: Clients, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    instances = {fleet.add_instance(web) for _ in range(12)}
    first = clients.ec2.describe_iam_instance_profile_associations(MaxResults=5)
    seen = {row["InstanceId"] for row in first["IamInstanceProfileAssociations"]}
    for instance in seen:
        fleet.set_carried(instance, None)
    clock.sleep(10)
    rest = clients.ec2.describe_iam_instance_profile_associations(MaxResults=1000, NextToken=first["NextToken"])
    assert {row["InstanceId"] for row in rest["IamInstanceProfileAssociations"]} == instances - seen


def test_instances_can_be_filtered_by_profile(ec2: Calls, fleet: Fleet, web: str, old: str) -> None:
    users = {fleet.add_instance(web), fleet.add_instance(web, state="stopped")}
    fleet.add_instance(old), fleet.add_instance()
    assert {one["InstanceId"] for one in ec2.instances("iam-instance-profile.arn", web)} == users


def test_instances_can_be_filtered_by_state(ec2: Calls, fleet: Fleet) -> None:
    stopped, _ = fleet.add_instance(state="stopped"), fleet.add_instance()
    assert [one["InstanceId"] for one in ec2.instances("instance-state-name", "stopped")] == [stopped]


@pytest.mark.parametrize(("pattern", "matches"), [("web", True), ("w*b", True), ("w?b", True), ("[w]eb", False)])
def test_instances_can_be_filtered_by_a_pattern_for_a_tag(
    ec2: Calls, fleet: Fleet, pattern: str, matches: bool
) -> None:
    fleet.add_instance(tags={"app": "web"})
    assert bool(ec2.instances("tag:app", pattern)) == matches


def test_an_instance_without_the_tag_matches_no_pattern(ec2: Calls, fleet: Fleet) -> None:
    fleet.add_instance()
    assert ec2.instances("tag:app", "*") == []


def test_fails_when_an_instance_is_asked_for_by_an_unknown_id(clients: Clients) -> None:
    refused = refusal(clients.ec2.describe_instances, InstanceIds=ids(1))
    assert refused[0] == "InvalidInstanceID.NotFound"


def test_a_filter_with_an_unknown_instance_finds_no_instance(ec2: Calls, fleet: Fleet) -> None:
    known = fleet.add_instance()
    assert [one["InstanceId"] for one in ec2.instances("instance-id", known, *ids(1, first=10))] == [known]


def test_a_stopped_instance_shows_its_profile(ec2: Calls, fleet: Fleet, web: str) -> None:
    assert ec2.shown(fleet.add_instance(web, state="stopped")) == web


def test_an_instance_shows_its_tags(ec2: Calls, fleet: Fleet) -> None:
    (instance,) = ec2.instances("instance-id", fleet.add_instance(tags={"Name": "web-1", "app": "web"}))
    assert instance["Tags"] == [{"Key": "Name", "Value": "web-1"}, {"Key": "app", "Value": "web"}]


@pytest.mark.parametrize(("on", "word"), [(True, "enabled"), (False, "disabled")])
def test_an_instance_shows_its_metadata_options(ec2: Calls, fleet: Fleet, on: bool, word: str) -> None:
    (instance,) = ec2.instances("instance-id", fleet.add_instance(metadata=on, hops=2))
    options = instance["MetadataOptions"]
    assert (options["HttpEndpoint"], options["HttpPutResponseHopLimit"]) == (word, 2)


def test_by_default_the_metadata_service_is_on_with_one_hop(ec2: Calls, fleet: Fleet) -> None:
    (instance,) = ec2.instances("instance-id", fleet.add_instance())
    options = instance["MetadataOptions"]
    assert (options["HttpEndpoint"], options["HttpPutResponseHopLimit"]) == ("enabled", 1)


def user_data(clients: Clients, instance_id: str) -> Any:
    """What DescribeInstanceAttribute says of the user data of an instance."""
    return clients.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"]


def test_user_data_is_shown_in_base64(clients: Clients, fleet: Fleet) -> None:
    assert user_data(clients, fleet.add_instance(user_data="#!/bin/sh")) == {"Value": "IyEvYmluL3No"}


def test_an_instance_without_user_data_shows_an_empty_element(clients: Clients, fleet: Fleet) -> None:
    assert user_data(clients, fleet.add_instance()) == {}


def test_fails_when_the_user_data_of_an_unknown_instance_is_asked_for(clients: Clients) -> None:
    assert refusal(user_data, clients, *ids(1))[0] == "InvalidInstanceID.NotFound"


def test_fails_when_user_data_is_asked_for_without_the_right(
    simulator: Simulator, clients: Clients, fleet: Fleet
) -> None:
    looking = {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}
    simulator.authority = Authority({"Looking": {"Version": "2012-10-17", "Statement": [looking]}})
    code, message = refusal(user_data, clients, fleet.add_instance())
    assert code == "UnauthorizedOperation"
    assert "ec2:DescribeInstanceAttribute on resource: *" in message


def test_an_association_may_have_no_timestamp(simulator: Simulator, ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    assert "Timestamp" in ec2.association(instance)
    simulator.ec2.shows_timestamps = False
    assert "Timestamp" not in ec2.association(instance)
