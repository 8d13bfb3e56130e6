"""The demo's story: attach, review, replace, conflict, undo, with the real CDK CLI."""

from dataclasses import dataclass
from typing import Any

import pytest

from localaws.cdk import Cdk, Result
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from localaws.story import FOREIGN, OLD, STACK, Chapter, Story
from tests.e2e.stack import entries, outputs


@dataclass(frozen=True)
class Told:
    """The story, told to its end."""

    chapters: dict[str, Chapter]
    again: Result
    """A second deployment without a change."""
    ledger: dict[str, dict[str, Any]]
    """After the replacement."""
    outputs: dict[str, str]

    def ids(self, *names: str) -> list[str]:
        seen = self.chapters["attach"].before
        return [next(sight.id for sight in seen.values() if sight.name == name) for name in names]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    # On a local AWS of its own: the story is about all instances that there are.
    with LocalAws(tmp_path_factory.mktemp("story")) as aws:
        cdk = Cdk(aws)
        assert cdk.bootstrap().ok
        story = Story(Fleet(aws), cdk)
        story.launch()
        first, review, replace, *rest = story.steps()
        taken = [story.take(step) for step in (first, review, replace)]
        again = cdk.deploy(context=replace.context)
        ledger, counts = entries(aws, STACK), outputs(aws, STACK)
        taken += [story.take(step) for step in rest]
        return Told({chapter.step.key: chapter for chapter in taken}, again, ledger, counts)


@pytest.mark.parametrize("key", ["attach", "diff", "replace", "conflict", "destroy"])
def test_every_step_leaves_the_instances_as_it_says(told: Told, key: str) -> None:
    chapter = told.chapters[key]
    assert not chapter.mistakes(), chapter.result.output


def test_after_the_stack_is_deleted_every_instance_is_as_it_was(told: Told) -> None:
    assert told.chapters["destroy"].after == told.chapters["attach"].before


def test_diff_shows_the_instances_and_profiles_that_come_in(told: Told) -> None:
    output = told.chapters["diff"].result.output
    for expected in (*told.ids("web-2", "web-3"), f":instance-profile/{OLD}", f":role/{OLD}"):
        assert f'"{expected}"' in output
    assert "Number of stacks with differences: 1" in output


def test_a_second_deployment_without_a_change_changes_nothing(told: Told) -> None:
    assert told.again.ok
    assert f"{STACK} (no changes)" in told.again.output


def test_a_conflict_names_the_instance_and_the_profile_and_nothing_else(told: Told) -> None:
    result = told.chapters["conflict"].result
    (stranger,) = told.ids("db-1")
    assert f"instance {stranger} (running) carries instance profile {FOREIGN}, which `replaces` does not list" in (
        result.reason
    )
    assert "nothing has been changed" in result.reason
    assert not [id_ for id_ in told.ids("web-1", "web-2", "web-3") if id_ in result.reason]
    assert "Traceback" not in result.output


def test_the_ledger_holds_the_outcome_for_every_instance(told: Told) -> None:
    ours, web_1, web_2, web_3 = told.outputs["InstanceProfileArn"], *told.ids("web-1", "web-2", "web-3")
    old = next(s.profile_arn for s in told.chapters["attach"].before.values() if s.profile == OLD)
    found = {id_: tuple(item.get(key) for key in ("Action", "Before", "After")) for id_, item in told.ledger.items()}
    assert found == {
        web_1: ("associate", None, ours),
        web_2: ("replace", old, ours),
        web_3: ("swap", old, ours),
    }
    assert {id_: item["Previous"] for id_, item in told.ledger.items()} == {web_1: None, web_2: old, web_3: old}


def test_the_outputs_count_what_became_of_the_targets(told: Told) -> None:
    counted = {key: value for key, value in told.outputs.items() if key.endswith("Count")}
    assert counted == {"AssociatedCount": "1", "ReplacedCount": "2", "KeptCount": "0"}
