"""The table, on terminals of any width and in pipes."""

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from cdk_instance_role.cli.model import PlanReport, Verb
from cdk_instance_role.cli.render import Format, render
from cdk_instance_role.cli.status_model import Report
from tests.cli import reports
from tests.cli.golden_files import REPORTS, reviewed

WIDTHS = (40, 60, 80, 100, 160, 250)
PIPE = 100


def shown(report: Report, width: int = PIPE, *, full: bool = False, terminal: bool = False) -> str:
    file = StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    render(report, Format.TABLE, console, full=full)
    return file.getvalue()


@pytest.mark.parametrize("name", REPORTS)
def test_the_table_is_equal_to_the_reviewed_snapshot(name: str) -> None:
    # The padding of a column does not count as a difference.
    lines = [line.rstrip() for line in shown(REPORTS[name]).splitlines()]
    found = "\n".join(lines) + "\n"
    assert found == reviewed(f"{name}.txt", found)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_longer_than_the_console_is_wide(name: str, width: int) -> None:
    assert max(cell_len(line) for line in shown(REPORTS[name], width).splitlines()) <= width


@pytest.mark.parametrize("name", REPORTS)
def test_a_pipe_gets_no_colours(name: str) -> None:
    assert "\x1b" not in shown(REPORTS[name])


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[1;31mconflict" in shown(reports.mixed(), terminal=True)


@pytest.mark.parametrize("width", [80, 100])
def test_ids_states_and_actions_are_never_broken(width: int) -> None:
    text = shown(reports.mixed(), width)
    instances = [one for plan in reports.mixed().associations for one in plan.instances]
    assert len(instances) == 11
    for one in instances:
        (line,) = (line for line in text.splitlines() if line.split()[:2] == [one.verb, one.id])
        assert one.state in line.split()


def test_ten_thousand_instances_are_cut_and_counted() -> None:
    text = shown(reports.huge())
    assert len(text.splitlines()) < 60
    assert "20 of 10000 instances: 1 replace, 9998 keep, 1 conflict; --full shows all" in text


def test_a_warning_about_ten_thousand_instances_is_one_line() -> None:
    text = " ".join(shown(reports.huge()).split())
    assert "and 9995 more: kept although it carries something else" in text


def test_full_shows_thousands_of_instances() -> None:
    text = shown(reports.huge(3_000), full=True)
    assert set(text.split()) >= {reports.instance_id(number) for number in range(1, 3_001)}
    assert "--full" not in text


def test_conflicts_and_changes_come_first() -> None:
    rows = [line.split() for line in shown(reports.huge()).splitlines() if line.startswith("  ")]
    actions = [words[0] for words in rows if words and words[0] in set(Verb)]
    assert actions[:3] == ["conflict", "replace", "keep"]


def test_ten_thousand_held_instances_are_cut_and_the_drifted_one_comes_first() -> None:
    text = shown(reports.huge_status())
    assert "20 of 10000 instances: 1 drifted; --full shows all" in text
    assert reports.instance_id(10_000) in text


def test_long_lists_are_cut_too() -> None:
    plan = reports.plan_of(problems=tuple(f"problem {number}" for number in range(500)))
    text = shown(PlanReport((plan,)))
    assert "problem 9" in text
    assert "and 490 more; --full shows all" in text
    assert "problem 10" not in text


def test_a_tag_can_neither_write_markup_nor_break_a_line() -> None:
    instance = reports.view(1, Verb.KEEP, reports.KEPT, name="[red]a\n\x1b[31mb[/]")
    lines = [line.strip() for line in shown(PlanReport((reports.plan_of(instance),))).splitlines()]
    assert "[red]a [31mb[/]" in lines


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b]0;x\x07", "a\x9b31mb", "a\rb\nc\u2028d\x85", "\u202ea\u2066b", "a\u200b\u3164b\0"]
)
@pytest.mark.parametrize("full", [False, True])
def test_no_text_controls_the_terminal_or_the_direction_of_others(text: str, full: bool) -> None:
    for report in reports.everywhere(text):
        assert [one for one in shown(report, full=full) if not (one.isprintable() or one == "\n")] == []


def test_wide_characters_fit_as_well() -> None:
    instance = reports.view(1, Verb.KEEP, reports.KEPT, name="東京" * 40)
    text = shown(PlanReport((reports.plan_of(instance),)))
    assert max(cell_len(line) for line in text.splitlines()) <= PIPE


def test_no_associations_are_one_line() -> None:
    assert shown(reports.empty()) == "There are no associations.\n"
