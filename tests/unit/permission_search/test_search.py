"""The search for what permissions allow together, beside one that makes every call through a policy evaluator."""

import time
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.permission_search.allowed import Allowed
from cdk_instance_role.permission_search.declared import Declared, Instance, Profile, ProfileBits
from cdk_instance_role.permission_search.merging import merged
from cdk_instance_role.permission_search.reachability import Reachability
from cdk_instance_role.permission_search.search import excess
from cdk_instance_role.permission_search.statement import Statement
from tests.simulator.authority import Authority
from tests.simulator.every_call import EveryCall, Target

INSTANCES = "arn:aws:ec2:eu-west-1:111122223333:instance/"
PROFILES = "arn:aws:iam::111122223333:instance-profile/"
ASSOCIATE, REPLACE, DISASSOCIATE = (
    f"ec2:{name}"
    for name in (
        "AssociateIamInstanceProfile",
        "ReplaceIamInstanceProfileAssociation",
        "DisassociateIamInstanceProfile",
    )
)
EVERYWHERE = f"{INSTANCES}*"


def profile(name: str) -> Profile:
    return Profile(f"{PROFILES}{name}", f"arn:aws:iam::111122223333:role/{name.rpartition('/')[2]}")


WEB, OPS, OLD, FOREIGN = map(profile, ("app/web/Web", "app/ops/Ops", "Old", "Foreign"))
FORMER = [Profile(f"{PROFILES}app/{name.lower()}/the-former-one", profile(name).role) for name in ("Web", "Ops")]
"""Profiles that a deployment has replaced, with the role that they had."""
PROFILE_BITS = ProfileBits([WEB, OPS, OLD, FOREIGN, *FORMER])
KINDS = [
    Instance(f"{INSTANCES}i-1"),
    Instance(f"{INSTANCES}i-2", {"app": "web"}),
    Instance(f"{INSTANCES}i-3", {"app": "api", "env": "prod"}),
]


def every_call(statements: Sequence[Statement]) -> EveryCall:
    document = {"Version": "2012-10-17", "Statement": [one.render() for one in statements]}
    return EveryCall(Authority({"All": document}), {one.arn: one.role for one in PROFILE_BITS.profiles})


def reached(calls: EveryCall, instance: Instance, carried: str | None) -> set[str | None]:
    return calls.reached(Target(instance.arn, instance.tags), carried)


def some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


ARNS = some(WEB.arn, OPS.arn, OLD.arn, f"{PROFILES}app/*", f"{PROFILES}app/web/*", f"{PROFILES}*", f"{PROFILES}Ol?")
RESOURCES = some(EVERYWHERE, f"{INSTANCES}i-1", f"{INSTANCES}i-2", "*")
PASS_ROLES = st.builds(
    lambda roles: Statement.of(
        ["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}}
    ),
    some(WEB.role, OPS.role, OLD.role, "arn:aws:iam::111122223333:role/*"),
)
ABOUT_ARNS = st.fixed_dictionaries({}, optional={"ec2:InstanceProfile": ARNS, "ec2:NewInstanceProfile": ARNS})
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "ArnLike": ABOUT_ARNS,
        "ArnEquals": ABOUT_ARNS,
        "ArnLikeIfExists": ABOUT_ARNS,
        "Null": st.fixed_dictionaries({"ec2:InstanceProfile": some("true", "false").map(lambda values: values[:1])}),
        "StringEquals": st.fixed_dictionaries(
            {}, optional={"aws:ResourceTag/app": some("web", "api"), "aws:ResourceTag/Env": some("prod")}
        ),
    },
)
CHANGES = st.builds(Statement.of, some(ASSOCIATE, REPLACE, DISASSOCIATE), RESOURCES, CONDITIONS)
STATEMENTS = st.builds(lambda changes, passing: [*changes, passing], st.lists(CHANGES, max_size=6), PASS_ROLES)


@given(STATEMENTS, st.sampled_from(KINDS))
def test_finds_what_every_sequence_of_calls_finds(statements: list[Statement], instance: Instance) -> None:
    rules = Allowed(statements, PROFILE_BITS).rules(instance)
    reach, calls = Reachability(edge for rule in rules for edge in rule.edges), every_call(statements)
    for start in PROFILE_BITS.bits():
        found = {PROFILE_BITS.name(bit) or None for bit in PROFILE_BITS.bits() if reach.of(start) & bit}
        assert found == reached(calls, instance, PROFILE_BITS.name(start) or None)


