"""What a deployment would do where associations of one provider change more instances than EC2 lets through in time.

EC2 lets 100 calls of Associate through at once and then 5 a second.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from aws_cdk import Duration, Stack

from cdk_instance_role import (
    AssociationProvider,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    Rollout,
)
from cdk_instance_role.cli.model import Exit, PlanReport
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.synth.builders import IRELAND

BEGINNING, END = "EC2 needs ", "Let one depend on the other, or raise the timeout"
ALL_AT_ONCE = Rollout.all_at_once()
Order = Callable[[Sequence[InstanceProfileAssociation]], None]


def unordered(_: Sequence[InstanceProfileAssociation]) -> None:
    pass


def chain(associations: Sequence[InstanceProfileAssociation]) -> None:
    for first, second in pairwise(associations):
        second.node.add_dependency(first)


def fleets(
    *names: str,
    minutes: float = 5,
    order: Order = unordered,
    own_providers: bool = False,
    rollout: Rollout | None = None,
) -> StackArtifact:
    """A stack with an association for each name, of the instances with the tag app of that value."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    order(
        [
            InstanceRole(stack, name).associate_with(
                "Fleet",
                InstanceSelection.by_tags({"app": [name]}),
                timeout=Duration.seconds(60 * minutes),
                provider=AssociationProvider(stack, f"{name}Provider") if own_providers else None,
                rollout=rollout,
            )
            for name in names
        ]
    )
    (artifact,) = assembly.read(written(app))
    return artifact


@pytest.fixture
def cloud() -> Cloud:
    """1,000 instances without a profile for Web, 1,000 for Api, and 300 for Ops."""
    cloud = Cloud()
    for start, (name, count) in enumerate({"Web": 1000, "Api": 1000, "Ops": 300}.items()):
        for number in range(count):
            cloud.instance(10_000 * start + number, tags={"app": name})
    return cloud


def budget_warnings(cloud: Cloud, stack: StackArtifact) -> dict[str, str]:
    """What the plans say of the shared limits, without its constant end."""
    plans = cloud.plans(stack)
    assert PlanReport(tuple(plans)).exit is Exit.CHANGES
    found = {plan.association: [one for one in plan.warnings if one.startswith(BEGINNING)] for plan in plans}
    assert all(one.endswith(END) for ones in found.values() for one in ones)
    return {association: one.partition(",")[0] for association, ones in found.items() for one in ones}


def test_associations_that_need_longer_together_than_one_of_them_has_may_be_refused(cloud: Cloud) -> None:
    stack = fleets("Web", "Api")

    # 2 x 1,000 calls: (2,000 - 100) / 5 = 380 s, and each has 300.
    assert budget_warnings(cloud, stack) == {
        "Web/Fleet": "EC2 needs 380 seconds for the changes of this association together with those of Api/Fleet",
        "Api/Fleet": "EC2 needs 380 seconds for the changes of this association together with those of Web/Fleet",
    }


def test_associations_with_time_enough_for_both_are_not_refused(cloud: Cloud) -> None:
    assert budget_warnings(cloud, fleets("Web", "Api", minutes=6.5)) == {}


def test_associations_with_an_order_are_not_refused(cloud: Cloud) -> None:
    assert budget_warnings(cloud, fleets("Web", "Api", order=chain)) == {}


def test_associations_with_providers_of_their_own_are_not_refused(cloud: Cloud) -> None:
    assert budget_warnings(cloud, fleets("Web", "Api", own_providers=True)) == {}


def test_of_associations_with_an_order_only_the_first_shares_the_limits_with_others(cloud: Cloud) -> None:
    """Ops begins at the same time as Web, and Api after it. 1,300 calls take (1,300 - 100) / 5 = 240 s, all 440 s."""
    stack = fleets("Ops", "Web", "Api", order=lambda associations: chain(associations[1:]))

    assert budget_warnings(cloud, stack) == {}


def test_while_waves_bake_there_is_no_time_for_changes(cloud: Cloud) -> None:
    """Together they need 240 s. Of eight minutes, two waves take 2 x 60 s for bakes and 2 x 70 s for confirmations."""
    baking = Rollout.in_waves(first=1, percentages=[100], bake=Duration.minutes(1))

    assert budget_warnings(cloud, fleets("Ops", "Web", minutes=8)) == {}
    assert budget_warnings(cloud, fleets("Ops", "Web", minutes=8, rollout=baking)).keys() == {
        "Ops/Fleet",
        "Web/Fleet",
    }
