"""A report as one HTML page that loads nothing, and whose script and style are the only ones that may be applied.

The script finds the report in the page and shows its instances. It makes elements and texts, and never markup of data.
"""

import base64
import hashlib
import re
from importlib import resources

from ...status_model import Report
from ..document import document
from ..json_document import document as json_document
from .associations import associations
from .data import embedded, words
from .markup import Html, element
from .overview import TITLES, environments, notice, verdict

_SCRIPTS = ("elements", "rows", "filters", "state", "details", "table", "controls", "page")
"""In their order: each one may use what the ones before it define."""


def text(report: Report) -> str:
    """The page. The same report always makes the same one. In ASCII, so that every pipe can carry it."""
    shown, facts = document(report), json_document(report)
    style, script = _asset("page.css"), _script()
    parts = {
        "policy": _policy(style, script),
        "title": TITLES[shown.kind],
        "style": style,
        "verdict": verdict(shown, report.exit),
        "unseen": notice(shown.unseen, "h2"),
        "environments": environments(report, facts["environments"]),
        "associations": associations(shown),
        "report": _data("report", embedded(facts)),
        "words": _data("words", embedded(words(shown))),
        "script": script,
    }
    # In one pass: what is filled in may look like a placeholder.
    page = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("page.html"))
    # Style, scripts and JSON have no other characters already.
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _data(id_: str, json: str) -> Html:
    return element("script", Html(json), type="application/json", id=id_)


def _script() -> str:
    files = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{files}}})();\n'


def _policy(style: str, script: str) -> str:
    allowed = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")
