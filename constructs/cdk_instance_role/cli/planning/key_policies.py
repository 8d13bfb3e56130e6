"""What the owners of imported KMS keys have to do before a deployment can use the keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...runtime.association import contract
from ..live.stack_graph import StackGraph
from ..template.stacks import resources


def key_policies(template: Mapping[str, Any]) -> tuple[str, ...]:
    """What the policies of keys have to hold for a template, in sentences.

    Args:
        template: of a stack. If it is deployed, the keys that it uses have these policies.
    """
    return tuple(dict.fromkeys(_notes(template)))


def new_key_policies(stacks: StackGraph) -> Iterator[str]:
    """What the owners of keys have to do before a deployment. The provider of an association may be in another stack.

    Args:
        stacks: the stacks of the account and Region.
    """
    for one in stacks.artifacts:
        notes = key_policies(one.template)
        deployed = stacks.deployed(one.address) if notes else None
        known = key_policies(deployed.template) if deployed else ()
        yield from (note for note in notes if note not in known)


def _notes(template: Mapping[str, Any]) -> Iterator[str]:
    for resource in resources(template).values():
        match resource.get("Metadata"):
            case {contract.KEY_POLICY_METADATA: str(note)}:
                yield note
