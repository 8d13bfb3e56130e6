"""The whole template of this repository's app, to be read in review.

After an intended change: ``UPDATE_SNAPSHOTS=1 make synth``, and read the difference.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template

from stacks.config import RoleEntry
from stacks.instance_role_stack import InstanceRoleStack
from tests.synth.builders import INSTANCE, IRELAND, new_app

SNAPSHOT = Path(__file__).parent / "snapshots" / "InstanceRole-web.json"
ASSET = re.compile(r"\b[0-9a-f]{64}\b")
MASK = "<hash of the asset>"
LOGICAL_IDS = {
    "InstanceProfileAssociationProviderFrameworkframeworkisComplete3BA2BBA0": "AWS::Lambda::Function",
    "InstanceProfileAssociationProviderFrameworkframeworkonEventF534FDC8": "AWS::Lambda::Function",
    "InstanceProfileAssociationProviderFrameworkframeworkonTimeoutEF625AFB": "AWS::Lambda::Function",
    "InstanceProfileAssociationProviderFrameworkwaiterstatemachineA791B64F": "AWS::StepFunctions::StateMachine",
    "InstanceProfileAssociationProviderFrameworkwaiterstatemachineRoleDefaultPolicy6B5CC664": "AWS::IAM::Policy",
    "InstanceProfileAssociationProviderFrameworkwaiterstatemachineRoleFCA4D89E": "AWS::IAM::Role",
    "InstanceProfileAssociationProviderHandler7B45C193": "AWS::Lambda::Function",
    "InstanceProfileAssociationProviderHandlerRole581E7350": "AWS::IAM::Role",
    "InstanceProfileAssociationProviderLedger4D2D63D1": "AWS::DynamoDB::Table",
    "InstanceProfileAssociationProviderLog0D166D04": "AWS::Logs::LogGroup",
    "InstanceProfileAssociationProviderOnEventRoleDefaultPolicy59281E61": "AWS::IAM::Policy",
    "InstanceProfileAssociationProviderOnEventRoleE9EC4E5C": "AWS::IAM::Role",
    "InstanceProfileAssociationProviderWaiterRole81578627": "AWS::IAM::Role",
    "InstanceProfileAssociationProviderWaiterRoleDefaultPolicy5FC64B2C": "AWS::IAM::Policy",
    "InstanceRoleA57500A0": "AWS::IAM::Role",
    "InstanceRoleAssociationACB12699": "Custom::InstanceProfileAssociation",
    "InstanceRoleInstanceProfile7D8D8249": "AWS::IAM::InstanceProfile",
}
"""A resource with another logical id is another resource: the ledger would be lost, and previous profiles restored."""


def template() -> dict[str, Any]:
    entry = RoleEntry.model_validate(
        {"managed_policies": ["AmazonS3ReadOnlyAccess"], "instance_ids": [INSTANCE], "replaces": ["OldProfile"]}
    )
    stack = InstanceRoleStack(new_app(), "InstanceRole-web", entry=entry, env=IRELAND)
    text = json.dumps(Template.from_stack(stack).to_json(), indent=2, sort_keys=True)
    return dict(json.loads(ASSET.sub(MASK, text)))


def test_the_template_is_the_reviewed_one() -> None:
    found = template()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_no_logical_id_changes() -> None:
    resources = template()["Resources"].items()
    # The handler's policies are the exception: docs/decisions/0001-handler-policies-by-content.md
    stable = {id_: one["Type"] for id_, one in resources if not id_.startswith("InstanceProfileHandlerPolicies")}
    assert stable == LOGICAL_IDS
