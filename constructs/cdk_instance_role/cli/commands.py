"""What the commands do, without the command line around them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from .aws.accounts import Accounts
from .enforcement.enforced import Enforced, enforced, why_none
from .enforcement.history import History
from .enforcement.reconcile import reconcile_all
from .environments import account_results
from .environments.account_regions import AccountRegion, OfAnAssembly, Source
from .environments.account_results import AccountResult
from .environments.discovery import ALL, OfDeployedStacks
from .environments.opening import DEFAULT_APP, has_assembly, opened
from .environments.progress_display import progress_display
from .environments.stack_patterns import unmatched
from .environments.stack_selection import chosen, is_named
from .live.environment import Environment
from .model import AssociationPlan, CliError, PlanReport, unique
from .planning.association_plan import plan_stack
from .planning.association_status import status_of_stack
from .planning.stack_status import unseen_associations
from .status_model import AssociationStatus, StatusReport
from .template.assembly import StackArtifact
from .text import one_line

T = TypeVar("T")
_INCLUDED = "planned, too, because `cdk deploy` deploys what the named stacks need first, unless it gets --exclusively"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command is about."""

    stacks: Sequence[str] = ()
    """Names of stacks. None: all."""
    app: str | None = None
    """Folder of an assembly, or the command of an app. None: what `cdk synth` has written."""
    context: Sequence[str] = ()
    region: str | None = None
    role_name: str | None = None
    """Name of the role to assume in accounts other than that of the credentials."""

    @property
    def folder(self) -> str:
        """Folder of the assembly, or the command of the app."""
        return DEFAULT_APP if self.app is None else self.app


def plan(subject: Subject) -> PlanReport:
    """What a deployment would do."""
    found = _results(subject, Accounts(subject.region, subject.role_name), _plan_of_stack, with_needed=True)
    plans = tuple(plan for one in found for plan in one.found)
    return PlanReport(plans, account_results.unseen(found), tuple(one.view for one in found))


def _results(
    subject: Subject, accounts: Accounts, job: account_results.Job[T], *, with_needed: bool = False
) -> list[AccountResult[T]]:
    """Look at the stacks of an assembly, those included that they need if that is asked for, and say what is to be said
    of that."""
    with opened(subject.folder, subject.context) as artifacts:
        source = OfAnAssembly(accounts, chosen(artifacts, subject.stacks), artifacts, with_needed=with_needed)
        with progress_display("Looking at the instances") as screen:
            found = account_results.collect(source, job, screen)
    if with_needed and source.needed:
        _say(f"{_INCLUDED}: {', '.join(one.name for one in source.needed)}")
    _say_warnings(found)
    return found


def _plan_of_stack(
    stack: StackArtifact, environment: Environment, result: AccountResult[AssociationPlan]
) -> Sequence[AssociationPlan]:
    plans = plan_stack(stack, environment, time.time())
    _add_unseen(stack, environment, result)
    result.unseen += unseen_associations(environment.stacks, stack, planned=True)
    result.warnings += (
        f"{stack.name}: {path} is not shown: its template is not in the assembly" for path in stack.left_out
    )
    return plans


def status(
    subject: Subject, *, who: bool, account_ids: Sequence[str] = (), regions: Sequence[str] = ()
) -> StatusReport:
    """How the associations of deployed stacks are.

    Args:
        subject: the stacks.
        who: ask who has changed instances last.
        account_ids: accounts in which deployed associations are looked for. Default: that of the credentials.
        regions: Regions in which they are looked for, or ``all``. Default: that of the environment.
    """
    accounts = Accounts(subject.region, subject.role_name)
    searches = bool(account_ids or regions)
    if searches and subject.context:
        raise CliError("-c has no effect without the command of an app: leave it out, or --accounts and --regions")
    if searches and subject.app is not None:
        raise CliError("--app names the accounts and Regions already: leave out --accounts and --regions, or --app")
    if searches or (subject.app is None and not subject.context and not has_assembly()):
        return _status_of_deployed(subject, accounts, account_ids, regions, who=who)
    return _status_report(_results(subject, accounts, _status_job(who=who)))


