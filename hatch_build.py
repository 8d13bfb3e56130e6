"""The fields of the metadata that depend on where the repository is: links of the description, URLs of the project.

The release workflow sets PROJECT_URL to the address of the repository. Without it there are no URLs, and of a
relative link the description has only the text.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")
_NESTED = re.compile(r"\[(!\[[^\]]*\]\([^)]*\))\]\((?!https?:|mailto:|#)([^)\s]+)\)")


def description(readme: str, url: str, version: str) -> str:
    """The README with absolute links, or without the relative ones if the address of the repository is not known."""

    def absolute(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        if not url:
            return "" if picture else text
        return f"{picture}[{text}]({url}/{'raw' if picture else 'blob'}/v{version}/{target})"

    def absolute_around(match: re.Match[str]) -> str:
        inner, target = match.groups()
        return f"[{inner}]({url}/blob/v{version}/{target})" if url else inner

    return _LINK.sub(absolute, _NESTED.sub(absolute_around, readme))


def urls(url: str) -> dict[str, str]:
    """The links beside the description."""
    if not url:
        return {}
    return {
        "Homepage": url,
        "Documentation": f"{url}/tree/main/docs",
        "Changelog": f"{url}/blob/main/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }


class MetadataHook(MetadataHookInterface):
    """What hatchling calls for the fields that pyproject.toml declares as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the description and the URLs."""
        url = os.environ.get("PROJECT_URL", "").rstrip("/")
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = description(readme, url, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls(url)
