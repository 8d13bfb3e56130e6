"""The main job as a story in steps: the demo shows it, the end-to-end tests assert it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .cdk import Cdk, Result
from .fleet import Fleet, InstanceView

STACK = "InstanceRole-default"
OURS = "the profile of the stack"
"""Stands for the profile that the stack makes; CloudFormation invents its name."""
OLD, FOREIGN = "OldProfile", "DatabaseProfile"

InstanceViews = Mapping[str, InstanceView]


@dataclass(frozen=True)
class Step:
    """One command, and its expected outcome."""

    key: str
    title: str
    why: str
    """An explanation for the reader."""
    command: str
    """Subcommand of the CDK CLI."""
    context: Mapping[str, str]
    carries: Mapping[str, str | None]
    """What every instance has to carry afterwards, by the instance's name."""
    fails: bool = False
    """It is meant to fail."""


@dataclass(frozen=True)
class Chapter:
    """A step that was done."""

    step: Step
    result: Result
    before: InstanceViews
    after: InstanceViews

    def mistakes(self) -> list[str]:
        """Deviations from the expected outcome."""
        wrong = []
        if self.result.ok is self.step.fails:
            meant = "failed" if self.step.fails else "succeeded"
            wrong.append(f"cdk {self.step.command} should have {meant}, its exit status is {self.result.status}")
        for view in self.after.values():
            expected = self.step.carries[view.name]
            if carried(view) != expected:
                wrong.append(f"{view.name} carries {carried(view)}, not {expected}")
            elif expected and view.association != "associated":
                wrong.append(f"the association of {view.name} is {view.association}")
        return wrong


class Story:
    """Four instances, and what happens to them."""

    def __init__(self, fleet: Fleet, cdk: Cdk) -> None:
        """
        Args:
            fleet: where to launch the instances; nothing else may run there.
            cdk: the CLI with the app of this repository, on a bootstrapped account.
        """
        self._fleet, self._cdk = fleet, cdk
        self._ids: dict[str, str] = {}

    def launch(self) -> InstanceViews:
        """Launch the instances that exist already when the story begins."""
        self._fleet.add_profile(OLD)
        self._fleet.add_profile(FOREIGN)
        self._ids = {
            "web-1": self._fleet.launch(name="web-1"),
            "web-2": self._fleet.launch(OLD, name="web-2"),
            "web-3": self._fleet.launch(OLD, name="web-3", stopped=True),
            "db-1": self._fleet.launch(FOREIGN, name="db-1"),
        }
        return self._fleet.look()

    def steps(self) -> Iterator[Step]:
        """The steps, in their order."""
        at_first = {"web-1": None, "web-2": OLD, "web-3": OLD, "db-1": FOREIGN}
        one_attached = {**at_first, "web-1": OURS}
        all_replaced = {**one_attached, "web-2": OURS, "web-3": OURS}
        web = self._context("web-1", "web-2", "web-3", replaces=OLD)
        yield Step(
            "attach",
            "Attach a role to an instance that has none",
            "The stack makes a role with the policy and an instance profile, and associates it with web-1.",
            "deploy",
            self._context("web-1"),
            one_attached,
        )
        yield Step(
            "diff",
            "Review a change before it is made, as in a pull request",
            f"web-2 and web-3 shall have the role too, in place of {OLD}. `cdk diff` changes nothing.",
            "diff",
            web,
            one_attached,
        )
        yield Step(
            "replace",
            "Replace the profile of a running and of a stopped instance",
            f"`replaces` says which profile may be displaced. What web-2 and web-3 carry now, {OLD}, is written down"
            " first.",
            "deploy",
            web,
            all_replaced,
        )
        yield Step(
            "conflict",
            "Ask for too much: a conflict",
            f"db-1 carries {FOREIGN}, which `replaces` does not list. The deployment has to fail, and leave everything"
            " as it is.",
            "deploy",
            self._context("web-1", "web-2", "web-3", "db-1", replaces=OLD),
            all_replaced,
            fails=True,
        )
        yield Step(
            "destroy",
            "Undo: delete the stack",
            f"Every instance gets back what it carried before the stack came: web-1 nothing, web-2 and web-3 {OLD}.",
            "destroy",
            web,
            at_first,
        )

    def take(self, step: Step) -> Chapter:
        """Do a step."""
        before = self._fleet.look()
        result = getattr(self._cdk, step.command)(context=step.context)
        # A restore ends when EC2 has accepted it; a deployed association has to be confirmed.
        return Chapter(step, result, before, self._fleet.look(settled=step.command == "destroy"))

    def _context(self, *names: str, replaces: str = "") -> dict[str, str]:
        context = {
            "managed_policies": "AmazonS3ReadOnlyAccess",
            "instance_ids": ",".join(self._ids[name] for name in names),
        }
        return {**context, "replaces": replaces} if replaces else context


def carried(view: InstanceView) -> str | None:
    """Name of the profile that an instance carries, or `OURS`."""
    return OURS if view.profile_arn and f"/{STACK}/" in view.profile_arn else view.profile
