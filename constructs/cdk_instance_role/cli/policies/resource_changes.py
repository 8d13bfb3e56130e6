"""What a deployment makes of the resources of a stack that give policies to roles."""

from collections.abc import Iterator

from ..lazy import lazy
from ..template.intrinsic_functions import UnresolvedError
from ..template.replacement import DELETION, REPLACEMENT, is_replaced, is_retained
from .template_policies import TemplatePolicies


class ResourceChanges:
    """Which deployed resources stay, and which ones CloudFormation deletes."""

    def __init__(self, before: TemplatePolicies | None, after: TemplatePolicies | None) -> None:
        """
        Args:
            before: the deployed template; None if the stack is not deployed.
            after: the new template; None if the deployment deletes the stack.
        """
        self._before, self._after = before, after

    @lazy
    def kept(self) -> frozenset[str]:
        """Logical ids of the deployed resources that stay what they are."""
        return frozenset(self._kept())

    @lazy
    def deleted(self) -> tuple[str, ...]:
        """Logical ids of the deployed resources that CloudFormation deletes."""
        return tuple(id_ for id_, why in self._leaving if why is None)

    @lazy
    def undecided(self) -> dict[str, str]:
        """Why it is not known whether CloudFormation deletes a deployed resource, by its logical id."""
        return {id_: why for id_, why in self._leaving if why is not None}

    def _kept(self) -> Iterator[str]:
        if self._before is None or self._after is None:
            return
        before, after = self._before, self._after
        for id_ in before.parts:
            if not (before.is_made(id_) and after.is_made(id_)):
                continue
            if not is_replaced(before.resources[id_], after.resources[id_], before.resolve, after.resolve):
                yield id_

    @lazy
    def _leaving(self) -> list[tuple[str, str | None]]:
        """The deployed resources that do not stay what they are and are not retained. Each has the reason why it is not
        known whether it is retained, or None."""
        found: list[tuple[str, str | None]] = []
        for id_ in self._before.parts if self._before else ():
            try:
                if id_ not in self.kept and not self._is_retained(id_):
                    found.append((id_, None))
            except UnresolvedError as error:
                found.append((id_, str(error)))
        return found

    def _is_retained(self, logical_id: str) -> bool:
        assert self._before
        if self._after and self._after.is_made(logical_id):  # another one takes its place
            return is_retained(self._after.resources[logical_id], REPLACEMENT, self._after.resolve)
        return is_retained(self._before.resources[logical_id], DELETION, self._before.resolve)
