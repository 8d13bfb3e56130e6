"""The demo's story: attach, review, replace, conflict, undo, with the real CDK CLI."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.cdk import Result
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from localaws.story import FOREIGN, OLD, STACK, Chapter, Step, Story
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.kinds import KINDS, bootstrapped
from tests.e2e.plans import CHANGES, NOTHING, REFUSED, Said, said
from tests.e2e.stack import entries, handler_arn, outputs
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, MUTATING, REPLACE
from tests.simulator.faults import Call
from tests.simulator.hosting import SimulatedAws

APP = "python app.py"


@dataclass(frozen=True)
class Played:
    """What happened in the story."""

    chapters: dict[str, Chapter]
    plans: dict[str, Said]
    """The output of `instance-role plan` before each deployment."""
    unchanged: Said
    """The plan of a second deployment without a change."""
    status: Said
    """What `instance-role status` says after the replacement."""
    again: Result
    """A second deployment without a change."""
    ledger: dict[str, dict[str, Any]]
    """After the replacement."""
    outputs: dict[str, str]
    handler: str
    """ARN of the function."""
    denials: dict[str, str]
    """What the simulator answers when the handler tries changes for which it has no right."""
    aws: LocalAws
    """No longer there, but the simulator remembers."""

    @property
    def simulated(self) -> SimulatedAws:
        assert isinstance(self.aws, SimulatedAws)
        return self.aws

    @property
    def changes(self) -> list[Call]:
        """All calls that were to change an association."""
        return [call for call in self.simulated.simulator.traffic.calls if call.action in MUTATING]

    def ids(self, *names: str) -> list[str]:
        seen = self.chapters["attach"].before
        return [next(reader.id for reader in seen.values() if reader.name == name) for name in names]


@pytest.fixture(scope="module", params=KINDS)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    # On a separate local AWS: the story is about all instances of the account.
    with bootstrapped(request.param, tmp_path_factory.mktemp("story")) as aws, Commands(aws) as commands:
        cdk = SynthesizedOnce(commands, tmp_path_factory.mktemp("assemblies"))
        story = Story(Fleet(aws), cdk)
        story.launch()
        plans: dict[str, Said] = {}

        def take(step: Step) -> Chapter:
            if step.command == "deploy":
                plans[step.key] = said(aws, "plan", str(cdk.assembly(step.context)), {})
            return story.take(step)

        first, review, replace, *rest = story.steps()
        taken = [take(step) for step in (first, review, replace)]
        status = said(aws, "status", str(cdk.assembly(replace.context)), {})
        unchanged = said(aws, "plan", APP, replace.context)
        again = cdk.deploy(context=replace.context)
        ledger, counts, handler = entries(aws, STACK), outputs(aws, STACK), handler_arn(aws, STACK)
        denials = attempts(aws, handler, counts["InstanceProfileArn"]) if isinstance(aws, SimulatedAws) else {}
        taken += [take(step) for step in rest]
        by_key = {chapter.step.key: chapter for chapter in taken}
        return Played(by_key, plans, unchanged, status, again, ledger, counts, handler, denials, aws)


def attempts(aws: SimulatedAws, handler: str, ours: str) -> dict[str, str]:
    """The error of a change that the handler has no right to, tried with the handler's rights."""
    rows = aws.client("ec2").describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    row_of = {row["InstanceId"]: row for row in rows}
    names = {reader.name: reader for reader in Fleet(aws).look().values()}
    ec2 = aws.client_of(handler, "ec2")

    def replace(name: str, arn: str | None) -> str:
        id_ = row_of[names[name].id]["AssociationId"]
        try:
            ec2.replace_iam_instance_profile_association(AssociationId=id_, IamInstanceProfile={"Arn": arn})
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    return {"displace": replace("db-1", ours), "give": replace("web-1", names["db-1"].profile_arn)}


@pytest.mark.parametrize("key", ["attach", "diff", "replace", "conflict", "destroy"])
def test_after_every_step_the_instances_carry_what_it_expects(played: Played, key: str) -> None:
    chapter = played.chapters[key]
    assert not chapter.mistakes(), chapter.result.output


@pytest.mark.parametrize(
    ("key", "status", "verbs"),
    [
        ("attach", CHANGES, {"web-1": "associate"}),
        ("replace", CHANGES, {"web-1": "keep", "web-2": "replace", "web-3": "replace"}),
        ("conflict", REFUSED, {"web-1": "keep", "web-2": "keep", "web-3": "keep", "db-1": "conflict"}),
    ],
)
def test_what_is_planned_is_what_the_deployment_does(
    played: Played, key: str, status: int, verbs: dict[str, str]
) -> None:
    plan, chapter = played.plans[key], played.chapters[key]
    assert plan.status == status
    assert {one["name"]: one["verb"] for one in plan.instances.values()} == verbs
    assert not list(plan.mistakes(chapter.before, chapter.after, ok=chapter.result.ok))


