"""Updates of a deployed association: failed ones are rolled back, and instances that leave get their profiles back."""

from pathlib import Path

import pytest

from localaws.cdk import Result
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.plans import said
from tests.e2e.stack import entries, status

pytestmark = pytest.mark.only_on("simulator")

APP = "tests/e2e/apps/breakable.py"


def test_failed_updates_are_rolled_back_and_an_instance_that_leaves_gets_its_previous_profile(
    aws: LocalAws, commands: Commands, fleet: Fleet, unique: str, tmp_path: Path
) -> None:
    old, foreign = f"Old-{unique}", f"Foreign-{unique}"
    fleet.add_profile(old)
    fleet.add_profile(foreign)
    bare, carrying = fleet.launch(), fleet.launch(old)
    new, new_stopped, stranger = fleet.launch(), fleet.launch(old, stopped=True), fleet.launch(foreign)

    cdk = SynthesizedOnce(commands, tmp_path, APP)

    def context(*instance_ids: str, broken: bool = False) -> dict[str, str]:
        listed = ",".join(instance_ids)
        return {"stack": unique, "replaces": old, "instance_ids": listed, "broken": str(broken).lower()}

    def deploy(*instance_ids: str, broken: bool = False) -> Result:
        return cdk.deploy(context=context(*instance_ids, broken=broken))

    created = deploy(bare, carrying)
    assert created.ok, created.output
    deployed = fleet.look()
    ours = deployed[bare].profile
    assert ours is not None
    assert fleet.carried(bare, carrying, new, new_stopped) == [ours, ours, None, old]
    ledger = entries(aws, unique)

    # Another resource fails after the association has added two instances and removed one.
    elsewhere = deploy(bare, new, new_stopped, broken=True)
    assert not elsewhere.ok, elsewhere.output
    assert "AWS::CloudFormation::WaitCondition" in elsewhere.output
    assert status(aws, unique) == "UPDATE_ROLLBACK_COMPLETE"
    assert carried(fleet) == {id_: reader.profile for id_, reader in deployed.items()}
    assert previous(entries(aws, unique)) == previous(ledger)

    # The association itself fails.
    itself = deploy(bare, new, new_stopped, stranger)
    assert not itself.ok, itself.output
    assert f"instance {stranger} (running) carries instance profile {foreign}" in itself.reason
    assert status(aws, unique) == "UPDATE_ROLLBACK_COMPLETE"
    assert carried(fleet) == {id_: reader.profile for id_, reader in deployed.items()}
    assert previous(entries(aws, unique)) == previous(ledger)

    # Neither blocks the next update, in which an instance leaves the list.
    plan = said(aws, "plan", str(cdk.assembly(context(bare))), {})
    assert {id_: one["verb"] for id_, one in plan.instances.items()} == {bare: "keep", carrying: "undo"}
    shrunk = deploy(bare)
    assert shrunk.ok, shrunk.output
    assert not list(plan.mistakes(deployed, fleet.look(), ok=True))
    assert fleet.carried(bare, carrying, new, new_stopped, stranger) == [ours, old, None, old, foreign]
    assert list(entries(aws, unique)) == [bare]


def carried(fleet: Fleet) -> dict[str, str | None]:
    return {id_: reader.profile for id_, reader in fleet.look().items()}


def previous(ledger: dict[str, dict[str, object]]) -> dict[str, object]:
    return {id_: entry["Previous"] for id_, entry in ledger.items()}