def test_fails_when_a_condition_is_not_known() -> None:
    statement = Statement.of([ASSOCIATE], ["*"], {"StringLike": {"aws:ResourceTag/app": ["w*"]}})
    with pytest.raises(ValueError, match="StringLike"):
        Allowed([statement], PROFILE_BITS)


# The statements of two associations, as the construct makes them: see tests/synth for those of real ones.


def statements_of(*associations: Declared) -> list[Statement]:
    return merged(one for association in associations for one in _statements_of(association))


def _statements_of(one: Declared) -> Iterator[Statement]:
    tags = {"StringEquals": {f"aws:ResourceTag/{key}": values for key, values in one.tags}} if one.tags else {}
    targets = [EVERYWHERE] if one.tags else [*one.instances]
    listed = [profile.arn for profile in one.listed]
    ours = [f"{path}*" for path in one.own_paths[:1]] or [one.wanted.arn]
    yield Statement.of(["iam:PassRole"], [one.wanted.role, *(profile.role for profile in one.listed)])
    yield Statement.of([DISASSOCIATE], [EVERYWHERE], {"ArnLike": {"ec2:InstanceProfile": ours}})
    associable = [one.wanted.arn] if one.tags else [one.wanted.arn, *listed]
    yield Statement.of([ASSOCIATE], targets, {"ArnLike": {"ec2:NewInstanceProfile": associable}, **tags})
    if listed:
        to_wanted = {"ArnLikeIfExists": {"ec2:NewInstanceProfile": [one.wanted.arn]}}
        yield Statement.of(
            [REPLACE, DISASSOCIATE], targets, {"ArnLike": {"ec2:InstanceProfile": listed}, **to_wanted, **tags}
        )
        restore = {"ArnLike": {"ec2:InstanceProfile": ours, "ec2:NewInstanceProfile": listed}}
        yield Statement.of([REPLACE], [EVERYWHERE] if one.tags or one.has_token_ids else targets, restore)
        if one.tags:
            bare = {"ArnLike": {"ec2:NewInstanceProfile": listed}, "Null": {"ec2:InstanceProfile": ["true"]}}
            yield Statement.of([ASSOCIATE], [EVERYWHERE], bare)


def by_tags(name: str, wanted: Profile, *listed: Profile, value: str = "web") -> Declared:
    return Declared(name, wanted, listed, (_path(wanted),), tags=(("app", (value,)),))


def by_ids(name: str, wanted: Profile, *listed: Profile, id: str = "i-1", token: bool = False) -> Declared:
    return Declared(
        name, wanted, listed, (_path(wanted),), instances=frozenset([f"{INSTANCES}{id}"]), has_token_ids=token
    )


def _path(wanted: Profile) -> str:
    return wanted.arn[: wanted.arn.rindex("/") + 1]


WITHIN = {
    "one by tags": [by_tags("Web", WEB, OLD)],
    "one by ids": [by_ids("Web", WEB, OLD)],
    "one by the id of an instance of the app": [by_ids("Web", WEB, OLD, token=True)],
    "two that share nothing": [by_tags("Web", WEB, OLD), by_ids("Ops", OPS)],
    "two that list the same": [by_tags("Web", WEB, OLD), by_tags("Ops", OPS, OLD, value="ops")],
    "two with targets in common": [by_tags("Web", WEB, OLD), by_tags("Ops", OPS, FOREIGN)],
    "one of a role and another one of it": [by_ids("Web", WEB, OLD, token=True), by_tags("More", WEB, FOREIGN)],
    "one that lists what another one wants": [by_tags("Web", WEB, OPS), by_ids("Ops", OPS)],
    "two that list what the other one wants": [by_tags("Web", WEB, OPS), by_tags("Ops", OPS, WEB, value="ops")],
}


@pytest.mark.parametrize("associations", WITHIN.values(), ids=WITHIN.keys())
def test_finds_nothing_where_each_association_declares_what_is_reached(associations: list[Declared]) -> None:
    assert excess(statements_of(*associations), associations, INSTANCES) is None


def test_finds_that_a_listed_profile_leads_to_others_by_the_permissions_of_the_association_that_wants_it() -> None:
    web, ops = by_tags("Web", WEB, OPS), by_ids("Ops", OPS, OLD, token=True)
    found = excess(statements_of(web, ops), [web, ops], INSTANCES)
    assert found
    assert (found.listing, found.wanting) == (web, ops)
    assert (found.carried, found.reached) == ("", OLD.arn)


