"""The plan and the handler recognize a rollback by the same digest.

Design 5.3: an Update is a rollback if the last ordinary
operation of the association failed, is still open, and the new properties are those that it came from."""

from dataclasses import replace

import pytest
from aws_cdk import Duration

from cdk_instance_role import Rollout
from cdk_instance_role.cli.model import AssociationPlan, Event, Exit, PlanReport, Verb
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.planning.test_planning import with_properties
from tests.cli.servers import Servers, synthesized
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.unit.builders import instance_id

FIRST, SECOND, THIRD, FOURTH = (instance_id(number) for number in (1, 2, 3, 4))
BAKE = 60.0
BEFORE = Servers(ids=(FIRST, SECOND))
MORE = Servers(ids=(FIRST, SECOND, THIRD, FOURTH))
IN_WAVES = replace(BEFORE, rollout=Rollout.in_waves(first=1, bake=Duration.seconds(BAKE)))
IS_ROLLBACK = (
    "its last update has failed, and these properties are those from before it: this is a rollback, which ignores "
    "conflicts, alarms and waves"
)


class Play:
    """A deployed association, and an update that has failed and is still open. Then somebody gives the first instance
    another profile."""

    def __init__(
        self, before: Servers = BEFORE, update: Servers = MORE, *, succeeds: bool = False, moves: bool = False
    ) -> None:
        """
        Args:
            before: the stack as it was deployed.
            update: the same as it is updated.
            succeeds: the update succeeds.
            moves: the update changes the profile, to another one of the same role.
        """
        self.cloud = Cloud()
        for number in range(1, 5):
            self.cloud.instance(number)
        self.before, after = synthesized(before), synthesized(update)
        if moves:
            self.before = self._with_profile(self.before, self.cloud.web)
            after = self._with_profile(after, self.cloud.world.own_profile("Web2"))
        self.cloud.deploy(self.before)
        if succeeds:
            self.cloud.deploy(after)
        else:
            self.cloud.world.refuse(ASSOCIATE, FOURTH)
            self.cloud.world.refuse(REPLACE, SECOND)
            self.cloud.fail_to_update(after)
        self.cloud.world.clock.sleep(60)

    def _with_profile(self, stack: StackArtifact, arn: str) -> StackArtifact:
        return with_properties(stack, **self.cloud.world.profile_ref(arn))

    def give_foreign_to_the_first(self) -> None:
        self.cloud.fleet.set_carried(FIRST, self.cloud.foreign)
        self.cloud.world.clock.sleep(60)

    def plan(self, stack: StackArtifact | None = None) -> AssociationPlan:
        """The plan, without what a failed update leaves unknown, and without the warning that there was one."""
        plan = self.cloud.plan(stack or self.before)
        assert all("its last update has failed" in gap for gap in plan.unseen)
        return replace(plan, warnings=tuple(one for one in plan.warnings if "UPDATE_FAILED" not in one), unseen=())

    def deploy(self, plan: AssociationPlan, targets: tuple[str, ...] = BEFORE.ids) -> dict[str, Verb]:
        """What the handler does about the instances of a plan when the stack is deployed as it was before."""
        ids = [one.id for one in plan.instances]
        carried = {id_: self.cloud.fleet.carried(id_) for id_ in ids}
        self.cloud.deploy(self.before)
        return {id_: _verb(carried[id_], self.cloud.fleet.carried(id_), targeted=id_ in targets) for id_ in ids}

    def deploy_in_vain(self, stack: StackArtifact) -> str:
        """Why the handler refuses a deployment."""
        with pytest.raises(AssertionError) as refused:
            self.cloud.deploy(stack)
        return str(refused.value)


def _verb(before: str | None, after: str | None, *, targeted: bool) -> Verb:
    """What has happened to an instance."""
    if before == after:
        return Verb.KEEP if targeted else Verb.DROP
    if not targeted:
        return Verb.UNDO
    return Verb.REPLACE if before else Verb.ASSOCIATE


def verbs(plan: AssociationPlan) -> dict[str, Verb]:
    return {one.id: one.verb for one in plan.instances}


def exit_status(plan: AssociationPlan) -> Exit:
    return PlanReport((plan,)).exit


def test_the_return_to_the_configuration_before_a_failed_update_is_a_rollback_that_nothing_blocks() -> None:
    play = Play()
    play.give_foreign_to_the_first()
    plan = play.plan()

    assert (plan.event, plan.warnings, plan.problems) == (Event.UPDATE, (IS_ROLLBACK,), ())
    assert verbs(plan) == {FIRST: Verb.KEEP, SECOND: Verb.KEEP, THIRD: Verb.UNDO, FOURTH: Verb.DROP}
    assert exit_status(plan) is Exit.CHANGES
    assert play.deploy(plan) == verbs(plan)
    assert play.cloud.world.carried(FIRST, THIRD, FOURTH) == ["Foreign", None, None]


