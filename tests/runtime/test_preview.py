"""What is planned is what happens: the preview of an event, compared with what the handler then did about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cdk_instance_role.runtime.association.aws.observe import Observer
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.converge.preview import Preview, preview, preview_of_delete
from cdk_instance_role.runtime.association.decide.plan import OperationContext
from cdk_instance_role.runtime.association.decide.step import CHANGES, Action
from cdk_instance_role.runtime.association.request.event import Request
from tests.runtime.stories import SETTINGS, Setting, stories_of
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, Result, World

# What may be displaced makes a difference for the policies, which are not enforced here.
EVERY_STORY = [(one, name) for one in SETTINGS if one.replaces == "profiles" for name in stories_of(one)]
WITHOUT_PREDICTIONS = {
    "restores everything when a create fails",
    "puts the old profile back when half a swap is refused",
    "reports that its profile has another path",
}


@dataclass
class Predictions:
    """What was planned for events, compared with what happened."""

    confirmed: int = 0
    failed: bool = False
    """The last event has failed: the next one rolls it back."""
    mistakes: list[str] = field(default_factory=list)

    def check(self, resource: Resource, event: Mapping[str, Any], found: Preview, result: Result) -> None:
        """Compare the preview of an event with its end."""
        refused = bool(found.problems or found.plan.problems)
        if refused and result.ok:
            self.mistakes.append(f"{event['RequestType']} went well in spite of {found.problems, found.plan.problems}")
        if refused or not result.ok:
            return
        for step in found.plan.steps:
            fleet = resource.world.fleet
            if step.instance_id not in fleet.instances or step.action is Action.FORGET:
                continue
            row = fleet.active(step.instance_id)
            carries = row.arn if row else None
            planned = step.after if step.action in CHANGES or step.action is Action.WAIT else step.before
            if carries != planned:
                self.mistakes.append(f"{step.instance_id} carries {carries}, and {step.action} was to give {planned}")
            self.confirmed += 1


def predicted(resource: Resource, event: Mapping[str, Any]) -> Preview:
    """The preview of every instance, as the command line requests it."""
    world, request = resource.world, Request.from_event(event)
    services, now = world.services, world.clock()
    records = world.ledger.records(request.association)
    observer = Observer(services.ec2, services.iam, RateLimiter(clock=world.clock, sleep=world.clock.sleep))
    if request.desired is None:
        return preview_of_delete(records, observer, now=now)
    return preview(request.desired, records, observer, OperationContext(request.known_ids), now=now, started_at=now)


@pytest.fixture
def predictions(monkeypatch: pytest.MonkeyPatch) -> Predictions:
    """Every event without faults is planned before it is delivered."""
    kept, deliver = Predictions(), Resource.deliver

    def planned_and_delivered(resource: Resource, event: Mapping[str, Any]) -> Result:
        # The outcome of faults can't be predicted, and CloudFormation's own rollbacks are not planned.
        if resource.world.traffic.faults or kept.failed or resource.world.stack_status == Status.ROLLING_BACK:
            kept.failed = False
            return deliver(resource, event)
        found = predicted(resource, event)
        result = deliver(resource, event)
        kept.failed = not result.ok
        kept.check(resource, event, found, result)
        return result

    monkeypatch.setattr(Resource, "deliver", planned_and_delivered)
    return kept


@pytest.mark.parametrize(("setting", "name"), EVERY_STORY, ids=[f"{setting}: {name}" for setting, name in EVERY_STORY])
def test_what_is_planned_is_what_happens(predictions: Predictions, setting: Setting, name: str) -> None:
    stories_of(setting)[name](World())

    assert not predictions.mistakes
    assert predictions.confirmed or name in WITHOUT_PREDICTIONS
