"""What the owners of imported KMS keys have to do before a deployment can use the keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...runtime.association import contract
from ..template.stacks import resources


def missing_key_policies(template: Mapping[str, Any], deployed: Mapping[str, Any]) -> Iterator[str]:
    """What has to be added to the policies of keys.

    Args:
        template: what is to be deployed.
        deployed: what is deployed: the keys that it uses have their policies. Empty if nothing is.
    """
    known = set(_notes(deployed))
    return (note for note in dict.fromkeys(_notes(template)) if note not in known)


def _notes(template: Mapping[str, Any]) -> Iterator[str]:
    for resource in resources(template).values():
        match resource.get("Metadata"):
            case {contract.KEY_POLICY_METADATA: str(note)}:
                yield note
