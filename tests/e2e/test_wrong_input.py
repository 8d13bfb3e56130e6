"""Wrong input, end to end: one clear sentence that names the thing and the value, and nothing is changed."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localaws.cdk import Cdk, Result
from localaws.fleet import LAMBDA, Fleet, InstanceView
from localaws.ministack import LocalAws
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.synthesis import APP

pytestmark = pytest.mark.only_on("simulator")

IMPORTS = "tests/e2e/apps/imported_profile.py"
MAX_CONCURRENCY = 3
"""Commands that run at the same time: most of a deployment is waiting."""


@dataclass(frozen=True)
class Mistake:
    """Wrong input, and what has to be said about it."""

    context: Mapping[str, Any]
    says: str
    script: str = APP
    by_the_app: bool = False
    """The app refuses it, so there is no assembly."""


Make = Callable[[Fleet, LocalAws], Mistake]
MISTAKES: dict[str, Make] = {}


def mistake(make: Make) -> Make:
    MISTAKES[make.__name__] = make
    return make


def entry(name: str, **values: Any) -> dict[str, Any]:
    return {"instance_roles": {name: values}}


# The first, because the local AWS forgets a terminated instance within a minute.
@mistake
def terminated_instance(fleet: Fleet, _: LocalAws) -> Mistake:
    id_ = fleet.launch()
    fleet.terminate(id_)
    return Mistake(
        entry("terminated", instance_ids=[fleet.launch(), id_]),
        f"instance {id_} is terminated: take it out of the selection",
    )


# The app refuses it before any call to AWS. One is enough here; `tests/synth/test_app.py` has them all.
@mistake
def unknown_context_key(fleet: Fleet, _: LocalAws) -> Mistake:
    says = "unknown context key 'instance_idz': did you mean 'instance_ids'?"
    return Mistake({"instance_idz": fleet.launch()}, says, by_the_app=True)


@mistake
def unknown_id(fleet: Fleet, _: LocalAws) -> Mistake:
    known, unknown = fleet.launch(), "i-0123456789abcdef0"
    return Mistake(entry("unknown", instance_ids=[known, unknown]), f"instance {unknown} does not exist: check the id")


@mistake
def id_of_another_region(fleet: Fleet, aws: LocalAws) -> Mistake:
    id_ = Fleet(aws, region="us-west-2").launch()
    return Mistake(
        entry("elsewhere", instance_ids=[fleet.launch(), id_]),
        f"nothing has been changed in {aws.region} (account {aws.account}): instance {id_} does not exist: "
        "check the id, and that the stack is in the account and Region of the instance",
    )


@mistake
def profile_that_may_not_be_replaced(fleet: Fleet, _: LocalAws) -> Mistake:
    fleet.add_profile("Listed")
    fleet.add_profile("Unlisted")
    listed, unlisted = fleet.launch("Listed"), fleet.launch("Unlisted")
    return Mistake(
        entry("unlisted", instance_ids=[listed, unlisted], replaces=["Listed"]),
        f"instance {unlisted} (running) carries instance profile Unlisted, which `replaces` does not list: list it "
        "there, or take the instance out of the selection",
    )


@mistake
def restorable_profile_with_another_role(fleet: Fleet, _: LocalAws) -> Mistake:
    fleet.add_profile("Restorable", role="RoleInIt")
    return Mistake(
        entry("restorable", instance_ids=[fleet.launch("Restorable")], replaces=["Restorable"]),
        "instance profile Restorable holds role RoleInIt, not Restorable: state the role that it holds",
    )


@mistake
def tags_that_match_nothing(fleet: Fleet, _: LocalAws) -> Mistake:
    fleet.launch(tags={"app": "matched"})
    return Mistake(
        entry("tags", instance_tags={"app": ["unmatched"]}),
        "no instances are selected: no instance that is not terminated has the tags app=unmatched",
    )


@mistake
def profile_that_does_not_exist(fleet: Fleet, aws: LocalAws) -> Mistake:
    context = {"stack": "missing", "profile": "Missing", "role": "Missing", "imported_to": fleet.launch()}
    arn = f"arn:aws:iam::{aws.account}:instance-profile/Missing"
    return Mistake(context, f"instance profile {arn} does not exist: create it, or correct its name", script=IMPORTS)


@mistake
def profile_without_a_role(fleet: Fleet, _: LocalAws) -> Mistake:
    fleet.add_empty_profile("Empty")
    context = {"stack": "empty", "profile": "Empty", "role": "RoleForIt", "imported_to": fleet.launch()}
    return Mistake(context, "instance profile Empty holds no role: put role RoleForIt into it", script=IMPORTS)


@mistake
def role_that_ec2_may_not_assume(fleet: Fleet, _: LocalAws) -> Mistake:
    fleet.add_profile("ForLambda", trusts=LAMBDA)
    context = {"stack": "untrusting", "profile": "ForLambda", "role": "ForLambda", "imported_to": fleet.launch()}
    return Mistake(
        context,
        "EC2 may not assume role ForLambda of instance profile ForLambda: allow sts:AssumeRole for ec2.amazonaws.com "
        "in its trust policy",
        script=IMPORTS,
    )


@dataclass(frozen=True)
class Made:
    """All mistakes, made."""

    mistakes: Mapping[str, Mistake]
    results: Mapping[str, Result]
    before: Mapping[str, InstanceView]
    after: Mapping[str, InstanceView]


@pytest.fixture(scope="module")
def made(aws: LocalAws, commands: Commands, fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Made:
    mistakes = {name: make(fleet, aws) for name, make in MISTAKES.items()}
    before = fleet.look()
    folder = tmp_path_factory.mktemp("assemblies")
    synthesized = {script: SynthesizedOnce(commands, folder / Path(script).stem, script) for script in (APP, IMPORTS)}
    for one in mistakes.values():
        if not one.by_the_app:
            synthesized[one.script].assembly(one.context)  # the CDK does one at a time

    def deploy(one: Mistake) -> Result:
        cdk = Cdk(aws) if one.by_the_app else synthesized[one.script]
        return cdk.deploy(context=one.context)

    with ThreadPoolExecutor(MAX_CONCURRENCY) as pool:
        by_name = dict(zip(mistakes, pool.map(deploy, mistakes.values()), strict=True))
    return Made(mistakes, by_name, before, fleet.look())


@pytest.mark.parametrize("name", MISTAKES)
def test_is_reported_in_one_clear_sentence(made: Made, name: str) -> None:
    result, expected = made.results[name], made.mistakes[name].says
    assert result.status != 0, result.output
    assert expected in result.reason, result.output
    assert "Traceback" not in result.output


def test_wrong_input_changes_no_instance(made: Made) -> None:
    assert made.after == made.before, json.dumps({name: result.reason for name, result in made.results.items()})
