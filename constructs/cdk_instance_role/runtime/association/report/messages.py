"""Messages for CloudFormation: why an operation was refused or has failed, and the counts of one that succeeded."""

import os
from collections.abc import Sequence

from ..arn import name_of
from ..contract import LOG_GROUP_VARIABLE, Attribute
from ..decide.model import Snapshot
from ..decide.outcome import ErrorKind, Outcome
from ..decide.step import Action, Plan, Step
from ..ledger.shared_budget import Entry
from ..request.desired import Desired
from ..request.event import Request
from ..words import counted

MESSAGE_BYTES = 1500
"""CloudFormation takes 4096 bytes of response; the provider framework adds ids and its own stack to the message."""

RESTORED = "; every instance carries again what it carried before"

DETAIL_BYTES = 400
"""Of one error of AWS."""


def problem(step: Step) -> str:
    """A sentence about a target for which the operation is refused."""
    return f"instance {step.instance_id} {step.reason}: {step.advice}"


def refusal(request: Request, sentences: Sequence[str]) -> str:
    """Why nothing was begun."""
    return _bounded(f"nothing has been changed in {_place(request)}: ", sentences)


def exceeds_shared_budget(seconds: float, others: Sequence[Entry], timeout: float) -> str:
    """Why an operation can't share EC2's limits with those that are open.

    Args:
        seconds: that all of them need together.
        others: the operations that are open.
        timeout: seconds that this one may take.
    """
    names = ", ".join(sorted(entry.association.rpartition("|")[2] for entry in others))
    return (
        f"EC2 needs {seconds:.0f} seconds for the changes of this association together with those of {names}, which "
        f"are under way. The timeout of {timeout:.0f} seconds is shorter: deploy one after the other, or raise the "
        "timeout"
    )


def restore_unfinished(left: int, why: str, first: str, *, retain: bool) -> str:
    """Why a Create failed, whose time was over before its work was undone.

    Args:
        left: instances that are not restored yet.
        why: a sentence about one of them.
        first: why the Create has failed before.
        retain: CloudFormation may send no Delete.
    """
    rest = "the Delete that follows does the rest"
    if retain:
        rest = "see the log. Without a Delete, which RETAIN prevents, deploy again or restore their profiles by hand"
    are = "is" if left == 1 else "are"
    tail = f"; {counted(left, 'instance')} {are} not restored yet ({_cut(why, MESSAGE_BYTES // 2)}), {rest}"
    return _cut(first, MESSAGE_BYTES - len(tail.encode())) + tail


def failure(request: Request, sentences: Sequence[str]) -> str:
    """Why an operation that had begun was given up. There is room left to say what became of it."""
    return _bounded(f"the association failed in {_place(request)}: ", sentences, MESSAGE_BYTES - len(RESTORED))


def failed_unread(reason: str, unreadable: str) -> str:
    """Why an Update failed, of which nobody knows whether it rolls another one back.

    Args:
        reason: why.
        unreadable: what could not be read, and what to do about it.
    """
    tail = f"; {unreadable}"
    return _cut(reason, MESSAGE_BYTES - len(tail.encode())) + tail


def restored(reason: str) -> str:
    """Why a Create failed, after its work was undone."""
    return reason + RESTORED


def restore_failed(request: Request, sentences: Sequence[str], first: str | None) -> str:
    """Why instances could not get their previous profiles back."""
    head = f"{_cut(first, MESSAGE_BYTES // 2)}; and then " if first else ""
    return _bounded(f"{head}not every instance in {_place(request)} could be restored: ", sentences)


def unanswered(request: Request, detail: str, first: str | None = None) -> str:
    """Why the handler could not go on: AWS did not let it look, or did not answer.

    Args:
        request: the event.
        detail: what AWS said.
        first: why the operation has failed before, if it has.
    """
    head = f"{_cut(first, MESSAGE_BYTES // 2)}; and then " if first else ""
    return _bounded(f"{head}the handler can't go on in {_place(request)}: ", [_cut(detail, DETAIL_BYTES)])


def refused(outcome: Outcome) -> str:
    """A sentence about a change that EC2 has refused for good."""
    # EC2 adds a long encoded message that only sts:DecodeAuthorizationMessage can read.
    detail = _detail(outcome.detail)
    sentence = f"instance {outcome.step.instance_id}: to {_refused_call(outcome)} was refused, {detail}"
    if outcome.error_kind is ErrorKind.DENIED and outcome.step.before:
        sentence += f" (if {name_of(outcome.step.before)} is not of this stack, it has to be listed in `replaces`)"
    return sentence


def overdue(step: Step, timeout: float, error: str | None = None) -> str:
    """A sentence about a step that was not done in time, with what AWS had against it at last, if anything."""
    sentence = f"instance {step.instance_id}: {step.reason}, and {timeout:.0f} seconds were not enough for it"
    return f"{sentence} ({_detail(error)})" if error else sentence


def counts(plan: Plan, snapshot: Snapshot, desired: Desired) -> dict[str, str]:
    """Attributes of the resource. They come from the ledger and so say the same after every update."""
    wanted = desired.profile.arn
    carrying = (snapshot.record(step.instance_id) for step in plan.kept if step.after == wanted)
    ours = [record for record in carrying if record.mine and record.previous != wanted]
    associated = sum(record.previous is None for record in ours)
    return {
        Attribute.ASSOCIATED_COUNT: str(associated),
        Attribute.REPLACED_COUNT: str(len(ours) - associated),
        Attribute.KEPT_COUNT: str(len(plan.kept) - len(ours)),
    }


def _refused_call(outcome: Outcome) -> str:
    step, is_second_half = outcome.step, outcome.disassociated or outcome.reverted
    if step.after is None or (step.action is Action.SWAP and not is_second_half):
        return f"disassociate {name_of(step.before or '')}"
    return f"{'restore' if step.undo else 'associate'} {name_of(step.after)}"


def _place(request: Request) -> str:
    return f"{request.region} (account {request.account})"


def _bounded(head: str, sentences: Sequence[str], size: int = MESSAGE_BYTES) -> str:
    """All sentences that fit, and where to find the others."""
    logs = os.environ.get(LOG_GROUP_VARIABLE) or os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "the function's log")
    text = head
    for shown, sentence in enumerate(sentences):
        addition = sentence if shown == 0 else f"; {sentence}"
        tail = f"; and {len(sentences) - shown} more, see {logs}"
        if len((text + addition + tail).encode()) > size and shown:
            return _cut(text, size - len(tail.encode())) + tail
        text += addition
    return _cut(text, size)


def _detail(error: str) -> str:
    """What people should read of an error of EC2."""
    return _cut(error.partition(" Encoded authorization failure message:")[0], DETAIL_BYTES)


def _cut(text: str, size: int) -> str:
    return text.encode()[: max(0, size)].decode(errors="ignore")
