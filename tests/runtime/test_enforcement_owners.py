"""Instances that another association has a claim on. Design 9: enforcement acts only where its claim is on top. Design
5.3: the claim of a retained association does not keep an instance, because the handler does not learn when that
association is removed."""

import pytest

from cdk_instance_role.runtime.association.contract import RETAIN, Property
from tests.simulator.driver import Resource, World
from tests.simulator.enforcement import REPAIR, REPORT, Enforcement

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
RETAINED = {Property.REMOVAL_POLICY: RETAIN}


class Story:
    """An older association by ids, which is not enforced, and a younger one by tags, which is. Both are on one ledger.
    The older one has put Web on one instance. The younger one puts Web2 on its targets, and may replace Old and Web."""

    def __init__(self, *, retained: bool, lists_web: bool = True, mode: dict[str, str] = REPAIR) -> None:
        self.world = World()
        self.enforcement = Enforcement(self.world)
        self.older, self.enforced = Resource(self.world, "Older"), Resource(self.world, "Enforced")
        self.instance, self.target = self.world.instance(), self.world.instance(tags=WEB)
        policy = RETAINED if retained else {}
        assert self.older.create(self.world.properties([self.instance]) | policy).ok
        self.properties = self.world.properties(
            tags=TAGS,
            profile=self.world.fleet.add_profile("Web2"),
            replaces=[self.world.old, *([self.world.web] if lists_web else [])],
            enforcement=mode,
        )
        assert self.enforced.create(self.properties).ok
        self.enforcement.run(1000)

    def tag(self) -> None:
        """Let the enforced association select the instance too."""
        self.world.fleet.set_tags(self.instance, app="web")
        self.enforcement.run(2000)

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(self.instance, self.target)

    @property
    def drift(self) -> list[tuple[str, str, str]]:
        events = self.world.aws.event_bus.details("Instance Profile Drift")
        return [(one["instance"], one["state"], one["drift"]) for one in events]


def test_a_late_arrival_with_the_profile_of_a_removed_retained_association_gets_the_profile() -> None:
    story = Story(retained=True)
    story.tag()
    assert story.carried == ["Web2", "Web2"]
    assert story.instance in story.enforced.records()
    assert story.enforced.delete().ok
    assert story.carried == ["Web", None]


def test_a_late_arrival_that_a_retained_association_has_left_without_a_profile_gets_the_profile() -> None:
    story = Story(retained=True)
    story.world.fleet.set_carried(story.instance, None)
    story.tag()
    assert story.carried == ["Web2", "Web2"]


def test_a_late_arrival_with_an_unlisted_profile_of_a_retained_association_is_reported_as_a_conflict() -> None:
    story = Story(retained=True, lists_web=False)
    story.tag()
    assert story.carried == ["Web", "Web2"]
    assert story.drift == [(story.instance, "OPEN", "other-profile")]


def test_what_a_retained_association_has_left_is_reported_if_enforcement_only_reports() -> None:
    story = Story(retained=True, mode=REPORT)
    story.tag()
    assert story.carried == ["Web", "Web2"]
    assert story.drift == [(story.instance, "OPEN", "replaceable-profile")]


def test_a_target_below_the_claim_of_a_retained_association_gets_its_removed_profile_again() -> None:
    story = Story(retained=True)
    web3 = story.world.fleet.add_profile("Web3")
    younger = story.world.properties([story.target], profile=web3, replaces="*")
    assert Resource(story.world, "Younger").create(younger | RETAINED).ok
    assert story.carried == ["Web", "Web3"]
    story.world.fleet.set_carried(story.target, None)
    story.enforcement.run(2000)
    assert story.carried == ["Web", "Web2"]


def test_the_profile_of_another_deployed_association_stays_and_is_not_reported() -> None:
    story = Story(retained=False)
    before = story.world.mutations
    story.tag()
    assert story.carried == ["Web", "Web2"]
    assert story.world.mutations == before
    assert story.drift == []


@pytest.mark.parametrize(
    ("carries", "drift"),
    [(None, "no-profile"), ("Old", "replaceable-profile"), ("Foreign", "other-profile"), ("Web", None), ("Web2", None)],
)
def test_a_drifted_instance_of_another_association_is_reported_and_not_changed(
    carries: str | None, drift: str | None
) -> None:
    story = Story(retained=False)
    arn = next((arn for arn in story.world.fleet.profiles if carries and arn.endswith(f"/{carries}")), None)
    story.world.fleet.set_carried(story.instance, arn)
    before = story.world.mutations
    story.tag()
    assert story.carried == [carries, "Web2"]
    assert story.world.mutations == before
    assert story.drift == ([(story.instance, "OPEN", drift)] if drift else [])


def test_the_report_names_the_owning_association_and_closes_once_that_is_deployed_again() -> None:
    story = Story(retained=False)
    story.world.fleet.set_carried(story.instance, None)
    story.tag()
    (opened,) = story.world.aws.event_bus.details("Instance Profile Drift")
    assert opened["reason"] == (
        "carries no instance profile, and belongs to association Older of stack InstanceRole-web, "
        "which is not enforced now"
    )
    story.older.properties = story.world.properties([story.instance])
    assert story.older.update(story.older.properties | {"TimeoutSeconds": 900}).ok
    story.enforcement.run(2000)
    assert story.carried == ["Web", "Web2"]
    assert [state for _, state, _ in story.drift] == ["OPEN", "CLOSED"]


def test_an_instance_that_its_association_has_just_changed_is_not_reported() -> None:
    story = Story(retained=False)
    assert story.older.update(story.world.properties([story.instance]) | {"TimeoutSeconds": 900}).ok
    story.world.fleet.set_carried(story.instance, None)
    assert story.older.update(story.world.properties([story.instance]) | {"TimeoutSeconds": 800}).ok
    story.world.fleet.set_carried(story.instance, None)
    story.world.fleet.set_tags(story.instance, app="web")
    story.enforcement.run(60)
    assert story.drift == []