@pytest.mark.parametrize("conflict", [False, True])
@pytest.mark.parametrize(
    ("before", "update"),
    [(BEFORE, BEFORE), (IN_WAVES, IN_WAVES), (BEFORE, MORE)],
    ids=["another profile", "another profile in waves", "another profile and more targets"],
)
def test_in_a_rollback_the_handler_does_what_was_planned(before: Servers, update: Servers, conflict: bool) -> None:
    play = Play(before, update, moves=True)
    if conflict:
        play.give_foreign_to_the_first()
    plan = play.plan()
    planned = {one.id: one.planned.arn if one.planned else None for one in plan.instances}
    began, mutations = play.cloud.world.clock(), play.cloud.world.mutations

    assert plan.warnings == (IS_ROLLBACK,)
    assert (plan.problems, plan.rollout, plan.estimate.baking) == ((), None, 0)
    assert play.deploy(plan) == verbs(plan)
    rows = {id_: play.cloud.fleet.active(id_) for id_ in planned}
    assert {id_: row.arn if row else None for id_, row in rows.items()} == planned
    assert play.cloud.world.mutations - mutations == plan.estimate.calls
    assert play.cloud.world.clock() - began < BAKE


def test_the_return_to_the_configuration_before_a_successful_update_is_an_ordinary_update() -> None:
    play = Play(succeeds=True)
    play.give_foreign_to_the_first()
    plan = play.plan()

    assert plan.warnings == ()
    assert verbs(plan) == {FIRST: Verb.CONFLICT, SECOND: Verb.KEEP, THIRD: Verb.UNDO, FOURTH: Verb.UNDO}
    assert exit_status(plan) is Exit.CONFLICTS
    mutations = play.cloud.world.mutations
    assert "carries instance profile Foreign, which `replaces` does not list" in play.deploy_in_vain(play.before)
    assert play.cloud.world.mutations == mutations


def test_the_return_to_the_configuration_before_a_successful_update_follows_the_waves() -> None:
    play = Play(IN_WAVES, IN_WAVES, succeeds=True, moves=True)
    plan = play.plan()
    began = play.cloud.world.clock()

    assert plan.warnings == ()
    assert plan.rollout is not None
    assert plan.rollout.waves == (1, 1)
    assert play.deploy(plan) == verbs(plan) == {FIRST: Verb.REPLACE, SECOND: Verb.REPLACE}
    assert play.cloud.world.clock() - began >= 2 * BAKE


@pytest.mark.parametrize(
    ("new", "others"),
    [
        (replace(BEFORE, ids=(FIRST, SECOND, THIRD)), {THIRD: Verb.KEEP, FOURTH: Verb.DROP}),
        (replace(BEFORE, minutes=29), {THIRD: Verb.UNDO, FOURTH: Verb.DROP}),
        (replace(BEFORE, server=True), {THIRD: Verb.UNDO, FOURTH: Verb.DROP, "(new) Server": Verb.ASSOCIATE}),
    ],
    ids=["other targets", "another timeout", "a target that the deployment creates"],
)
def test_a_new_template_after_a_failed_update_is_an_ordinary_update(new: Servers, others: dict[str, Verb]) -> None:
    play = Play()
    play.give_foreign_to_the_first()
    plan = play.plan(synthesized(new))

    assert plan.warnings == ()
    assert verbs(plan) == {FIRST: Verb.CONFLICT, SECOND: Verb.KEEP, **others}
    assert exit_status(plan) is Exit.CONFLICTS
    refusal = play.deploy_in_vain(synthesized(new))
    assert f"instance {FIRST} (running) carries instance profile Foreign" in refusal


def test_the_same_update_again_after_it_has_failed_is_an_ordinary_update() -> None:
    """A resource in UPDATE_FAILED is updated again, although the template has the properties already."""
    play = Play()
    plan = play.plan(synthesized(MORE))

    assert (plan.event, plan.warnings) == (Event.UPDATE, ())


def test_after_a_skipped_rollback_no_event_is_a_rollback() -> None:
    """CloudFormation considers a skipped resource as rolled back: it has the former properties, and sends nothing."""
    play = Play()
    play.cloud.cloudformation.stacks[play.before.name] = replace(
        play.cloud.cloudformation.stacks[play.before.name],
        template=play.before.template,
        status="UPDATE_ROLLBACK_COMPLETE",
    )
    plan = play.plan()

    assert plan.event is Event.NONE
    assert plan.warnings == ()
