"""The rules of cdk-nag's packs, cfn-lint and checkov, on a stack with all settings: each finding is acknowledged here.

``UPDATE_SNAPSHOTS=1 pytest tests/synth/test_rule_packs.py`` writes the table that the documentation shows.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cdk_nag
import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk.assertions import Template

from cdk_instance_role import AssociationProvider, Enforcement, InstanceRole, InstanceSelection, ReplaceableProfiles
from tests.synth.all_settings import everything
from tests.synth.builders import BY_TAGS, FLAGS, INSTANCE, IRELAND, ROOT, imported_profile
from tests.synth.nag_report import reported
from tests.synth.test_template import IGNORED

TABLE = Path(__file__).parent / "rule_packs.md"
CHECKOV = ROOT / ".checkov/bin/checkov"
PACKS = ("AwsSolutionsChecks", "NIST80053R5Checks", "HIPAASecurityChecks", "PCIDSS321Checks", "ServerlessChecks")
FRAMEWORK = "framework-(onEvent|isComplete|onTimeout)"


@dataclass(frozen=True)
class Acknowledged:
    """Findings that are right to stay."""

    rule: str
    """Pattern of the rule."""
    place: str
    """Pattern of the construct or resource."""
    what: str
    reason: str

    def covers(self, finding: tuple[str, str]) -> bool:
        return bool(re.search(self.rule, finding[0]) and re.search(self.place, finding[1]))


FUNCTIONS = "all functions"
ACKNOWLEDGED = (
    Acknowledged(
        r"IAM5\[Resource::\*\]|LambdaStarPermissions|CKV_AWS_111",
        r"(Handler|OnEvent|Waiter)Role|waiter-state-machine/Role",
        "rights on all resources",
        "IAM has no resource types for EC2's describe calls, network interfaces and AWS X-Ray",
    ),
    Acknowledged(
        r"IAM5\[Resource::arn:aws:ec2:.*instance/\*\]",
        "HandlerPolicies",
        "rights on all instances",
        "they are limited by conditions on tags and instance profiles; the id of a former target is not known any more",
    ),
    Acknowledged(
        r"IAM5\[Resource::arn:aws:iam::.*instance-profile/\*/Old\]",
        "HandlerPolicies",
        "a profile with any path",
        "a profile is looked for by its name alone, and IAM decides by the path that it really has",
    ),
    Acknowledged(
        r"IAM5\[Resource::arn:aws:iam::.*instance-profile/(cdk-instance-role/Stack/|Stack)\*\]",
        "HandlerPolicies",
        "all profiles of the stack",
        "the profiles of the stack, whatever their names are, may be looked at, also to find out that one is gone",
    ),
    Acknowledged(
        r"IAM5\[Resource::<\w+\.Arn>:\*\]",
        r"(OnEvent|Waiter)Role|waiter-state-machine/Role",
        "all versions of a function",
        "the CDK allows every version of the functions that it invokes",
    ),
    Acknowledged(
        "IAM4", "Web/Role", "an AWS managed policy", "it is what the user of the role asks for: the example has one"
    ),
    Acknowledged(
        "IAMNoInlinePolicy",
        r"(Handler|OnEvent|Waiter|Schedule)Role|waiter-state-machine/Role",
        "inline policies",
        "the rights of a function or a schedule belong to it alone, and go with it; a role has ten managed policies at "
        "most",
    ),
    Acknowledged(
        "LambdaDLQ|CKV_AWS_116",
        r"Provider/?Handler|framework",
        "functions without a dead-letter queue",
        "CloudFormation learns of each failure, and waits for the answer. A queue would hold its signed response URL",
    ),
    Acknowledged(
        "LambdaDLQ|CKV_AWS_116|LambdaEventSourceMappingDestination",
        r"Enforcement/?(Handler|Messages)",
        "enforcement without a dead-letter queue of its function",
        "such a queue is for asynchronous calls only. Messages that fail go to the dead-letter queue of their queue",
    ),
    Acknowledged(
        "EventBusDLQ",
        "Enforcement/Rule",
        "an event rule without a dead-letter queue",
        "EventBridge tries again for a day. What an event would have started, the next sweep does",
    ),
    Acknowledged(
        "SQSRedrivePolicy",
        "Enforcement/DeadLetters",
        "a dead-letter queue without one of its own",
        "it is the last one",
    ),
    Acknowledged(
        "L1$|LambdaLatestVersion",
        "Handler",
        "a runtime that is not the newest",
        "it is the setting `runtime`; the default is the newest",
    ),
    Acknowledged(
        "LambdaDefaultMemorySize",
        FRAMEWORK,
        "the default memory",
        "the functions of the CDK's framework only wait for the handler",
    ),
    Acknowledged(
        "SF1",
        "waiter-state-machine",
        "a waiter without logs",
        "a history in the log would hold CloudFormation's signed response URL",
    ),
    Acknowledged(
        "DynamoDBInBackupPlan",
        "Ledger",
        "a table outside of a backup plan",
        "point-in-time recovery covers 35 days. Add the table `provider.ledger` to your plan if it has to be in one",
    ),
)


def stack_with_everything(app: App) -> Stack:
    stack = Stack(app, "Stack", env=IRELAND)
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, **everything(stack))
    web = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
    replaces = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    web.associate_with("Tagged", BY_TAGS, replaces=replaces, enforcement=Enforcement.repair())
    web.associate_with("Listed", InstanceSelection.by_ids(INSTANCE), replaces=replaces)
    return stack


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the template with all settings."""
    path = tmp_path_factory.mktemp("template") / "Stack.template.json"
    path.write_text(json.dumps(Template.from_stack(stack_with_everything(App(context=FLAGS))).to_json()))
    return path


