"""What MkDocs does besides, see `hooks` in mkdocs.yml."""

from typing import Any

from pydantic import BaseModel

from stacks.entries import EnforcementEntry, RoleEntry, RolloutEntry
from stacks.environments import EnvironmentEntry
from stacks.settings import SettingsEntry, VpcEntry
from tools.schema_types import with_types

CONFIGURATION_PAGE = "reference/configuration.md"
TABLES: dict[str, type[BaseModel]] = {
    "Keys of an entry": RoleEntry,
    "Keys of environments": EnvironmentEntry,
    "Keys of rollout": RolloutEntry,
    "Keys of enforcement": EnforcementEntry,
    "Keys of instance_role_settings": SettingsEntry,
    "Keys of vpc": VpcEntry,
}
"""Sections of the page with the model whose keys their table explains."""


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Add the types of the keys to the tables of the configuration, out of the schema."""
    if page.file.src_uri != CONFIGURATION_PAGE:
        return markdown
    return configuration_page(markdown)


def configuration_page(markdown: str) -> str:
    """The page with types.

    Raises:
        ValueError: its tables and the models have different keys.
    """
    for title, model in TABLES.items():
        before, heading, rest = markdown.partition(f"## {title}\n")
        table, next_heading, after = rest.partition("\n## ")
        markdown = before + heading + with_types(table, model) + next_heading + after
    return markdown


def on_page_content(html: str, **_: Any) -> str:
    """Drop the two colons that mark an example in a docstring: in the page it stands in a box of its own."""
    return html.replace("<p>::</p>\n", "")
