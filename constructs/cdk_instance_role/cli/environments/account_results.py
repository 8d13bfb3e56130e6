"""What a job finds in many accounts and Regions at once. What goes wrong in one hides no other."""

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
from .progress_display import ProgressDisplay
from .threads import in_threads

T = TypeVar("T")


@dataclass
class AccountResult(Generic[T]):
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


Job = Callable[[StackArtifact, Environment, AccountResult[T]], Iterable[T]]
"""Looks at one stack. It adds to what could not be looked at, and to the warnings."""


def collect(source: Source, job: Job[T], display: ProgressDisplay) -> list[AccountResult[T]]:
    """AccountResult at every account and Region.

    Args:
        source: the accounts and Regions.
        job: looks at one of their stacks.
        display: shows that it takes its time.

    Raises:
        CliError: there is only one account and Region, and it can't be looked at.
    """
    if len(source.account_regions) < 2:
        return [_result(source, account_region, job, display) for account_region in source.account_regions]

    try:
        return in_threads(lambda account_region: _guarded(source, account_region, job, display), source.account_regions)
    except BaseException:
        display.stop()
        raise


def unseen(results: Sequence[AccountResult[T]]) -> tuple[str, ...]:
    """What could not be looked at anywhere, with the account and Region if there are several."""
    return _with_account_regions(results, lambda one: one.unseen)


def warnings(results: Sequence[AccountResult[T]]) -> tuple[str, ...]:
    """All warnings, with the account and Region if there are several."""
    return _with_account_regions(results, lambda one: one.warnings)


def _with_account_regions(
    results: Sequence[AccountResult[T]], said: Callable[[AccountResult[T]], Iterable[str]]
) -> tuple[str, ...]:
    several = len(results) > 1
    return unique([f"{one.account_region}: {text}" if several else text for one in results for text in said(one)])


def _guarded(source: Source, account_region: AccountRegion, job: Job[T], display: ProgressDisplay) -> AccountResult[T]:
    """The result for one of them, of which a line is shown. That it fails is a part of what was found."""
    begun, found = time.monotonic(), AccountResult[T](account_region)
    try:
        _fill(found, source, job, display)
    except CliError as error:
        found.unseen.append(str(error))
    except Exception as error:  # whatever it is, the other accounts are shown
        found.unseen.append(unexpected(error))
    display.say("; ".join(_line(found, time.monotonic() - begun)))
    return found


def _line(found: AccountResult[T], seconds: float) -> Iterator[str]:
    yield f"{found.account_region}: {counted(len(found.found), 'association')}, {seconds:.1f} s"
    yield from found.unseen


def _result(source: Source, account_region: AccountRegion, job: Job[T], display: ProgressDisplay) -> AccountResult[T]:
    found = AccountResult[T](account_region)
    _fill(found, source, job, display)
    return found


def _fill(found: AccountResult[T], source: Source, job: Job[T], display: ProgressDisplay) -> None:
    """AccountResult at the stacks of an account and Region, one after the other.

    Raises:
        CliError: that can't go on. What was found until then stays.
    """
    try:
        opened = source.open(found.account_region, display.rate_limiter())
        found.unseen += opened.unseen
        try:
            for stack in opened.stacks:
                display.check()
                found.found += _of_stack(stack, opened.environment, found, job)
        finally:
            opened.environment.aws.close()
    except BotoCoreError as error:
        raise CliError(sentence(error)) from None


def _of_stack(stack: StackArtifact, environment: Environment, found: AccountResult[T], job: Job[T]) -> list[T]:
    """What the job finds in a stack. An error that no one has provided for hides no other stack."""

    def record(why: str) -> list[T]:
        found.unseen.append(f"stack {stack.name}: {why}")
        return []

    return guarded(lambda: [*job(stack, environment, found)], record)
