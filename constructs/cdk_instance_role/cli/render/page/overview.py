"""What the page says above the associations: the verdict, what could not be seen, and every account and Region."""

from typing import Any
from urllib.parse import quote

from ...model import Exit, Verb, counted
from ...status_model import Report, parts
from .. import findings
from ..elements import Document, Notice, Tone
from .markup import Html, element, joined, listed, name, slug

SIGNS = {
    Exit.ERROR: "?",
    Exit.CONFLICTS: "✕",
    Exit.CHANGES: "!",
    Exit.NOTHING: "✓",
}
"""Signs of results, which are not told apart by colours alone."""
TITLES = {"plan": "Instance role plan", "status": "Instance role status"}


def verdict(shown: Document, result: Exit) -> Html:
    """The answer, in a sentence or two, and the totals."""
    answer = element("p", sign(result), " ", element("strong", shown.verdict), class_=f"verdict {tone(result)}")
    return joined([answer, element("p", f"{shown.summary}.")]) if shown.summary else answer


def sign(result: Exit) -> Html:
    """The sign of a result. The words beside it say the same."""
    return element("span", SIGNS[result], class_="sign", aria_hidden="true")


def tone(result: Exit) -> str:
    """The class of a result."""
    return f"result-{result.name.lower()}"


def notice(one: Notice, level: str) -> Html:
    """A list that stands out; nothing if it is empty."""
    if not one.items:
        return Html()
    is_danger = one.tone is Tone.DANGER
    heading = element(
        level, element("span", "✕" if is_danger else "!", class_="sign", aria_hidden="true"), " ", one.heading
    )
    return element("div", heading, listed(one.items), class_=f"notice {one.tone}")


def environments(report: Report, facts: list[dict[str, Any]]) -> Html:
    """A table of the accounts and Regions, the worst first; nothing if they are not known.

    Args:
        report: what was found.
        facts: the environments of the JSON document, in the order of the report.
    """
    found = [(part, one["totals"]) for (_, part), one in zip(parts(report), facts, strict=True)]
    places = [(one["account"], one["region"]) for one in facts]
    if not found:
        return Html()
    counts = _counts([totals for _, totals in found])
    order = sorted(range(len(found)), key=lambda number: findings.weight(found[number][0].exit))
    rows = [_row(*places[number], *found[number], counts) for number in order]
    headings = [element("th", one, scope="col") for one in ("Account", "Region", "Result", "Associations", "Instances")]
    headings += [element("th", one, scope="col", class_="number") for one in counts]
    caption = f"{counted(len(rows), 'account and Region', 'accounts and Regions')}, the worst first"
    table = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *headings)),
        element("tbody", *rows),
    )
    heading = element("h2", "Accounts and Regions", id="environments-heading")
    # Who has no mouse scrolls what has the focus.
    label = "Table of the accounts and Regions"
    scrolling = element("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)
    return element("section", heading, scrolling, id="environments", aria_labelledby="environments-heading")


def _row(account: str, region: str, part: Report, totals: dict[str, Any], counts: list[str]) -> Html:
    result = element("span", sign(part.exit), " ", findings.result(part), class_=tone(part.exit))
    link = element("a", str(totals["instances"]), href=f"#instances&account={quote(account)}&region={quote(region)}")
    cells = [str(totals["associations"]), link if totals["instances"] else "0"]
    cells += [str(_flat(totals)[one]) for one in counts]
    if findings.is_unavailable(part):
        cells = ["unknown"] * len(cells)
    return element(
        "tr",
        element("th", name(account), scope="row"),
        element("td", name(region)),
        element("td", result),
        *(element("td", one, class_="number") for one in cells),
        id=slug("environment", account, region),
    )


def _counts(all_totals: list[dict[str, Any]]) -> list[str]:
    """What there is to count, without what is nowhere."""
    return [one for one in _flat(all_totals[0]) if any(_flat(totals)[one] for totals in all_totals)]


def _flat(totals: dict[str, Any]) -> dict[str, int]:
    verbs = {verb.value: totals["verbs"][verb] for verb in Verb} if "verbs" in totals else {}
    others = {
        "refusals": "problems",
        "drifted": "drifted",
        "paused": "paused",
        "stopped": "stopped",
        "not seen": "unseen",
    }
    return verbs | {heading: totals[key] for heading, key in others.items() if key in totals}
