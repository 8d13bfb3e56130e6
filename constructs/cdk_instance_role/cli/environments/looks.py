"""A look at many accounts and Regions at once. What goes wrong in one hides no other."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError

from ..aws.partial_reader import guarded, sentence, unexpected
from ..live.environment import Environment
from ..model import CliError, EnvironmentView, counted, unique
from ..template.assembly import StackArtifact
from .account_regions import AccountRegion, Source
from .progress_display import Shown
from .threads import in_threads

T = TypeVar("T")


@dataclass
class Look(Generic[T]):
    """What was found in one account and Region."""

    account_region: AccountRegion
    found: list[T] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """What could not be looked at there besides, in sentences."""
    warnings: list[str] = field(default_factory=list)
    """What is no reason to fail, in sentences."""

    @property
    def view(self) -> EnvironmentView:
        return EnvironmentView(self.account_region.account, self.account_region.region, unique(self.unseen))


Job = Callable[[StackArtifact, Environment, Look[T]], Iterable[T]]
"""Looks at one stack. It adds to what could not be looked at, and to the warnings."""


def look(source: Source, job: Job[T], shown: Shown) -> list[Look[T]]:
    """Look at every account and Region.

    Args:
        source: the accounts and Regions.
        job: looks at one of their stacks.
        shown: shows that it takes its time.

    Raises:
        CliError: there is only one account and Region, and it can't be looked at.
    """
    if len(source.account_regions) < 2:
        return [_look(source, account_region, job, shown) for account_region in source.account_regions]

    try:
        return in_threads(lambda account_region: _guarded(source, account_region, job, shown), source.account_regions)
    except BaseException:
        shown.stop()
        raise


def unseen(looks: Sequence[Look[T]]) -> tuple[str, ...]:
    """What could not be looked at anywhere, with the account and Region if there are several."""
    return _with_account_regions(looks, lambda one: one.unseen)


def warnings(looks: Sequence[Look[T]]) -> tuple[str, ...]:
    """All warnings, with the account and Region if there are several."""
    return _with_account_regions(looks, lambda one: one.warnings)


def _with_account_regions(looks: Sequence[Look[T]], said: Callable[[Look[T]], Iterable[str]]) -> tuple[str, ...]:
    several = len(looks) > 1
    return unique([f"{one.account_region}: {text}" if several else text for one in looks for text in said(one)])


def _guarded(source: Source, account_region: AccountRegion, job: Job[T], shown: Shown) -> Look[T]:
    """A look of which a line is shown. That it fails is a part of what was found."""
    begun, found = time.monotonic(), Look[T](account_region)
    try:
        _fill(found, source, job, shown)
    except CliError as error:
        found.unseen.append(str(error))
    except Exception as error:  # whatever it is, the other accounts are shown
        found.unseen.append(unexpected(error))
    shown.say("; ".join(_line(found, time.monotonic() - begun)))
    return found


def _line(found: Look[T], seconds: float) -> Iterator[str]:
    yield f"{found.account_region}: {counted(len(found.found), 'association')}, {seconds:.1f} s"
    yield from found.unseen


def _look(source: Source, account_region: AccountRegion, job: Job[T], shown: Shown) -> Look[T]:
    found = Look[T](account_region)
    _fill(found, source, job, shown)
    return found


def _fill(found: Look[T], source: Source, job: Job[T], shown: Shown) -> None:
    """Look at the stacks of an account and Region, one after the other.

    Raises:
        CliError: that can't go on. What was found until then stays.
    """
    try:
        opened = source.open(found.account_region, shown.rate_limiter())
        found.unseen += opened.unseen
        try:
            for stack in opened.stacks:
                shown.check()
                found.found += _of_stack(stack, opened.environment, found, job)
        finally:
            opened.environment.aws.close()
    except BotoCoreError as error:
        raise CliError(sentence(error)) from None


def _of_stack(stack: StackArtifact, environment: Environment, found: Look[T], job: Job[T]) -> list[T]:
    """What the job finds in a stack. An error that no one has provided for hides no other stack."""

    def record(why: str) -> list[T]:
        found.unseen.append(f"stack {stack.name}: {why}")
        return []

    return guarded(lambda: [*job(stack, environment, found)], record)
