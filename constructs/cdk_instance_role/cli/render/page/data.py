"""What the script of the page works with, as JSON that can't end the element that holds it."""

import json
from typing import Any

from ...model import InstanceView, Verb
from .. import findings
from ..elements import Document
from ..json_document import plain
from .associations import fragments

_ESCAPES = {ord(one): f"\\u{ord(one):04x}" for one in "<>&"}


def embedded(value: Any) -> str:
    """A value as JSON that may stand in a ``script`` element.

    >>> embedded("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    return json.dumps(value, separators=(",", ":"), default=plain).translate(_ESCAPES)


def words(shown: Document) -> dict[str, Any]:
    """The words that all formats share and that the JSON format does not hold.

    Args:
        shown: what the report says. Its sections have the order of the associations in the JSON document.
    """
    return {
        "actions": [one.verb for one in findings.by_weight(InstanceView("", "", "", verb, "") for verb in Verb)],
        "associations": [
            {
                "fragment": fragment,
                "permissions": [
                    {"heading": one.heading, "lists": [[heading, list(items)] for heading, items in one.lists]}
                    for one in section.comparisons
                ],
            }
            for section, fragment in zip(shown.sections, fragments(shown), strict=True)
        ],
    }
