"""What the other associations of a deployment have done before CloudFormation deletes those that leave.

CloudFormation creates and updates first, and deletes in the clean-up at the end:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from collections.abc import Mapping

from ...runtime.association.converge.preview import Preview
from ...runtime.association.decide.record import Record
from ...runtime.association.decide.step import CHANGES, Step
from ...runtime.association.request.desired import Desired
from ..live.association_ledger import AssociationLedger


class EarlierChanges:
    """Records and profiles of instances, as the associations planned so far leave them."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], Record] = {}
        """By the names of their ledgers and the ids of the instances."""
        self.carried: dict[str, str | None] = {}
        """ARNs of the profiles that changed instances carry afterwards, by instance id."""

    def add(self, ledger: AssociationLedger, found: Preview, desired: Desired) -> None:
        """An association is created or updated.

        Args:
            ledger: its ledger.
            found: what it does about its instances.
            desired: what it wants.
        """
        for step in found.plan.of_targets.steps:
            if step.after != desired.profile.arn or step.undo:
                continue
            record = _after(found.snapshot.record(step.instance_id), ledger.association, step, desired)
            self._records[ledger.name, step.instance_id] = record
            if step.action in CHANGES:
                self.carried[step.instance_id] = step.after

    def records(self, ledger: AssociationLedger, known: Mapping[str, Record]) -> dict[str, Record]:
        """The records of an association after all that.

        Args:
            ledger: its ledger.
            known: its records, by instance id.
        """
        changed = {id_: record for id_ in known if (record := self._records.get((ledger.name, id_)))}
        return {**known, **{id_: record.seen_by(ledger.association) for id_, record in changed.items()}}


def _after(record: Record, association: str, step: Step, desired: Desired) -> Record:
    """The record of a target once it carries what is wanted."""
    claimed = record.claimed(association, step, now=0.0, retain=desired.retain)
    noted = claimed.noted(None, now=0.0) if step.action in CHANGES else claimed
    return noted.settled(desired.profile.arn, retain=desired.retain)
