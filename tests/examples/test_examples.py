"""The examples work without changes: each one is synthesized."""

import json
import runpy
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import aws_cdk
import pytest

from tests.synth.builders import ROOT, as_text, listed

EXAMPLES = ROOT / "examples"
ASSOCIATION = "Custom::InstanceProfileAssociation"
APPS = [
    "drift_to_opsitem",
    "drift_to_sns",
    "existing_app",
    "imported_role",
    "pipeline",
    "restricted_account",
    "stages",
    "tags_in_waves",
]
CONTEXTS = ["context", "many_environments", "restricted_context"]
"""Configurations of this repository's app."""

Template = dict[str, Any]
Templates = dict[str, Template]
Synthesize = Callable[[str], Templates]


@pytest.fixture(scope="module")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesizes an example once, and gives its templates by the names of their stacks."""

    @cache
    def templates(name: str) -> Templates:
        return _templates(name, tmp_path_factory.mktemp(name))

    return templates


def _templates(name: str, out: Path) -> Templates:
    """The templates of an example: its file runs unchanged, but for the folder that it writes to."""
    app, context = EXAMPLES / name / "app.py", {}
    if name in CONTEXTS:
        app, context = ROOT / "app.py", json.loads((EXAMPLES / name / "cdk.json").read_text())["context"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(out), context=context))
        runpy.run_path(str(app), run_name="__main__")
    return {path.name.partition(".")[0]: json.loads(path.read_text()) for path in out.glob("**/*.template.json")}


def of_type(template: Template, type: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == type]


def only(template: Template, type: str) -> dict[str, Any]:
    (found,) = of_type(template, type)
    return found


def test_every_folder_is_tested() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()) == sorted([*APPS, *CONTEXTS])


@pytest.mark.parametrize("name", APPS)
def test_the_cdk_cli_starts_the_app(name: str) -> None:
    assert json.loads((EXAMPLES / name / "cdk.json").read_text()) == {"app": "python app.py"}
    assert (EXAMPLES / name / "app.py").is_file()


def test_the_role_in_an_existing_app_reads_the_bucket_and_is_for_the_instances(synthesize: Synthesize) -> None:
    (template,) = synthesize("existing_app").values()

    assert only(template, ASSOCIATION)["InstanceIds"] == ["i-0123456789abcdef0", "i-0fedcba9876543210"]
    (statement,) = _grants_of(template, "s3:GetObject*")
    assert {"s3:GetObject*", "s3:GetBucket*", "s3:List*"} == set(listed(statement["Action"]))
    bucket = next(id_ for id_, one in template["Resources"].items() if one["Type"] == "AWS::S3::Bucket")
    assert {"Fn::GetAtt": [bucket, "Arn"]} in statement["Resource"]


def _grants_of(template: Template, action: str) -> list[dict[str, Any]]:
    """The statements of inline policies that allow an action."""
    policies = of_type(template, "AWS::IAM::Policy")
    found = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [statement for statement in found if action in listed(statement["Action"])]


def test_an_imported_role_is_in_the_new_profile_and_no_role_is_created_for_it(synthesize: Synthesize) -> None:
    (template,) = synthesize("imported_role").values()
    association = only(template, ASSOCIATION)

    assert only(template, "AWS::IAM::InstanceProfile")["Roles"] == ["CompanyBilling"]
    assert association["RoleArn"] == "arn:aws:iam::111122223333:role/CompanyBilling"
    (replaced,) = association["Replaces"]
    assert replaced["InstanceProfileArn"] == "arn:aws:iam::111122223333:instance-profile/Legacy"
    assert as_text(replaced["RoleArn"]) == "arn:aws:iam::111122223333:role/LegacyRole"
    services = [
        one["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for one in of_type(template, "AWS::IAM::Role")
    ]
    assert "ec2.amazonaws.com" not in services


def test_the_fleet_is_selected_by_tags_and_changed_in_waves_that_an_alarm_ends(synthesize: Synthesize) -> None:
    (template,) = synthesize("tags_in_waves").values()
    association = only(template, ASSOCIATION)
    alarms = {id_: one["Properties"] for id_, one in template["Resources"].items() if "::Alarm" in one["Type"]}
    errors = next(id_ for id_, one in alarms.items() if one["MetricName"] == "Errors")
    failed = next(one for one in alarms.values() if one["MetricName"] == "Failed")

    assert association["InstanceTags"] == {"app": ["web", "api"], "env": ["prod"]}
    assert association["Rollout"] == {
        "First": 1,
        "Percentages": [1, 10, 50, 100],
        "BakeSeconds": 300,
        "Alarms": [{"Ref": errors}],
        "MaxFailures": "2%",
    }
    assert failed["Namespace"] == "CdkInstanceRole"
    assert failed["TreatMissingData"] == "notBreaching"
    assert only(template, "AWS::CloudWatch::Dashboard")


def drift_rule(template: Template) -> dict[str, Any]:
    """The rule about drift, which is the one that has not the queue for its target."""
    rules = of_type(template, "AWS::Events::Rule")
    return next(one for one in rules if one["EventPattern"].get("source") == ["cdk-instance-role"])


def test_repaired_drift_is_sent_to_a_topic_and_lasting_drift_raises_an_alarm(synthesize: Synthesize) -> None:
    (template,) = synthesize("drift_to_sns").values()
    (target,) = drift_rule(template)["Targets"]
    alarm = only(template, "AWS::CloudWatch::Alarm")

    assert only(template, ASSOCIATION)["Enforcement"] == {"Mode": "repair", "EverySeconds": 900, "MaxChanges": "10%"}
    (topic,) = (id_ for id_, one in template["Resources"].items() if one["Type"] == "AWS::SNS::Topic")
    assert target["Arn"] == {"Ref": topic}
    assert set(target["InputTransformer"]["InputPathsMap"].values()) == {
        "$.detail.state",
        "$.detail.instance",
        "$.detail.reason",
    }
    assert (alarm["MetricName"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Drifted", 900, 2)


def test_new_drift_creates_one_opsitem(synthesize: Synthesize) -> None:
    (template,) = synthesize("drift_to_opsitem").values()
    rule = drift_rule(template)
    (target,) = rule["Targets"]
    transformer = target["InputTransformer"]

    assert only(template, ASSOCIATION)["Enforcement"] == {"Mode": "report", "EverySeconds": 900}
    assert rule["EventPattern"]["detail"]["state"] == ["OPEN"]
    assert as_text(target["Arn"]) == "arn:aws:ssm:eu-west-1:111122223333:opsitem"
    assert as_text(target["RoleArn"]) == "${OpsItemRole.Arn}"
    assert transformer["InputPathsMap"]["detail-id"] == "$.detail.id"
    # EventBridge puts quotes around a value that is not part of a text.
    data = json.loads(transformer["InputTemplate"].replace(":<source>", ':"<source>"'))["operationalData"]
    assert json.loads(data["/aws/dedup"]["value"]) == {"dedupString": "<detail-id>"}
    (grant,) = _grants_of(template, "ssm:CreateOpsItem")
    assert grant["Resource"] == "*"


def test_each_stage_selects_the_instances_of_its_environment(synthesize: Synthesize) -> None:
    templates = synthesize("stages")

    assert {name[:4]: only(template, ASSOCIATION)["InstanceTags"]["env"] for name, template in templates.items()} == {
        "Test": ["test", "staging"],
        "Prod": ["prod"],
    }


def test_the_pipeline_deploys_waves_of_accounts_in_order_with_an_approval_before_production(
    synthesize: Synthesize,
) -> None:
    stages = only(synthesize("pipeline")["Delivery"], "AWS::CodePipeline::Pipeline")["Stages"]
    by_name = {stage["Name"]: stage["Actions"] for stage in stages}

    assert list(by_name) == ["Source", "Build", "UpdatePipeline", "Assets", "Test", "Pilot", "Production"]
    (source,) = by_name["Source"]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    for name, first in {"Test": "Deploy", "Pilot": "Deploy", "Production": "Approval"}.items():
        assert min(by_name[name], key=lambda action: action["RunOrder"])["ActionTypeId"]["Category"] == first


def test_a_wave_of_the_pipeline_deploys_its_accounts_and_regions_at_the_same_time(synthesize: Synthesize) -> None:
    stages = only(synthesize("pipeline")["Delivery"], "AWS::CodePipeline::Pipeline")["Stages"]
    (production,) = (stage["Actions"] for stage in stages if stage["Name"] == "Production")
    changes = [one for one in production if one.get("Configuration", {}).get("ActionMode") == "CHANGE_SET_EXECUTE"]

    # An action without a Region is in that of the pipeline.
    assert sorted((as_text(one["RoleArn"]).split(":")[4], one.get("Region", "eu-west-1")) for one in changes) == [
        ("123456789012", "eu-west-1"),
        ("123456789012", "us-east-1"),
        ("777788889999", "eu-west-1"),
        ("777788889999", "us-east-1"),
    ]
    assert len({one["RunOrder"] for one in changes}) == 1


def test_each_stage_of_the_pipeline_is_a_role_in_one_account_and_region(synthesize: Synthesize) -> None:
    templates = synthesize("pipeline")
    roles = {name: one for name, one in templates.items() if of_type(one, ASSOCIATION)}

    assert len(roles) == 8
    assert all(only(one, ASSOCIATION)["InstanceTags"] == {"app": ["web"]} for one in roles.values())
    assert len({only(one, "AWS::IAM::InstanceProfile")["Path"] for one in roles.values()}) == 8


def test_an_entry_with_two_accounts_and_two_regions_gives_four_stacks(synthesize: Synthesize) -> None:
    templates = synthesize("many_environments")

    assert set(templates) == {
        "InstanceRole-web-111122223333-eu-west-1",
        "InstanceRole-web-111122223333-us-east-1",
        "InstanceRole-web-444455556666-eu-west-1",
        "InstanceRole-web-444455556666-us-east-1",
    }
    selected = [only(one, ASSOCIATION)["InstanceTags"] for one in templates.values()]
    assert selected == [{"app": ["web"], "env": ["prod"]}] * 4


def test_the_context_gives_one_stack_for_each_entry(synthesize: Synthesize) -> None:
    templates = synthesize("context")
    assert set(templates) == {"InstanceRole-web", "InstanceRole-backup"}

    web, backup = (only(templates[f"InstanceRole-{name}"], ASSOCIATION) for name in ("web", "backup"))
    assert web["InstanceTags"] == {"app": ["web", "api"], "env": ["prod"]}
    assert [as_text(one["RoleArn"]).rpartition("/")[2] for one in web["Replaces"]] == ["OldProfile", "LegacyRole"]
    assert web["Rollout"]["Alarms"] == ["web-errors"]
    assert (backup["InstanceIds"], backup["OnConflict"], backup["TimeoutSeconds"]) == (
        ["i-0123456789abcdef0"],
        "KEEP",
        600,
    )


@pytest.mark.parametrize("name", ["restricted_account", "restricted_context"])
def test_the_rules_of_a_company_reach_every_function_and_role(synthesize: Synthesize, name: str) -> None:
    (template,) = synthesize(name).values()
    functions, roles = of_type(template, "AWS::Lambda::Function"), of_type(template, "AWS::IAM::Role")

    assert len(functions) == 4
    assert {json.dumps(one["VpcConfig"]["SubnetIds"]) for one in functions} == {
        '["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]'
    }
    assert len({one["KmsKeyArn"] for one in functions}) == 1
    assert {as_text(one["PermissionsBoundary"]).rpartition("/")[2] for one in roles} == {"CompanyBoundary"}
    assert all({"Key": "cost-center", "Value": "42"} in one["Tags"] for one in roles)


def test_an_entry_overrides_a_setting_for_all_entries(synthesize: Synthesize) -> None:
    (template,) = synthesize("restricted_context").values()
    assert only(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 731
