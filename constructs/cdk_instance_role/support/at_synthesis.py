"""What is only known once every Aspect has run: names, paths and other properties that an Aspect may have set.

The CDK runs all Aspects of a stage, then turns the dependencies between constructs into `DependsOn`, then writes the
templates. It begins with the dependencies of the stage itself and asks each what it stands for
(`constructs.Dependable`). A dependency of the stage that stands for nothing is therefore called after the last Aspect
and before anything is read for a template. An Aspect with a late priority is not enough: the CDK visits construct by
construct, so Aspects of others still run on later constructs.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import ISynthesisSession, Stack, StackSynthesizer, Stage, cx_api
from constructs import Dependable, DependencyGroup, IConstruct

from .locations import stack_of

Action = Callable[[], None]
Resources = Mapping[str, Mapping[str, Any]]


def at_synthesis(scope: IConstruct, action: Action, *, first: bool = False) -> None:
    """Run an action after the Aspects of the scope's stage, and before its templates are written.

    It may still change and add constructs. Actions run in the order in which they were added, and again in another
    synthesis of the same app, so each has to give the same result when it runs twice.

    Args:
        scope: any construct of the stage.
        action: what to run.
        first: run it before all that are not first, because these need its result. Default: no.
    """
    actions = _actions_of(stage_of(scope))  # type: ignore[arg-type]  # jsii's protocols have no hash
    (actions.first if first else actions.others).append(action)


def resources_of(stack: Stack) -> Resources:
    """The resources of a stack by logical id, as its template would have them now.

    Property overrides are part of it, which no construct lets one read. It takes some milliseconds, so all actions of
    one synthesis share the answer until one of them calls `forget`.
    """
    if stack not in _SEEN:
        _SEEN[stack] = _look_at(stack)
    return _SEEN[stack]


def resource_of(element: Any) -> Mapping[str, Any]:
    """The resource that an element of a template is, as `resources_of` has it; empty if it is none."""
    stack = stack_of(element)
    return resources_of(stack).get(stack.resolve(element.logical_id), {})


def resolved(stack: Stack, value: Any) -> Any:
    """A value as the template of a stack has it. All actions of one synthesis share the answer, which Node.js gives."""
    key = stack, repr(value)
    if key not in _RESOLVED:
        _RESOLVED[key] = stack.resolve(value)
    return _RESOLVED[key]


def forget(stack: Stack) -> None:
    """Have the resources of a stack looked at again, because an action has changed what other actions look at. The
    values of all stacks are resolved again: they may refer to these resources."""
    _SEEN.pop(stack, None)
    _RESOLVED.clear()


_SEEN: dict[Stack, Resources] = {}
"""What the actions of the synthesis that is running have looked at."""
_RESOLVED: dict[tuple[Stack, str], Any] = {}
"""And what values have turned out to be."""


def _forget_all() -> None:
    _SEEN.clear()
    _RESOLVED.clear()


def _look_at(stack: Stack) -> Resources:
    with tempfile.TemporaryDirectory(prefix="synthesis.") as folder:
        _Preview(stack).write(folder)
        template: dict[str, Any] = json.loads((Path(folder) / stack.template_file).read_text())
    resources: Resources = template.get("Resources", {})
    return resources


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def stage_of(scope: Any) -> Stage:
    """The stage of a construct: the innermost one, or the app."""
    stage = Stage.of(scope)
    assert stage, "every construct is in an app"
    return stage


@cache  # as above
def _actions_of(stage: Stage) -> "_Actions":
    actions = _Actions()
    dependency = DependencyGroup()
    Dependable.implement(dependency, _Nothing(actions))
    stage.node.add_dependency(dependency)
    return actions


@dataclass(frozen=True)
class _Actions:
    first: list[Action] = field(default_factory=list)
    others: list[Action] = field(default_factory=list)

    def run(self) -> None:
        for action in (_forget_all, *self.first, *self.others, _forget_all):
            action()


class _Nothing(Dependable):
    """Stands for no construct, and runs the actions when it is asked what it stands for."""

    def __init__(self, actions: _Actions) -> None:
        super().__init__()
        self._actions = actions

    @property
    def dependency_roots(self) -> list[IConstruct]:
        self._actions.run()
        return []


class _Preview(StackSynthesizer):
    """Writes the template of a stack beside the assembly, which only a synthesizer may do."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.bind(stack)

    def write(self, folder: str) -> None:
        self._synthesize_template(_Session(folder))

    def add_docker_image_asset(self, **asset: Any) -> Any:
        raise NotImplementedError

    def add_file_asset(self, **asset: Any) -> Any:
        raise NotImplementedError

    def synthesize(self, session: ISynthesisSession) -> None:
        raise NotImplementedError


@jsii.implements(ISynthesisSession)
class _Session:
    """Where the template is written to."""

    def __init__(self, folder: str) -> None:
        self._folder, self._assembly = folder, cx_api.CloudAssemblyBuilder(folder)

    @property
    def outdir(self) -> str:
        return self._folder

    @outdir.setter
    def outdir(self, folder: str) -> None:
        self._folder = folder

    @property
    def assembly(self) -> cx_api.CloudAssemblyBuilder:
        return self._assembly

    @assembly.setter
    def assembly(self, assembly: cx_api.CloudAssemblyBuilder) -> None:
        self._assembly = assembly

    @property
    def validate_on_synth(self) -> bool | None:
        return False

    @validate_on_synth.setter
    def validate_on_synth(self, validate: bool | None) -> None:
        pass