@cache
def nag_findings(folder: Path) -> frozenset[tuple[str, str]]:
    """What all packs find: the rule and the construct."""
    found: set[tuple[str, str]] = set()
    for pack in PACKS:
        app = App(context={**FLAGS, "@aws-cdk/core:validationReportJson": True}, outdir=str(folder / pack))
        Validations.of(app).add_plugins(getattr(cdk_nag, pack)())
        stack_with_everything(app)
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            app.synth()
        found |= set(reported(folder / pack))
    return frozenset(found)


def checkov_findings(template: Path) -> set[tuple[str, str]]:
    """What checkov finds: the rule and the resource."""
    options = ["--framework", "cloudformation", "--quiet", "--compact", "--skip-download", "--output", "json"]
    run = subprocess.run([CHECKOV, "--file", template, *options], capture_output=True, text=True, check=False)
    report = json.loads(run.stdout)
    assert report["summary"]["passed"], run.stderr
    return {(one["check_id"], one["resource"]) for one in report["results"]["failed_checks"]}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory, template: Path) -> set[tuple[str, str]]:
    return {*nag_findings(tmp_path_factory.mktemp("nag")), *checkov_findings(template)}


def test_every_finding_is_acknowledged(findings: set[tuple[str, str]]) -> None:
    assert findings
    assert [one for one in sorted(findings) if not any(known.covers(one) for known in ACKNOWLEDGED)] == []


@pytest.mark.parametrize("known", ACKNOWLEDGED, ids=lambda known: known.what)
def test_every_acknowledgement_is_still_needed(findings: set[tuple[str, str]], known: Acknowledged) -> None:
    assert any(known.covers(one) for one in findings)


def test_cfn_lint_finds_nothing(template: Path) -> None:
    cfn_lint = Path(sys.executable).parent / "cfn-lint"
    linted = subprocess.run(
        [cfn_lint, "--ignore-checks", IGNORED, "--template", template], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_documentation_shows_every_acknowledgement(findings: set[tuple[str, str]]) -> None:
    rows = [f"| {_rules(known, findings)} | {known.what} | {known.reason} |\n" for known in ACKNOWLEDGED]
    found = "".join(["| rules | finding | why it stays |\n", "|---|---|---|\n", *rows])
    if os.environ.get("UPDATE_SNAPSHOTS"):
        TABLE.write_text(found, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == found


def _rules(known: Acknowledged, findings: set[tuple[str, str]]) -> str:
    names = {rule.partition("[")[0] for rule, place in findings if known.covers((rule, place))}
    return ", ".join(f"`{name}`" for name in sorted(names))
