"""The associations on the page: what becomes of each, what people have to know, and what permissions change."""

from collections import Counter

from ...text import one_line
from .. import findings
from ..elements import Comparison, Document, Section
from .markup import Html, element, joined, listed, name, slug
from .overview import notice, sign, tone

OPEN = 3
"""With more associations, each is folded."""


def fragments(shown: Document) -> list[str]:
    """The fragment of each association, in the order of the report. No two are the same."""
    seen: Counter[str] = Counter()
    found = []
    for section in shown.sections:
        stack, account, region = section.place
        one = slug("association", account, region, stack, section.name)
        seen[one] += 1
        found.append(one if seen[one] == 1 else f"{one}--{seen[one]}")
    return found


def associations(shown: Document) -> Html:
    """All associations, the worst first."""
    if not shown.sections:
        return Html()
    both = sorted(zip(shown.sections, fragments(shown), strict=True), key=lambda one: findings.weight(one[0].result))
    is_open = len(both) <= OPEN
    heading = element("h2", "Associations", id="associations-heading")
    hidden = element("p", id="associations-left-out", hidden=True)
    sections = (_section(section, fragment, is_open=is_open) for section, fragment in both)
    return element("section", heading, hidden, *sections, id="associations", aria_labelledby="associations-heading")


def _section(section: Section, fragment: str, *, is_open: bool) -> Html:
    stack, account, region = section.place
    head = element(
        "summary",
        sign(section.result),
        " ",
        element("h3", element("bdi", one_line(section.name))),
        f" {section.event} ".replace("  ", " "),
        element("span", element("bdi", stack), ", ", account, ", ", region, ": ", section.totals, class_="minor"),
        class_=tone(section.result),
    )
    link = element("a", "Show its instances", href=f"#instances&association={fragment}")
    return element(
        "details",
        head,
        _facts(section),
        *(notice(one, "h4") for one in section.notices),
        *(_comparison(one, f"{fragment}-permissions-{number}") for number, one in enumerate(section.comparisons, 1)),
        element("p", link) if section.table.rows else Html(),
        id=fragment,
        class_="association",
        data_association=fragment,
        data_account=account,
        data_region=region,
        open=is_open,
    )


def _facts(section: Section) -> Html:
    stack, account, region = section.place
    facts: dict[str, str] = {
        "Stack": name(stack),
        "Account": name(account),
        "Region": name(region),
        "Profile": name(one_line(section.profile.text)) if section.profile else "",
        "Instances": section.totals,
        "Rollout": section.rollout,
        "Enforcement": section.enforcement,
        "Estimate": section.estimate,
    }
    pairs = ((element("dt", label), element("dd", fact)) for label, fact in facts.items() if fact)
    return element("dl", *(element("div", *pair) for pair in pairs))


def _comparison(comparison: Comparison, fragment: str) -> Html:
    lists = (joined([element("h5", heading), listed(items)]) for heading, items in comparison.lists)
    heading = element("summary", element("h4", comparison.heading))
    return element("details", heading, *lists, id=fragment, class_="permissions", open=True)
