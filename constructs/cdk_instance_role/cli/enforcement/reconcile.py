"""Sweeps that are started by hand: what may change is said first, then they are started and waited for.

This is the only part of the command line that changes anything: it sends messages to the queues of providers.
"""

from collections.abc import Callable, Sequence

from ..model import CliError
from .enforced import Enforced
from .sweep import Sweep, start, wait

NO_ENFORCEMENT = (
    "no deployed association has enforcement: give one `enforcement=Enforcement.repair()` or "
    "`Enforcement.report()`, and deploy"
)
NOT_PAUSED = "Nothing is paused, so --resume makes no difference."


def reconcile_all(
    found: Sequence[Enforced],
    unseen: Sequence[str],
    say: Callable[[str], None],
    confirm: Callable[[], None],
    *,
    resumes: bool,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> dict[str, str]:
    """Start a sweep of each association, once that is confirmed, and wait until they are over.

    Args:
        found: the associations with enforcement.
        unseen: why others can't be seen, in sentences.
        say: shows a line: first what may change, then what happens.
        confirm: asks whether to go on, and raises an error if not.
        resumes: whether changes go on that are paused.
        clock: seconds since the epoch.
        sleep: waits for so many seconds.

    Returns:
        What did not succeed: a sentence for each association, by its name.

    Raises:
        CliError: no sweep could be started.
    """
    able = [one for one in found if not one.problem]
    problems = {one.name: one.said for one in found if one.problem}
    if not able:
        raise CliError("; ".join([*unseen, *problems.values()]) or NO_ENFORCEMENT)
    _state(able, say, resumes=resumes)
    for problem in [*unseen, *problems.values()]:
        say(f"- {problem}")
    if any(one.repairs for one in able):  # a report changes nothing that could be confirmed
        confirm()
    sweeps: list[Sweep] = []
    for one in able:
        try:
            sweeps.append(start(one, resumes=resumes and bool(one.enforcement_state.pauses), clock=clock))
            say(f"{one.name}: sweep requested")
        except CliError as error:
            problems[one.name] = str(error)
    if not sweeps:
        raise CliError("; ".join([*unseen, *problems.values()]))
    wait(sweeps, say, clock=clock, sleep=sleep)
    late = {one.association.name: one.problem for one in sweeps if one.problem}
    return problems | {name: f"{name}: {problem}" for name, problem in late.items()}


def _state(able: Sequence[Enforced], say: Callable[[str], None], *, resumes: bool) -> None:
    """Say what may change."""
    if any(one.repairs for one in able):
        say("`reconcile` is the only command that changes anything. The sweep may change instances of:")
    else:
        say("`reconcile` is the only command that can change anything. This sweep changes no instance of:")
    for one in able:
        say(f"- {one.statement(resumes=resumes)}")
    if any(one.repairs for one in able):
        say("Instances that were first launched less than an hour ago get the profile without a limit.")
    if resumes and not any(one.enforcement_state.pauses for one in able):
        say(NOT_PAUSED)