def _status_of_deployed(
    subject: Subject, accounts: Accounts, account_ids: Sequence[str], regions: Sequence[str], *, who: bool
) -> StatusReport:
    with progress_display("Looking for deployed associations") as screen:
        source: Source = OfDeployedStacks(accounts, account_ids, regions, subject.stacks)
        found = account_results.collect(source, _status_job(who=who), screen)
    _say_warnings(found)
    # Nobody has asked for a Region by name that is only one of all.
    shown_ = [one for one in found if ALL not in regions or one.found or one.unseen]
    report = replace(_status_report(shown_), unseen=account_results.unseen(found))
    names = {one.stack for one in report.associations}
    if unknown := unmatched(subject.stacks, names):
        raise CliError("; ".join((f"no deployed association of stack {', '.join(unknown)} was found", *report.unseen)))
    if not report.associations:
        _say("no deployed associations were found; stacks of an older release are found with --app only")
    return report


def _status_report(found: Sequence[AccountResult[AssociationStatus]]) -> StatusReport:
    statuses = tuple(status for one in found for status in one.found)
    return StatusReport(statuses, account_results.unseen(found), tuple(one.view for one in found))


def _status_job(*, who: bool) -> account_results.Job[AssociationStatus]:
    histories: dict[AccountRegion, History] = {}

    def job(
        stack: StackArtifact, environment: Environment, result: AccountResult[AssociationStatus]
    ) -> Iterable[AssociationStatus]:
        if who and result.account_region not in histories:
            histories[result.account_region] = History(environment.aws.cloudtrail, environment.reader, time.sleep)
        found = status_of_stack(stack, environment, time.time(), histories.get(result.account_region))
        _add_unseen(stack, environment, result)
        result.unseen += unseen_associations(environment.stacks, stack, planned=False)
        if not environment.stacks.deployed(stack.address) and not environment.stacks.read_problems(stack.address):
            result.warnings.append(f"stack {stack.name} is not deployed in {environment.aws.region}")
        return found

    return job


def reconcile(subject: Subject, confirm: Callable[[], None], *, resume: bool) -> StatusReport:
    """Start sweeps and wait for them, and say how the associations are afterwards.

    Args:
        subject: the stacks.
        confirm: asks whether to go on, and raises an error if not.
        resume: whether changes go on that are paused.
    """
    accounts = Accounts(subject.region, subject.role_name, by_lookup_roles=False)  # those may only read
    with opened(subject.folder, subject.context) as artifacts:
        stacks = chosen(artifacts, subject.stacks)
        source = OfAnAssembly(accounts, stacks, artifacts)
        with progress_display("Looking at the associations") as screen:
            found = account_results.collect(source, _enforced_job(subject.stacks), screen)
        problems = reconcile_all(
            [one for result in found for one in result.found],
            account_results.unseen(found),
            _say,
            confirm,
            resumes=resume,
            clock=time.time,
            sleep=time.sleep,
        )
        source = OfAnAssembly(accounts, stacks, artifacts)  # stacks can have been deployed during the wait
        with progress_display("Looking at the instances") as screen:
            seen = account_results.collect(source, _status_job(who=False), screen)
    unseen = unique([*account_results.unseen(found), *problems.values(), *account_results.unseen(seen)])
    for before, after in zip(found, seen, strict=True):
        after.unseen += [*before.unseen, *(problems[one.name] for one in before.found if one.name in problems)]
    return replace(_status_report(seen), unseen=unseen)


def _enforced_job(names: Sequence[str]) -> account_results.Job[Enforced]:
    def job(stack: StackArtifact, environment: Environment, result: AccountResult[Enforced]) -> Sequence[Enforced]:
        found, unseen = enforced(stack, environment)
        is_left_out = not found and not unseen and is_named(stack, names)
        result.unseen += [why_none(stack, environment)] if is_left_out else unseen
        return found

    return job


def _add_unseen(stack: StackArtifact, environment: Environment, result: AccountResult[Any]) -> None:
    """Add what can't be seen of stacks without associations in the assembly: associations may be deployed in them. That
    the credentials may not look for a stack is no reason to fail."""
    family, why = [*environment.stacks.family(stack)], environment.stacks.read_problems
    said = {unseen for one in family if one.associations for unseen in why(one.address)}
    unseen = [unseen for one in family for unseen in why(one.address) if unseen not in said]
    counted = (unseen for one in family for unseen in why(one.address, of_existence=stack.is_discovered))
    unread = [unseen for unseen in counted if unseen not in said]
    result.warnings += unique([one for one in unseen if one not in unread])
    result.unseen += unread


def _say_warnings(found: Sequence[AccountResult[Any]]) -> None:
    for text in account_results.warnings(found):
        _say(f"warning: {text}")


def _say(text: str) -> None:
    click.echo(one_line(text), err=True)
