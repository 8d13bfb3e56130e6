"""Observations: the answers of EC2 and IAM, and their meaning."""

from collections.abc import Iterable, Mapping

import pytest

from cdk_instance_role.runtime.association.aws.observe import Observer, profile
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.decide.model import Instance, InstanceState
from cdk_instance_role.runtime.association.request.desired import Selection
from tests.simulator.driver import World
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, MAX_FILTER_VALUES
from tests.simulator.fleet import TRUST_LAMBDA


@pytest.fixture
def observer(world: World) -> Observer:
    return Observer(world.services.ec2, world.services.iam, RateLimiter(clock=world.clock, sleep=world.clock.sleep))


def _seen(
    observer: Observer, selection: Selection | None, others: Iterable[str]
) -> tuple[tuple[str, ...], Mapping[str, Instance]]:
    """What is selected, and what EC2 shows."""
    sighting = observer.instances(selection, others)
    return sighting.selected, sighting.instances


def _by_tags(**tags: list[str]) -> Selection:
    return Selection(tags=tuple((key, frozenset(values)) for key, values in tags.items()))


def test_uses_the_active_one_of_two_associations(world: World, observer: Observer) -> None:
    world.fleet.disassociation_seconds = 60
    ids = world.instances(40, world.old)
    for id_ in ids:
        world.fleet.set_carried(id_, world.web)
    _, instances = _seen(observer, Selection(ids=tuple(ids)), {})
    assert {instance.carries for instance in instances.values()} == {world.web}
    assert all(instance.leaving for instance in instances.values())
    assert not any(instance.association and instance.association.established for instance in instances.values())


def test_sees_when_an_association_is_established(world: World, observer: Observer) -> None:
    world.fleet.association_seconds = 2.0
    id_ = world.instance()
    world.fleet.set_carried(id_, world.web)
    world.clock.sleep(2.0)
    _, instances = _seen(observer, Selection(ids=(id_,)), {})
    association = instances[id_].association
    assert association is not None
    assert association.established


def test_an_association_that_is_disassociating_does_not_count(world: World, observer: Observer) -> None:
    id_ = world.instance(world.old)
    world.fleet.set_carried(id_, None)
    _, instances = _seen(observer, Selection(ids=(id_,)), {})
    assert (instances[id_].carries, instances[id_].leaving) == (None, True)


def test_leaves_out_instances_that_ec2_does_not_know(world: World, observer: Observer) -> None:
    known, unknown = world.instance(), "i-0123456789abcdef0"
    selected, instances = _seen(observer, Selection(ids=(known, unknown)), {})
    assert selected == (known, unknown)
    assert instances.keys() == {known}


def test_describes_the_instances_of_the_ledger_too(world: World, observer: Observer) -> None:
    recorded = world.instance(world.web)
    selected, instances = _seen(observer, None, [recorded])
    assert selected == ()
    assert instances[recorded].carries == world.web


def test_makes_no_call_for_no_instances(world: World, observer: Observer) -> None:
    assert _seen(observer, None, {}) == ((), {})
    assert world.traffic.calls == []


def test_a_terminated_instance_has_no_association(world: World, observer: Observer) -> None:
    id_ = world.instance(world.web, state="terminated")
    _, instances = _seen(observer, Selection(ids=(id_,)), {})
    assert (instances[id_].state, instances[id_].carries) == (InstanceState.TERMINATED, None)
    assert world.traffic.count(DESCRIBE_ASSOCIATIONS) == 0


def test_reads_every_page(world: World, observer: Observer) -> None:
    world.ec2.page_size = 7
    ids = world.instances(30, world.web, tags={"app": "web"})
    selected, instances = _seen(observer, _by_tags(app=["web"]), {})
    assert set(selected) == set(ids)
    assert {instance.carries for instance in instances.values()} == {world.web}
    assert world.traffic.count(DESCRIBE_INSTANCES) == 5
    assert world.traffic.count(DESCRIBE_ASSOCIATIONS) == 5


def test_all_keys_must_match_and_any_value_of_a_key(world: World, observer: Observer) -> None:
    one = world.instance(tags={"app": "web", "env": "prod"})
    two = world.instance(tags={"app": "api", "env": "prod", "team": "x"})
    world.instance(tags={"app": "web"})
    world.instance(tags={"app": "web", "env": "test"})
    world.instance()
    selected, _ = _seen(observer, _by_tags(app=["web", "api"], env=["prod"]), {})
    assert set(selected) == {one, two}


@pytest.mark.parametrize("value", ["web*", "w?b", "*", r"we\b", r"we\*", "we[b]", "web\\"])
def test_a_wildcard_in_a_tag_value_is_just_a_character(world: World, observer: Observer, value: str) -> None:
    exact = world.instance(tags={"app": value})
    for other in ("web", "webshop", "wxb"):
        world.instance(tags={"app": other})
    selected, _ = _seen(observer, _by_tags(app=[value]), {})
    assert selected == (exact,)


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_tags_do_not_select_a_terminated_instance(world: World, observer: Observer, state: str) -> None:
    world.instance(tags={"app": "web"}, state=state)
    assert _seen(observer, _by_tags(app=["web"]), {}) == ((), {})


@pytest.mark.parametrize("state", ["pending", "running", "stopping", "stopped"])
def test_tags_select_in_every_other_state(world: World, observer: Observer, state: str) -> None:
    id_ = world.instance(tags={"app": "web"}, state=state)
    selected, _ = _seen(observer, _by_tags(app=["web"]), {})
    assert selected == (id_,)


def test_never_sends_more_filter_values_than_ec2_accepts(world: World, observer: Observer) -> None:
    ids = world.instances(401, world.web)
    _, instances = _seen(observer, Selection(ids=tuple(ids)), {})
    assert len(instances) == 401
    for call in world.traffic.calls:
        assert sum(len(criterion["Value"]) for criterion in call.parameters["Filter"]) <= MAX_FILTER_VALUES


def test_asks_iam_once_for_each_profile(world: World, observer: Observer) -> None:
    missing = world.web.replace("Web", "Nope")
    found = observer.profiles([world.web, missing, world.web])
    observer.profiles([world.web, missing])
    assert found[missing] is None
    assert world.traffic.count("GetInstanceProfile") == 2


def test_describes_a_profile(world: World) -> None:
    empty = world.fleet.add_profile("Empty", role=None)
    distrusted = world.fleet.add_profile("Distrusted", trust=TRUST_LAMBDA)
    found = {arn: profile(world.services.iam, arn) for arn in (world.web, empty, distrusted)}
    described = {arn: (one.role_arn, one.trusts_ec2) for arn, one in found.items() if one}
    assert described == {
        world.web: ("arn:aws:iam::111122223333:role/Web", True),
        empty: (None, False),
        distrusted: ("arn:aws:iam::111122223333:role/Distrusted", False),
    }


def test_a_profile_on_another_path_is_another_profile(world: World) -> None:
    assert profile(world.services.iam, world.web.replace("/Web", "/elsewhere/Web")) is None
