"""Names in IAM that a stack can't give because something else has them.

IAM allows a name once in an account, in all Regions and without regard to case. CloudFormation deletes what leaves a
stack only after everything else, also what it replaces:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ...runtime.association.arn import name_of
from ..aws.partial_reader import guarded
from ..template.assembly import StackArtifact, deployed_with
from ..template.intrinsic_functions import UnresolvedError
from ..template.replacement import MANAGED_POLICY, PROFILE, ROLE
from ..template.stacks import Address, of_type
from .deployment import Deployment
from .stack_graph import StackGraph

_KINDS = {
    ROLE: ("role", "role_name"),
    PROFILE: ("instance profile", "instance_profile_name"),
    MANAGED_POLICY: ("managed policy", "managed_policy_name"),
}
"""What has a name in IAM: how people call it, and the argument of the construct."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A resource with its name."""

    kind: str
    name: str
    path: str
    stack: str

    @property
    def key(self) -> tuple[str, str]:
        """Equal for two that can't be there at the same time."""
        return self.kind, self.name.lower()


_Look = Callable[[StackArtifact, StackGraph], Iterator[_Named]]


class NameConflicts:
    """Compares the names that stacks give with those that are there by then."""

    def __init__(self, stacks: StackGraph, deployment: Deployment) -> None:
        """
        Args:
            stacks: the stacks of the account and Region.
            deployment: the stacks that are deployed, also in other Regions.
        """
        self._stacks, self._deployment = stacks, deployment
        self._found: dict[str, tuple[str, ...]] = {}
        self._names: dict[tuple[_Look, StackGraph, Address], list[_Named]] = {}
        """What was seen: each stack is compared with all others."""

    def of(self, address: Address) -> tuple[str, ...]:
        """Why CloudFormation can't create something of a stack at the top, or of those that are nested in it, in
        sentences.

        Args:
            address: the stack, or one that is nested in it.
        """
        if address.name not in self._found:
            top = next(one for one in self._stacks.stacks if one.name == address.name)
            self._found[address.name] = tuple(dict.fromkeys(self._conflicts(top)))
        return self._found[address.name]

    def _conflicts(self, stack: StackArtifact) -> Iterator[str]:
        given = self._seen(_created, stack, self._stacks)
        if not given:  # then nobody needs to look at other stacks
            return
        own = {one.key: one for one in self._seen(_present, stack, self._stacks)}
        others = {one.key: (one, graph) for one, graph in self._of_others(stack)}
        for new in given:
            word, argument = _KINDS[new.kind]
            if old := own.get(new.key):
                yield f"{_in_own_stack(word, new, old)}: give it another `{argument}`"
            elif new.key in others:
                old, graph = others[new.key]
                where = "" if graph is self._stacks else f" in {graph.region}"
                yield (
                    f"CloudFormation can't create {word} {new.path}, because {old.path} of stack {old.stack}{where} "
                    f"has the name {old.name}, which IAM allows once in an account: give it another `{argument}`"
                )

    def _of_others(self, stack: StackArtifact) -> Iterator[tuple[_Named, StackGraph]]:
        """What other stacks have by the time that a stack is deployed."""
        deployed = [one for one, _ in self._deployment.stacks]
        known = (*deployed, *(one for one, _ in self._deployment.others))
        place = _index(stack, deployed)
        for other, stacks in (*self._deployment.stacks, *self._deployment.others):
            if other is stack:
                continue
            index = _index(other, deployed)
            comes_later = index is None or any(one is stack for one in deployed_with([other], known))
            is_first = index is not None and place is not None and index < place
            looks = [_present] if comes_later else [_kept, _created] if is_first else [_kept]
            for look in looks:
                yield from ((one, stacks) for one in self._seen(look, other, stacks))

    def _seen(self, look: _Look, stack: StackArtifact, stacks: StackGraph) -> list[_Named]:
        """What a look at a stack finds. What can't be seen there has no names that are known."""
        key = look, stacks, stack.address
        if key not in self._names:
            with stacks.reader.discard_gaps():
                self._names[key] = guarded(lambda: [*look(stack, stacks)], lambda _: [])
        return self._names[key]


def _index(stack: StackArtifact, stacks: list[StackArtifact]) -> int | None:
    return next((index for index, one in enumerate(stacks) if one is stack), None)


def _in_own_stack(word: str, new: _Named, old: _Named) -> str:
    if (new.path, new.stack) == (old.path, old.stack):
        return (
            f"CloudFormation can't replace {word} {new.path}, because it creates the new one before it deletes the old "
            f"one, and both have the name {new.name}"
        )
    return (
        f"CloudFormation can't create {word} {new.path}, because it deletes {old.path} only afterwards, if at all, and "
        f"both have the name {new.name}"
    )


def _created(stack: StackArtifact, stacks: StackGraph) -> Iterator[_Named]:
    """What the deployment creates with a name that the template gives, as far as that is known."""
    for one in stacks.family(stack):
        values = stacks.values(one.address)
        for logical_id, kind in _of_iam(one.template).items():
            with suppress(UnresolvedError):
                is_made = stacks.exists_after(one.address) and values.is_made(logical_id)
                name = values.iam.given_name(logical_id) if is_made and values.iam.is_new(logical_id) else None
                if name:
                    yield _Named(kind, name, one.path(logical_id), one.name)


def _present(stack: StackArtifact, stacks: StackGraph) -> Iterator[_Named]:
    """What is deployed."""
    for _, found in _deployed(stack, stacks):
        yield found


def _kept(stack: StackArtifact, stacks: StackGraph) -> Iterator[_Named]:
    """What is deployed and is still there afterwards, as far as that is known."""
    for (address, logical_id), found in _deployed(stack, stacks):
        with suppress(UnresolvedError):
            values = stacks.values(address)
            exists = stacks.exists_after(address) and logical_id in values.resources and values.is_made(logical_id)
            if (exists and not values.iam.is_new(logical_id)) or (
                not exists and stacks.is_retained(address, logical_id)
            ):
                yield found


def _deployed(stack: StackArtifact, stacks: StackGraph) -> Iterator[tuple[tuple[Address, str], _Named]]:
    for one in stacks.family(stack):
        deployed = stacks.deployed(one.address)
        if deployed is None:
            continue
        for logical_id, kind in _of_iam(deployed.template).items():
            if logical_id in deployed.physical_ids:
                name, path = name_of(deployed.physical_ids[logical_id]), one.address.path(deployed.template, logical_id)
                yield (one.address, logical_id), _Named(kind, name, path, one.name)


def _of_iam(template: Mapping[str, Any]) -> dict[str, str]:
    """Types of the resources with names in IAM, by logical id."""
    return {id_: resource["Type"] for kind in _KINDS for id_, resource in of_type(template, kind).items()}
