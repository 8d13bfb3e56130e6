"""A rollout in waves: the first target alone, a bake with an alarm, then the others. The alarm causes a rollback."""

import threading
import time
from pathlib import Path

import pytest

from localaws.cdk import Result
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.stack import status

pytestmark = pytest.mark.only_on("simulator")

APP = "tests/e2e/apps/in_waves.py"
PATIENCE_SECONDS = 120.0


def test_an_alarm_in_the_first_wave_rolls_the_update_back_before_the_second_wave(
    aws: LocalAws, commands: Commands, fleet: Fleet, unique: str, tmp_path: Path
) -> None:
    targets = [fleet.launch() for _ in range(3)]
    alarm = f"Errors-{unique}"

    cdk = SynthesizedOnce(commands, tmp_path, APP)

    def deploy(role: str, *, bake: int) -> Result:
        context = {"stack": unique, "instance_ids": ",".join(targets), "alarm": alarm, "bake": str(bake)}
        return cdk.deploy(context={**context, "role": f"{role}-{unique}"})

    created = deploy("One", bake=1)
    assert created.ok, created.output
    former = fleet.carried(*targets)
    assert len(set(former)) == 1
    assert None not in former

    seen: list[int] = []
    watch = threading.Thread(
        target=lambda: seen.append(_set_alarm_once_one_has_changed(aws, fleet, alarm, targets, former))
    )
    watch.start()
    failed = deploy("Two", bake=300)
    watch.join()
    assert not failed.ok, failed.output
    assert f"alarm {alarm} is in ALARM" in failed.reason
    assert seen == [1], "the other targets are in later waves"
    assert status(aws, unique) == "UPDATE_ROLLBACK_COMPLETE"
    assert fleet.carried(*targets) == former


def _set_alarm_once_one_has_changed(
    aws: LocalAws, fleet: Fleet, alarm: str, targets: list[str], former: list[str | None]
) -> int:
    """Set the alarm, and return how many targets had another profile then."""
    until = time.monotonic() + PATIENCE_SECONDS
    while fleet.carried(*targets) == former and time.monotonic() < until:
        time.sleep(0.2)
    moved = sum(one != other for one, other in zip(fleet.carried(*targets), former, strict=True))
    aws.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    return moved
