"""Which steps a rollout counts: changes of targets, and what may be one as far as EC2 shows."""

import pytest

from cdk_instance_role.runtime.association.decide.model import Snapshot
from cdk_instance_role.runtime.association.decide.plan import ORDINARY, plan_desired
from cdk_instance_role.runtime.association.decide.waves import changes_of_targets, eligible, possible_changes
from cdk_instance_role.runtime.association.request.desired import Desired
from tests.unit.builders import FORMER, desired, instance, instance_id, record, snapshot

SHOWN, HIDDEN = instance_id(1), instance_id(2)


def seen(*selected: str) -> Snapshot:
    """Both instances are held, and EC2 does not show one of them."""
    held = [record(ours=[FORMER], id=id_) for id_ in (SHOWN, HIDDEN)]
    return snapshot(instance(FORMER, id=SHOWN), selected=selected, records=held, unconfirmed=[HIDDEN])


@pytest.mark.parametrize(
    ("wanted", "selected", "possible"),
    [
        (desired([SHOWN, HIDDEN]), [SHOWN, HIDDEN], [SHOWN, HIDDEN]),
        (desired([SHOWN]), [SHOWN], [SHOWN]),
        (desired(tags={"app": ["web"]}), [SHOWN], [SHOWN, HIDDEN]),
    ],
    ids=["listed", "taken out of the list", "with tags, which nobody can see"],
)
def test_a_hidden_instance_counts_only_if_it_may_be_a_target(
    wanted: Desired, selected: list[str], possible: list[str]
) -> None:
    plan = plan_desired(wanted, seen(*selected), ORDINARY)
    assert [step.instance_id for step in changes_of_targets(plan)] == [SHOWN]
    assert [step.instance_id for step in possible_changes(plan)] == possible


def test_a_wave_does_not_wait_for_a_hidden_instance_that_was_taken_out_of_the_list() -> None:
    found = seen(SHOWN)
    for reached in (1, None):
        steps = eligible(plan_desired(desired([SHOWN]), found, ORDINARY), found, reached).steps
        assert [step.instance_id for step in steps] == [SHOWN]
