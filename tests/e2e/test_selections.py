"""What the app selects by tags and leaves alone on a conflict, and what else the library can associate."""

from pathlib import Path

import pytest

from localaws.cdk import Cdk
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.stack import entries, outputs, table

pytestmark = pytest.mark.only_on("simulator")

IMPORTS = "tests/e2e/apps/imported_profile.py"


def test_tags_select_and_a_conflict_is_kept_and_a_profile_may_hold_a_role_of_another_name(
    aws: LocalAws, cdk: Cdk, fleet: Fleet, unique: str
) -> None:
    old, foreign = f"Old-{unique}", f"Foreign-{unique}"
    fleet.add_profile(old, role=f"Role-of-{old}")
    fleet.add_profile(foreign)
    web, other = {"app": unique, "env": "prod"}, {"app": unique, "env": "test"}
    bare, carrying, stranger = fleet.launch(tags=web), fleet.launch(old, tags=web), fleet.launch(foreign, tags=web)
    terminated, unselected = fleet.launch(tags=web), fleet.launch(old, tags=other)
    fleet.terminate(terminated)
    entry = {
        "instance_tags": {"app": [unique, "something-else"], "env": ["prod"]},
        "managed_policies": ["AmazonS3ReadOnlyAccess"],
        "replaces": [{"instance_profile": old, "role": f"Role-of-{old}"}],
        "on_conflict": "keep",
    }
    stack, context = f"InstanceRole-{unique}", {"instance_roles": {unique: entry}}
    before = fleet.look()

    deployed = cdk.deploy(context=context)
    assert deployed.ok, deployed.output
    found = outputs(aws, stack)
    ours = found["InstanceProfileArn"].rpartition("/")[2]
    assert fleet.carried(bare, carrying, stranger, unselected) == [ours, ours, foreign, old]
    assert [found[f"{kind}Count"] for kind in ("Associated", "Replaced", "Kept")] == ["1", "1", "1"]
    assert entries(aws, stack).keys() == {bare, carrying}

    destroyed = cdk.destroy(context=context)
    assert destroyed.ok, destroyed.output
    assert fleet.look(settled=True) == before


def test_a_stack_may_have_two_associations_one_of_them_of_an_imported_profile(
    aws: LocalAws, commands: Commands, fleet: Fleet, unique: str, tmp_path: Path
) -> None:
    imported = f"Imported-{unique}"
    fleet.add_profile(imported, role=f"Role-of-{imported}")
    first, second = fleet.launch(), fleet.launch()
    app = SynthesizedOnce(commands, tmp_path, IMPORTS)
    context = {
        "stack": f"{unique}-imports",
        "profile": imported,
        "role": f"Role-of-{imported}",
        "imported_to": first,
        "own_to": second,
    }
    before = fleet.look()

    deployed = app.deploy(context=context)
    assert deployed.ok, deployed.output
    own = outputs(aws, context["stack"])["OwnProfileArn"].rpartition("/")[2]
    assert fleet.carried(first, second) == [imported, own]
    ledger = entries(aws, context["stack"])
    assert ledger.keys() == {first, second}
    assert ledger[first]["Association"] != ledger[second]["Association"]

    destroyed = app.destroy(context=context)
    assert destroyed.ok, destroyed.output
    assert fleet.look(settled=True) == before


def test_the_instances_of_a_retained_association_keep_the_profile_when_the_stack_is_deleted(
    aws: LocalAws, commands: Commands, fleet: Fleet, unique: str, tmp_path: Path
) -> None:
    imported = f"Retained-{unique}"
    fleet.add_profile(imported, role=f"Role-of-{imported}")
    target = fleet.launch()
    app = SynthesizedOnce(commands, tmp_path, IMPORTS)
    context = {
        "stack": f"{unique}-retained",
        "profile": imported,
        "role": f"Role-of-{imported}",
        "imported_to": target,
        "retained": "true",
    }
    deployed = app.deploy(context=context)
    assert deployed.ok, deployed.output
    assert fleet.carried(target) == [imported]
    assert entries(aws, context["stack"])[target]["Retained"] is True

    ledger = table(aws, context["stack"])
    destroyed = app.destroy(context=context)
    assert destroyed.ok, destroyed.output
    assert fleet.carried(target) == [imported]
    assert ledger not in aws.client("dynamodb").list_tables()["TableNames"], "the ledger goes with the stack"
