"""The benchmark of the synthesis: its figures come from the templates and from the output of the apps."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import synthesis
from benchmarks.model import Section

Measure = Callable[..., Section]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Measures apps that need so many policies for each association, and of which so many fit into a stack."""

    def measure(*, policies: int = 0, fits: int = 1000) -> Section:
        def say(arguments: Sequence[str], *_: Any, CDK_OUTDIR: str, **_more: str) -> Mapping[str, Any]:  # noqa: N803
            count = int(arguments[3])
            if count > fits:
                return {"fits": fits, "reason": "it is full"}
            types = (
                [synthesis.ASSOCIATION] * count + ["AWS::IAM::Role"] + ["AWS::IAM::ManagedPolicy"] * policies * count
            )
            resources = {f"R{number}": {"Type": type_} for number, type_ in enumerate(types)}
            output = Path(CDK_OUTDIR)
            output.mkdir(exist_ok=True)
            (output / "Benchmark.template.json").write_text(json.dumps({"Resources": resources}))
            return dict.fromkeys(synthesis.PARTS, 0.1)

        monkeypatch.setattr(synthesis, "fresh", say)
        monkeypatch.setattr(synthesis, "_cpu_of_children", itertools.count(1.0).__next__)
        return synthesis.run(runs=1, quick=False)

    return measure


def test_one_more_resource_for_each_further_association_keeps_the_promise(measured: Measure) -> None:
    *_, further = measured().verdicts
    assert (further.measured, further.kept) == ("99 for 99", True)


def test_additional_policies_are_reported(measured: Measure) -> None:
    *_, further = measured(policies=1).verdicts
    assert (further.measured, further.kept) == ("198 for 99", False)
    assert "99 AWS::IAM::ManagedPolicy" in further.cause


def test_associations_that_do_not_fit_into_a_stack_are_reported(measured: Measure) -> None:
    section = measured(fits=16)
    *_, further = section.verdicts
    assert (further.measured, further.kept) == ("15 for 15; 100 don't fit into a stack", False)
    assert further.cause.endswith("beyond 16, it is full")
    assert section.tables[1].notes == ["Of 100 associations 16 fit into a stack: it is full."]
    assert [row[0] for row in section.tables[0].rows if "association" in row[0]] == [
        "1 association",
        "10 associations",
        "16 associations",
    ]
