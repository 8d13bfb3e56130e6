"""What can't be read of two templates of a stack, and may change something about the policies of a role."""

from collections.abc import Iterator
from dataclasses import replace

from ..lazy import lazy
from .attachments import Part
from .resource_changes import ResourceChanges
from .template_policies import TemplatePolicies


class UnreadChanges:
    """Compares what can't be read: what both templates have in the same words does not change."""

    def __init__(
        self, before: TemplatePolicies | None, after: TemplatePolicies | None, resources: ResourceChanges
    ) -> None:
        """
        Args:
            before: the deployed template; None if the stack is not deployed.
            after: the new template; None if the deployment deletes the stack.
            resources: what becomes of the deployed resources.
        """
        self._before, self._after, self._resources = before, after, resources

    def of_resource(self, logical_id: str, part: Part, role: str) -> Iterator[str]:
        """What can't be read of a new resource, in sentences. A policy that changes does so for all roles that it may
        be for."""
        known: list[object] = []
        if self._before and self._after and logical_id in self._resources.kept:
            known.append(self._before.condition(logical_id))
            before, after = (one.comparable(one.properties(logical_id)) for one in (self._before, self._after))
            if part.role or before == after:
                former = self._before.parts[logical_id]
                known += [gap.value for gap in (*former.gaps, *former.boundary_gaps)]
        yield from (gap.sentence for gap in part.gaps_of(role) if gap.value not in known)

    def of_undecided(self, role: str) -> Iterator[str]:
        """The deployed resources of a role of which it is not known whether they are deleted, in sentences."""
        for id_, why in self._resources.undecided.items():
            part = self._before.parts[id_] if self._before else Part()
            if part.role == role or part.of(role):
                yield f"whether the deployment deletes {id_} is not known: {why}"

    def of_removed(self, role: str) -> Iterator[str]:
        """What can't be read of the deployed template and is not in the new one, in sentences."""
        if self._before:
            yield from (one for one in self._before.unread if self._after is None or one not in self._after.unread)
        for part in self._removed:
            yield from (gap.sentence for gap in part.gaps_of(role))

    @lazy
    def _removed(self) -> list[Part]:
        """Deployed resources, each with the gaps that the new template does not have. The policies of a deleted role
        and a removed boundary go in any case."""
        parts: list[Part] = []
        for id_, part in self._before.parts.items() if self._before else ():
            stays = id_ in self._resources.kept
            if stays or (id_ in self._resources.deleted and part.role is None):
                told = {gap.sentence for gap in self._after.parts[id_].gaps} if stays and self._after else set()
                gaps = tuple(gap for gap in part.gaps if gap.sentence not in told)
                parts += [replace(part, gaps=gaps, boundary_gaps=())] if gaps else []
        return parts
