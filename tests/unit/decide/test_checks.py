"""Problems that are known before anything is changed."""

import pytest

from cdk_instance_role.runtime.association.decide.checks import (
    problems,
    profile_problems,
    selection_problems,
    survival_problems,
)
from cdk_instance_role.runtime.association.decide.claim import Claim
from cdk_instance_role.runtime.association.decide.model import Instance, InstanceState, Profile
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.request.desired import Desired
from tests.unit.builders import (
    FOREIGN,
    FORMER,
    ID,
    LISTED,
    WANTED,
    desired,
    existing,
    instance,
    instance_id,
    record,
    ref,
    role_arn,
    snapshot,
)

HEALTHY = existing(WANTED, LISTED)


def found(
    desired_state: Desired | None = None,
    *,
    profiles: dict[str, Profile | None] | None = None,
    selected: tuple[str, ...] | None = None,
    records: tuple[Record, ...] = (),
    carries: str | None = None,
) -> list[str]:
    observed = snapshot(instance(carries), profiles=HEALTHY if profiles is None else profiles, records=records)
    if selected is not None:
        observed = snapshot(selected=selected, profiles=observed.profiles)
    return problems(desired_state or desired(), observed)


def taken_by_another(previous: str, acted_at: float | None = 1.0) -> Record:
    """The record of an instance on which another association has put the listed profile."""
    claim = Claim("Other", rank=1, wanted=LISTED, ours=frozenset({LISTED}))
    return Record(ID, previous, others=(claim,), acted_at=acted_at, revision=1)


def test_finds_no_problem_in_a_valid_request() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        pytest.param(None, [WANTED, "does not exist"], id="missing"),
        pytest.param(Profile(WANTED, None, False), ["Wanted holds no role", "put role Wanted into it"], id="empty"),
        pytest.param(
            Profile(WANTED, role_arn("Other"), True), ["Wanted holds role Other, not Wanted"], id="another role"
        ),
        pytest.param(
            Profile(WANTED, role_arn("Wanted"), False),
            ["EC2 may not assume role Wanted", "trust policy"],
            id="no trust",
        ),
    ],
)
def test_fails_when_ec2_could_not_deliver_the_role(profile: Profile | None, words: list[str]) -> None:
    (sentence,) = found(profiles={**HEALTHY, WANTED: profile})

    assert all(word in sentence for word in words)


def test_shows_whole_arns_if_the_names_are_the_same() -> None:
    elsewhere = "arn:aws:iam::111122223333:role/team/Wanted"
    (sentence,) = found(profiles={**HEALTHY, WANTED: Profile(WANTED, elsewhere, True)})

    assert f"holds role {elsewhere}, not {role_arn('Wanted')}" in sentence


def test_fails_when_iam_was_not_asked_about_the_wanted_profile() -> None:
    assert "does not exist" in found(profiles={})[0]


def test_a_healthy_profile_has_no_problems() -> None:
    assert profile_problems(ref(WANTED), HEALTHY[WANTED]) == []


def test_fails_when_the_tags_select_nothing() -> None:
    (sentence,) = found(desired(ids=(), tags={"app": ["web", "api"], "env": ["prod"]}), selected=())

    assert "no instances are selected" in sentence
    assert "app=api|web, env=prod" in sentence


def test_fails_when_a_listed_profile_holds_another_role_than_stated() -> None:
    (sentence,) = found(profiles={**HEALTHY, LISTED: Profile(LISTED, role_arn("Other"), True)})

    assert "Listed holds role Other, not Listed" in sentence


@pytest.mark.parametrize(
    "profile", [pytest.param(None, id="missing"), pytest.param(Profile(LISTED, None, False), id="empty")]
)
def test_a_listed_profile_may_be_missing_or_empty(profile: Profile | None) -> None:
    assert found(profiles={**HEALTHY, LISTED: profile}) == []


def test_fails_when_the_previous_profile_of_a_target_is_no_longer_listed() -> None:
    (sentence,) = found(records=(record(FOREIGN),), carries=WANTED)

    assert "Foreign" in sentence
    assert "list it" in sentence


@pytest.mark.parametrize("previous", [None, LISTED, WANTED])
def test_a_previous_profile_that_can_be_restored_is_no_problem(previous: str | None) -> None:
    assert found(records=(record(previous),), carries=WANTED) == []


def test_a_profile_that_another_association_will_hand_over_must_be_restorable_too() -> None:
    (sentence,) = found(records=(taken_by_another(FOREIGN),), carries=LISTED)

    assert "Foreign must be restored later" in sentence


@pytest.mark.parametrize("carries", [FOREIGN, None])
def test_a_profile_that_stays_with_another_association_is_no_problem(carries: str | None) -> None:
    """The target is a conflict, or the claim of the other association had no effect."""
    assert found(records=(taken_by_another(FOREIGN, acted_at=None),), carries=carries) == []


def test_a_profile_from_somebody_else_takes_the_place_of_the_previous_one() -> None:
    assert found(records=(record(FOREIGN, acted_at=1.0),), carries=LISTED) == []


def test_the_previous_profile_of_an_instance_that_leaves_is_no_problem() -> None:
    """It is restored by this update."""
    leaver = record(FOREIGN, id="i-00000002")

    assert found(records=(leaver,)) == []


def test_names_every_problem_at_once() -> None:
    desired_state = desired(ids=(), tags={"app": ["web"]}, replaces=[LISTED, FORMER])
    wrong: dict[str, Profile | None] = {
        WANTED: None,
        LISTED: Profile(LISTED, role_arn("X"), True),
        FORMER: Profile(FORMER, role_arn("Y"), True),
    }

    assert len(found(desired_state, profiles=wrong, selected=())) == 4


BY_TAGS = desired(tags={"app": ["web"]})


def test_an_instance_that_ec2_does_not_show_may_have_the_tags() -> None:
    assert selection_problems(BY_TAGS, snapshot(selected=(), records=[record()], unconfirmed=[ID])) == []
    (problem,) = selection_problems(BY_TAGS, snapshot(selected=(), records=[record()]))
    assert "no instance that is not terminated has the tags app=web" in problem


TERMINATED, RUNNING = instance(state=InstanceState.TERMINATED), instance(id=instance_id(2))


@pytest.mark.parametrize(
    ("shown", "selected", "unconfirmed"),
    [
        pytest.param([TERMINATED, RUNNING], [ID, RUNNING.id], [], id="one is left"),
        pytest.param([TERMINATED], [ID, RUNNING.id], [RUNNING.id], id="one is not shown"),
        pytest.param([], [ID], [ID], id="none is shown"),
        pytest.param([], [], [ID], id="none is shown by its tags"),
    ],
)
def test_targets_are_left_as_long_as_ec2_has_not_said_that_all_are_gone(
    shown: list[Instance], selected: list[str], unconfirmed: list[str]
) -> None:
    assert survival_problems(snapshot(*shown, selected=selected, unconfirmed=unconfirmed)) == []


@pytest.mark.parametrize("shown", [[TERMINATED], []])
def test_no_target_is_left_when_ec2_has_said_of_each_that_it_is_gone(shown: list[Instance]) -> None:
    assert survival_problems(snapshot(*shown, selected=[ID, RUNNING.id])) == [
        "no target is left, all have been terminated meanwhile: select others"
    ]
