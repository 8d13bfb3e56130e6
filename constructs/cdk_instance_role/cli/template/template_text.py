"""Templates as CloudFormation returns them when it has them as text: JSON or YAML, with the short forms of functions.

CloudFormation reads YAML 1.1 without timestamps:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

_INT, _TIMESTAMP = "tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp"
_UNKNOWN = {f"tag:yaml.org,2002:{name}" for name in ("binary", "omap", "pairs", "set", "timestamp")}
"""Tags of YAML that CloudFormation does not accept."""
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_WITHOUT_PREFIX = frozenset({"Condition", "Ref"})
_MAX_VALUES = 1_000_000
"""Values of a template, aliases counted as often as they are used. CloudFormation accepts one megabyte of text."""


class UnreadableError(Exception):
    """A template is there and can't be read; the message says why. The rest can still be shown."""


def parse(text: str) -> Mapping[str, Any]:
    """The template, with functions in their long form.

    Raises:
        UnreadableError: it is neither JSON nor YAML, or no template.
    """
    try:
        found: Any = json.loads(text)
    except (RecursionError, ValueError):
        found = _yaml(text)
    if not isinstance(found, Mapping) or not isinstance(found.get("Resources", {}), Mapping):
        raise UnreadableError("it is no template")
    return found


class _Loader(yaml.SafeLoader):
    """Reads scalars as CloudFormation does."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Keys are text, also where they look like numbers or truth values."""
        super().flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = self.DEFAULT_SCALAR_TAG


# A date is text, such as the version of a policy. So is a number with a leading zero, such as an account's id.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_TIMESTAMP, _INT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.yaml_constructors = {
    tag: constructor for tag, constructor in yaml.SafeLoader.yaml_constructors.items() if tag not in _UNKNOWN
}
_Loader.add_implicit_resolver(_INT, _DECIMAL, list("-+0123456789"))


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """The long form of ``!Sub`` and its like."""
    name = suffix if suffix in _WITHOUT_PREFIX else f"Fn::{suffix}"
    argument: Any = None
    match node:
        case yaml.ScalarNode():
            argument = loader.construct_scalar(node)
        case yaml.SequenceNode():
            argument = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            argument = loader.construct_mapping(node, deep=True)
    if name == "Fn::GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {name: argument}


_Loader.add_multi_constructor("!", _function)


def _yaml(text: str) -> Any:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MAX_VALUES:
            raise UnreadableError("its aliases stand for too much")
        return loader.construct_document(node)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableError(f"it is neither JSON nor YAML ({' '.join(str(error).split())})") from None


def _size(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """How many values a node comes to, aliases counted as often as they are used."""
    if node not in known:
        known[node] = _MAX_VALUES + 1  # of a node that contains itself
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = (part for item in inner for part in (item if isinstance(item, tuple) else (item,)))
        known[node] = 1 + sum(_size(part, known) for part in parts)
    return known[node]
