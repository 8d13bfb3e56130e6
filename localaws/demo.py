"""Shows the main job on a local AWS: attach, review, replace, conflict, undo, enforce. Run it with ``make demo``."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .cdk import Cdk, Result
from .enforced import STACK, Enforced
from .fleet import Fleet
from .ministack import LocalAws
from .show import Screen
from .story import Chapter, InstanceViews, Step, Story
from .validation import ValidatedOnce

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PROGRESS = {
    "deploy": "Synthesizing and deploying",
    "diff": "Synthesizing and comparing with the deployed template",
    "destroy": "Deleting the stack",
}


class InterruptedByUserError(BaseException):
    """The user has stopped the demo."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class DemoError(Exception):
    """A step had another outcome than expected."""

    def __init__(self, problems: Sequence[str], output: str = "") -> None:
        super().__init__("; ".join(problems))
        self.output = output


def main() -> int:
    """Run the demo. Returns the exit status."""
    screen = Screen()
    return ending_cleanly(screen, lambda folder: run(screen, folder))


def ending_cleanly(screen: Screen, work: Callable[[Path], None]) -> int:
    """Do work in an empty folder, and say in a sentence what has ended it early. Returns the exit status."""
    try:
        with interruptible(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            work(Path(folder))
    except InterruptedByUserError as interruption:
        screen.blank()
        screen.say("Interrupted. The local AWS and everything in it is gone.")
        return interruption.status
    except DemoError as error:
        screen.raw(error.output)
        screen.say(f"FAILED: {error}", style="bold red")
        return 1
    except (OSError, RuntimeError) as error:
        screen.say(f"FAILED: {error}", style="bold red")
        return 1
    return 0


def run(screen: Screen, folder: Path) -> None:
    """Play the whole story.

    Args:
        screen: where to show it.
        folder: an empty folder.

    Raises:
        DemoError: a step had another outcome than expected.
    """
    began = time.monotonic()
    aws = LocalAws(folder)
    screen.heading("cdk-instance-role: IAM roles for EC2 instances that already run")
    screen.say(
        f"All of this happens on a local AWS, MiniStack at {aws.endpoint}, with the made-up account {aws.account}. "
        "No AWS account is touched, whatever credentials your environment holds."
    )
    screen.blank()
    with started(screen, aws):
        at_first = _play_story(screen, aws)
        _play_enforcement(screen, aws)
    screen.say(f"{len(at_first)} instances, {time.monotonic() - began:.0f} s. The local AWS is stopped.", style="dim")


@contextmanager
def started(screen: Screen, aws: LocalAws) -> Iterator[None]:
    """The local AWS runs for as long as the block lasts. Its start takes some seconds, which the screen shows."""
    with screen.working("Starting the local AWS"):
        aws.__enter__()
    try:
        yield
    finally:
        aws.stop()


def _play_story(screen: Screen, aws: LocalAws) -> InstanceViews:
    story = Story(Fleet(aws), ValidatedOnce(aws))
    with screen.working("Preparing the account (cdk bootstrap)"):
        require(Cdk(aws).bootstrap())
    at_first = now = story.launch()
    screen.heading("These instances run already, and belong to no stack")
    screen.fleet(at_first)
    for number, step in enumerate(story.steps(), start=1):
        _announce(screen, number, step, now)
        with screen.working(_PROGRESS[step.command]):
            chapter = story.take(step)
        _report(screen, chapter)
        now = chapter.after
    if now != at_first:
        raise DemoError(["not every instance carries what it carried before"])
    screen.blank()
    screen.say("Every instance carries exactly what it carried before.", style="bold green")
    return at_first


def _play_enforcement(screen: Screen, aws: LocalAws) -> None:
    """The chapter about what happens between two deployments.

    Raises:
        DemoError: a step had another outcome than expected.
    """
    fleet = Fleet(aws)
    enforced = Enforced(fleet, ValidatedOnce(aws))
    screen.heading("6. Keep it so: enforcement between two deployments")
    screen.say(
        'The next stack selects instances by the tag app=fleet, with `"enforcement": "repair"`. It has a rule for '
        "EC2's events and a schedule for sweeps."
    )
    with screen.working(_PROGRESS["deploy"]):
        require(enforced.deploy())
    with screen.working("Launching another instance with the tag"):
        arrival = enforced.launch()
    screen.say(f"fleet-2 was launched after the deployment. It carried the profile {arrival.seconds:.1f} s later.")
    enforced.remove_profile(arrival.id)
    screen.say("Now somebody has removed its profile. The next sweep would see it; `reconcile` starts one at once:")
    removed = _of_fleet(fleet)
    screen.fleet(removed, title="Before")
    screen.shell(f"instance-role reconcile {STACK} --yes")
    with screen.working("Waiting for the result"):
        require(enforced.reconcile())
    if not enforced.carries_ours(arrival.id):
        raise DemoError(["the profile of fleet-2 did not return"])
    screen.fleet(_of_fleet(fleet), title="After", before=removed)
    screen.blank()
    with screen.working(_PROGRESS["destroy"]):
        require(enforced.destroy())
    if any(view.profile_arn for view in _of_fleet(fleet).values()):
        raise DemoError(["an instance still carries the profile of the deleted stack"])
    screen.say("The stack is deleted, and the late arrival carries no profile again.", style="bold green")


def _of_fleet(fleet: Fleet) -> InstanceViews:
    return {id_: view for id_, view in fleet.look(settled=True).items() if view.name.startswith("fleet-")}


def _announce(screen: Screen, number: int, step: Step, now: InstanceViews) -> None:
    screen.heading(f"{number}. {step.title}")
    screen.say(step.why)
    screen.fleet(now, title="Before")
    screen.command(step.command, step.context)


def _report(screen: Screen, chapter: Chapter) -> None:
    """Show the outcome of a step.

    Raises:
        DemoError: not what has to.
    """
    mistakes = chapter.mistakes()
    if mistakes:
        raise DemoError(mistakes, chapter.result.output)
    if chapter.step.fails:
        screen.blank()
        screen.say(f"The deployment failed, exit status {chapter.result.status}:")
        screen.say(chapter.result.reason, style="red")
    elif chapter.step.command == "diff":
        screen.template_changes(chapter.result.output)
    elif chapter.step.command == "deploy":
        screen.outputs(chapter.result.output)
    screen.fleet(chapter.after, title="After", before=chapter.before)


def require(result: Result, status: int = 0) -> Result:
    """The result, if it is what it has to be.

    Raises:
        DemoError: it is not.
    """
    if result.status != status:
        raise DemoError([f"exit status {result.status}"], result.output)
    return result


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first signal into an exception, so that everything gets stopped, and ignore further ones."""

    def interrupt(number: int, _: Any) -> None:
        for other in _SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise InterruptedByUserError(number)

    former = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
