"""What the owners of imported KMS keys have to do before a deployment can use the keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...runtime.association import contract
from ..template.stacks import resources


def key_policies(template: Mapping[str, Any]) -> tuple[str, ...]:
    """What the policies of keys have to hold for a template, in sentences.

    Args:
        template: of a stack. If it is deployed, the keys that it uses have these policies.
    """
    return tuple(dict.fromkeys(_notes(template)))


def _notes(template: Mapping[str, Any]) -> Iterator[str]:
    for resource in resources(template).values():
        match resource.get("Metadata"):
            case {contract.KEY_POLICY_METADATA: str(note)}:
                yield note