def test_a_plan_says_that_there_is_nothing_to_do(played: Played) -> None:
    assert played.unchanged.status == NOTHING
    assert [plan["event"] for plan in played.unchanged.document["associations"]] == ["none"]
    assert {one["verb"] for one in played.unchanged.instances.values()} == {"keep"}


def test_status_says_what_the_association_holds(played: Played) -> None:
    before = {reader.id: reader.profile for reader in played.chapters["attach"].before.values()}
    assert played.status.status == NOTHING
    assert played.status.instances.keys() == set(played.ids("web-1", "web-2", "web-3"))
    for id_, one in played.status.instances.items():
        assert one["carries"] == one["wanted"]
        assert (one["previous"] and one["previous"]["name"]) == before[id_]
        assert not one["drift"]


def test_after_the_stack_is_deleted_every_instance_is_as_it_was(played: Played) -> None:
    assert played.chapters["destroy"].after == played.chapters["attach"].before


def test_diff_shows_the_added_instances_and_profiles(played: Played) -> None:
    output = played.chapters["diff"].result.output
    for expected in (*played.ids("web-2", "web-3"), f":instance-profile/{OLD}", f":role/{OLD}"):
        assert f'"{expected}"' in output
    assert "Number of stacks with differences: 1" in output


def test_a_second_deployment_without_a_change_changes_nothing(played: Played) -> None:
    assert played.again.ok
    assert f"{STACK} (no changes)" in played.again.output


def test_a_conflict_names_only_the_instance_and_the_profile(played: Played) -> None:
    result = played.chapters["conflict"].result
    (stranger,) = played.ids("db-1")
    assert f"instance {stranger} (running) carries instance profile {FOREIGN}, which `replaces` does not list" in (
        result.reason
    )
    assert "nothing has been changed" in result.reason
    assert not [id_ for id_ in played.ids("web-1", "web-2", "web-3") if id_ in result.reason]
    assert "Traceback" not in result.output


def test_the_ledger_holds_the_outcome_for_every_instance(played: Played) -> None:
    ours, web_1, web_2, web_3 = played.outputs["InstanceProfileArn"], *played.ids("web-1", "web-2", "web-3")
    old = next(s.profile_arn for s in played.chapters["attach"].before.values() if s.profile == OLD)
    found = {id_: tuple(item.get(key) for key in ("Action", "Before", "After")) for id_, item in played.ledger.items()}
    assert found == {
        web_1: ("associate", None, ours),
        web_2: ("replace", old, ours),
        web_3: ("swap", old, ours),
    }
    assert {id_: item["Previous"] for id_, item in played.ledger.items()} == {web_1: None, web_2: old, web_3: old}


def test_the_outputs_count_the_outcomes_of_the_targets(played: Played) -> None:
    counted = {key: value for key, value in played.outputs.items() if key.endswith("Count")}
    assert counted == {"AssociatedCount": "1", "ReplacedCount": "2", "KeptCount": "0"}


@pytest.mark.only_on("simulator")
def test_the_first_change_is_retried_until_ec2_knows_the_new_profile(played: Played) -> None:
    refused = [call for call in played.changes if call.error == "InvalidParameterValue"]
    assert refused
    assert played.changes[: len(refused)] == refused
    assert played.changes[len(refused)].parameters == refused[0].parameters


@pytest.mark.only_on("simulator")
def test_every_instance_takes_one_change_and_a_stopped_one_two(played: Played) -> None:
    there, back = (
        Counter({ASSOCIATE: 2, REPLACE: 1, DISASSOCIATE: 1}),
        Counter({DISASSOCIATE: 2, REPLACE: 1, ASSOCIATE: 1}),
    )
    assert Counter(call.action for call in played.changes if not call.error) == there + back


@pytest.mark.only_on("simulator")
def test_no_running_instance_is_without_a_profile_that_has_one_before_and_after(played: Played) -> None:
    assert played.simulated.simulator.fleet.bared == played.ids("web-1")


@pytest.mark.only_on("simulator")
def test_the_handler_has_the_rights_of_the_deployed_policies(played: Played) -> None:
    assert played.simulated.regions.callers == {played.handler}
    assert played.denials == {"displace": "UnauthorizedOperation", "give": "UnauthorizedOperation"}