def test_finds_that_a_listed_former_profile_of_a_role_leads_to_others_by_the_permissions_for_that_role() -> None:
    former = FORMER[1]
    web, ops = by_tags("Web", WEB, former), by_ids("Ops", OPS, OLD, token=True)
    found = excess(statements_of(web, ops), [web, ops], INSTANCES)
    assert found
    assert (found.listing, found.wanting) == (web, ops)
    assert (found.carried, found.reached) == ("", OLD.arn)


TOO_MUCH: Mapping[str, Statement] = {
    "the wanted profile on every instance": Statement.of(
        [ASSOCIATE], ["*"], {"ArnLike": {"ec2:NewInstanceProfile": [WEB.arn]}}
    ),
    "a profile of a sibling on a target": Statement.of(
        [REPLACE],
        [f"{INSTANCES}i-1"],
        {"ArnLike": {"ec2:InstanceProfile": [WEB.arn], "ec2:NewInstanceProfile": [OPS.arn]}},
    ),
    "a move on an instance that is no target": Statement.of(
        [REPLACE],
        [EVERYWHERE],
        {"ArnLike": {"ec2:InstanceProfile": [FORMER[0].arn], "ec2:NewInstanceProfile": [WEB.arn]}},
    ),
    "disassociating a foreign profile": Statement.of([DISASSOCIATE], [f"{INSTANCES}i-1"]),
    "another value of the tag": Statement.of(
        [ASSOCIATE],
        [EVERYWHERE],
        {"ArnLike": {"ec2:NewInstanceProfile": [WEB.arn]}, "StringEquals": {"aws:ResourceTag/app": ["ops"]}},
    ),
}


@pytest.mark.parametrize("statement", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_finds_what_a_fault_in_the_statements_would_allow(statement: Statement) -> None:
    associations = [by_ids("Web", WEB, OLD), by_tags("Ops", OPS, value="ops")]
    assert excess(statements_of(*associations), associations, INSTANCES) is None
    found = excess([*statements_of(*associations), statement], associations, INSTANCES)
    assert found
    assert found.listing is None


@given(st.data())
def test_associations_together_reach_what_every_sequence_of_calls_finds(data: st.DataObject) -> None:
    ours, listed = [WEB, OPS], [WEB, OPS, OLD, FOREIGN, *FORMER]
    associations = []
    for wanted in ours:
        lists = data.draw(
            st.lists(st.sampled_from([one for one in listed if one is not wanted]), max_size=2, unique=True)
        )
        kind = data.draw(st.sampled_from(["tags", "ids", "tokens"]))
        name = wanted.arn.rpartition("/")[2]
        associations.append(
            by_tags(name, wanted, *lists, value=name)
            if kind == "tags"
            else by_ids(name, wanted, *lists, id=f"i-{name}", token=kind == "tokens")
        )
    statements = statements_of(*associations)
    calls = every_call(statements)
    found = excess(statements, associations, INSTANCES)
    beyond = {
        (carried, after)
        for instance in _instances(associations)
        for carried in (None, *(one.arn for one in PROFILE_BITS.profiles))
        for after in reached(calls, instance, carried) - _declared(associations, instance, carried)
        if not of_one_role(carried, after)
    }
    assert (found is not None) == bool(beyond)
    if found:
        assert (found.carried or None, found.reached or None) in beyond


def of_one_role(carried: str | None, after: str | None) -> bool:
    """Through a listed profile, an instance may get from one profile of a role to another one."""
    return bool(carried and after and "/app/" in carried and carried.rpartition("/")[0] == after.rpartition("/")[0])


def _instances(associations: Sequence[Declared]) -> Iterator[Instance]:
    """Instances of every kind: no target, the targets of one association, and those of both."""
    arns = [f"{INSTANCES}i-9", *(arn for one in associations for arn in one.instances)]
    tags: list[dict[str, str]] = [
        {},
        *({key: values[0] for key, values in one.tags} for one in associations if one.tags),
    ]
    yield from (Instance(arn, those) for arn in arns for those in tags)


def _declared(associations: Sequence[Declared], instance: Instance, carried: str | None) -> set[str | None]:
    """What the statements of one association alone reach, or of one after the other where the instance is bare."""
    alone = [every_call(statements_of(one)) for one in associations]
    found = set().union(*(reached(one, instance, carried) for one in alone))
    return found.union(*(reached(one, instance, None) for one in alone)) if None in found else found


def test_a_hundred_associations_take_well_under_a_second() -> None:
    roles = [profile(f"app/{number}/Role") for number in range(100)]
    associations = [by_tags(str(number), role, OLD, value=str(number)) for number, role in enumerate(roles)]
    statements = statements_of(*associations)
    began = time.process_time()
    assert excess(statements, associations, INSTANCES) is None
    assert time.process_time() - began < 1
