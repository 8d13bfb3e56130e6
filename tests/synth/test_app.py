"""The app as the CDK CLI starts it: context in, a cloud assembly or one clear line out."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import jsii
import pytest
from aws_cdk import App
from constructs import IValidation

import app
from cdk_instance_role import Rollout
from stacks.config import RoleEntry
from stacks.instance_role_stack import InstanceRoleStack
from tests.synth.builders import (
    INSTANCE,
    IRELAND,
    OTHER_INSTANCE,
    ROOT,
    association_of,
    environment_with_node,
    new_app,
    statements,
)
from tests.synthesis import APP, synthesize

QUICK = {"instance_ids": INSTANCE, "managed_policies": "AmazonS3ReadOnlyAccess"}
IN_BEIJING = {"instance_ids": INSTANCE, "account": "111122223333", "region": "cn-north-1"}
DUBLIN = {"account": "111122223333", "regions": ["eu-west-1"]}
KEY_OF_AWS = "arn:aws:kms:cn-north-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"


def run(context: dict[str, Any], folder: Path, *, validated: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the app with this context, with no way to reach anything: no credentials, no Region, no network proxy.

    Args:
        context: of the app.
        folder: where the cloud assembly is written to.
        validated: let the CDK validate the templates. That takes longer than the rest of a synthesis.
    """
    environment = environment_with_node(
        CDK_CONTEXT_JSON=json.dumps(context),
        CDK_OUTDIR=str(folder),
        AWS_EC2_METADATA_DISABLED="true",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        CDK_VALIDATION=str(validated).lower(),
    )
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def run_here(context: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """The same as `run`, in the process of the tests. That takes a tenth of the time, and the CDK validates nothing.

    jsii prints a warning about a deprecated property once for each process, so an earlier test may have had it. Those
    that `run` the app see all of them.
    """
    output, errors = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            synthesize(APP, context, folder)
            said: str | int | None = None
        except SystemExit as ended:
            said = ended.code
    assert said is None or isinstance(said, str), "Python prints a text, and ends with 1"
    printed, warned = (one.buffer.getvalue().decode() for one in (output, errors))
    return subprocess.CompletedProcess([APP], 0 if said is None else 1, printed, warned + (f"{said}\n" if said else ""))


def templates(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.template.json")}


def test_the_keys_of_the_command_line_define_one_stack(tmp_path: Path) -> None:
    finished = run(QUICK, tmp_path, validated=True)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert set(templates(tmp_path)) == {"InstanceRole-default.template.json"}


def test_every_entry_is_a_separate_stack(tmp_path: Path) -> None:
    entries = {"web": {"instance_ids": [INSTANCE]}, "api": {"instance_tags": {"app": ["api"]}}}
    assert run_here({"instance_roles": entries}, tmp_path).returncode == 0
    assert set(templates(tmp_path)) == {"InstanceRole-web.template.json", "InstanceRole-api.template.json"}


def test_the_committed_map_can_be_replaced_on_the_command_line(tmp_path: Path) -> None:
    assert run_here({"instance_roles": json.dumps({"job": {"instance_ids": [INSTANCE]}})}, tmp_path).returncode == 0
    assert set(templates(tmp_path)) == {"InstanceRole-job.template.json"}


def test_the_same_configuration_always_gives_the_same_template(tmp_path: Path) -> None:
    entries = {"web": {"instance_ids": [INSTANCE, OTHER_INSTANCE], "replaces": ["OldProfile"], "on_conflict": "keep"}}
    for start, name in ((run, "one"), (run_here, "two")):  # in two processes
        assert start({"instance_roles": entries}, tmp_path / name).returncode == 0
    assert templates(tmp_path / "one") == templates(tmp_path / "two") != {}


def test_account_and_region_of_an_entry_are_those_of_its_stack(tmp_path: Path) -> None:
    entry = {"instance_ids": [INSTANCE], "account": "111122223333", "region": "eu-west-1"}
    assert run_here({"instance_roles": {"web": entry}}, tmp_path).returncode == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["artifacts"]["InstanceRole-web"]["environment"] == "aws://111122223333/eu-west-1"


def test_profiles_that_may_be_replaced_may_have_similar_names(tmp_path: Path) -> None:
    alike = ["team-a/Old", "Old", "team-b/Old", "OldRole", {"instance_profile": "x/OldRole", "role": "Old"}]
    entries = {
        "web": {"instance_ids": [INSTANCE], "replaces": alike},
        "api": {"instance_ids": [OTHER_INSTANCE], "replaces": alike[::-1]},
    }
    finished = run_here({"instance_roles": entries}, tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    for text in templates(tmp_path).values():
        for name in ("Old", "team-a/Old", "team-b/Old", "OldRole", "x/OldRole"):
            assert f':instance-profile/{name}"' in text.decode()


def stack_of(**entry: Any) -> InstanceRoleStack:
    return InstanceRoleStack(new_app(), "InstanceRole-web", entry=RoleEntry.model_validate(entry), env=IRELAND)


def test_an_entry_sets_waves_and_timeout() -> None:
    waves = {"first": 2, "growth": 3, "bake_minutes": 1.5, "alarms": ["web/errors", "latency"], "max_failures": "2%"}
    stack = stack_of(instance_tags={"app": ["web"]}, rollout=waves, timeout_minutes=60)

    properties = association_of(stack)["Properties"]

    assert properties["TimeoutSeconds"] == 3600
    assert properties["Rollout"] == {
        "First": 2,
        "Growth": 3,
        "BakeSeconds": 90,
        "Alarms": ["web/errors", "latency"],
        "MaxFailures": "2%",
    }
    assert [one["Resource"] for one in statements(stack, "cloudwatch:DescribeAlarms")] == ["*"]


def test_an_entry_without_a_rollout_has_no_rollout_property() -> None:
    properties = association_of(stack_of(instance_ids=[INSTANCE]))["Properties"]
    assert "Rollout" not in properties
    assert properties["TimeoutSeconds"] == 1800


def test_an_entry_uses_the_defaults_of_the_library() -> None:
    properties = association_of(stack_of(instance_tags={"app": ["web"]}, rollout={}))["Properties"]
    assert {"Rollout": properties["Rollout"]} == Rollout.in_waves().render()
    assert properties["TimeoutSeconds"] == 3600


def tagged(tags: dict[str, list[str]]) -> dict[str, Any]:
    """A context with an entry that selects by these tags."""
    return {"instance_roles": {"web": {"instance_tags": tags}}}


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no instances": ({}, "no instances selected: add an entry to instance_roles"),
    "an empty list": (
        {"instance_ids": ""},
        "instance_roles.default.instance_ids is []: List should have at least 1 item",
    ),
    "a malformed id": (
        {"instance_ids": "i-123"},
        "instance_roles.default.instance_ids[0] is 'i-123': Input should be an instance id: i- and 8 or 17",
    ),
    "an id twice": (
        {"instance_ids": f"{INSTANCE},{INSTANCE}"},
        f"instance_roles.default.instance_ids: instance id '{INSTANCE}' is selected more than once",
    ),
    "an unknown key": ({"instance_id": INSTANCE}, "unknown context key 'instance_id': did you mean 'instance_ids'?"),
    "tags outside an entry": (
        {"instance_tags": '{"app": ["web"]}'},
        "'instance_tags' has no effect as a context key: put instance_tags into an entry of instance_roles",
    ),
    "an entry twice": (
        {"instance_roles": f'{{"web": {{"instance_ids": ["{INSTANCE}"]}}, "web": {{}}}}'},
        "instance_roles has the key 'web' 2 times in one map: leave one of them",
    ),
    "a policy of another account": (
        {**QUICK, "account": "111122223333", "managed_policies": "arn:aws:iam::444455556666:policy/Own"},
        "arn:aws:iam::444455556666:policy/Own is in account 444455556666, and the entry is for account 111122223333",
    ),
    "an unknown key in an entry": (
        {"instance_roles": {"web": {"instance_ids": [INSTANCE], "replace": []}}},
        "instance_roles.web has the unknown key 'replace': did you mean 'replaces'?",
    ),
    "ids and tags": (
        {"instance_roles": {"web": {"instance_ids": [INSTANCE], "instance_tags": {"app": ["web"]}}}},
        "instance_roles.web: give either instance_ids or instance_tags, not both",
    ),
    "no name of a policy": (
        {**QUICK, "managed_policies": "Amazon S3"},
        "instance_roles.default.managed_policies[0] is 'Amazon S3': Input should be the name of an AWS managed policy",
    ),
    "no JSON": ({"instance_roles": "{web}"}, "instance_roles is '{web}', which is not JSON"),
    "more ids than fit": (
        {"instance_ids": ",".join(f"i-{number:017x}" for number in range(1000))},
        "error: instance_roles.default: the instance ids, tags, profiles and alarms of InstanceRole-default need ",
    ),
    "a profile twice": (
        {**QUICK, "replaces": "Old,Old"},
        "instance_roles.default.replaces: profile 'Old' is listed more than once, list it once",
    ),
    "more tag values than fit": (
        {"instance_roles": {"web": {"instance_tags": {"app": [f"{n:0200}" for n in range(190)]}}}},
        "error: instance_roles.web: the instance ids, tags, profiles and alarms of InstanceRole-web need ",
    ),
    "waves that take too long": (
        {"instance_roles": {"web": {"instance_tags": {"app": ["web"]}, "rollout": {"bake_minutes": 33.3}}}},
        (
            "instance_roles.web: the rollout of InstanceRole-web/InstanceRole/Association takes 5 waves of up to "
            "70 seconds until EC2 has confirmed the targets and 33 minutes 18 seconds to bake, 172 minutes 20 seconds "
            "in all, and CloudFormation waits for 60 minutes"
        ),
    ),
    "waves that grow by more than a number can say": (
        {"instance_roles": f'{{"web": {{"instance_ids": ["{INSTANCE}"], "rollout": {{"growth": 1{"0" * 400}}}}}}}'},
        "Input should be a finite number",
    ),
    "a first wave of more than a number can say": (
        {"instance_roles": {"web": {"instance_ids": [INSTANCE], "rollout": {"first": 10**400}}}},
        "instance_roles.web.rollout.first is None: Input should be a number that is not too large",
    ),
    "a first wave without a target": (
        {"instance_roles": {"web": {"instance_ids": [INSTANCE], "rollout": {"first": 0}}}},
        "instance_roles.web.rollout.first is 0: Input should be greater than or equal to 1",
    ),
    "a setting that there is not": (
        {**QUICK, "instance_role_settings": {"runtimes": "python3.13"}},
        "instance_role_settings has the unknown key 'runtimes': did you mean 'runtime'?",
    ),
    "a key of another Region": (
        {
            **QUICK,
            "region": "eu-west-1",
            "instance_role_settings": {"encryption_key": KEY_OF_AWS.replace("cn-north-1", "us-east-1")},
        },
        "instance_roles.default is for eu-west-1, and encryption_key 'arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d",
    ),
    "a key of another partition": (
        {**IN_BEIJING, "instance_role_settings": {"encryption_key": KEY_OF_AWS}},
        (
            f"instance_roles.default: encryption_key '{KEY_OF_AWS}' is in partition aws, and the provider in aws-cn: "
            "use one in the same partition"
        ),
    ),
    "a permissions boundary of another partition": (
        {**IN_BEIJING, "instance_role_settings": {"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}},
        (
            "instance_roles.default: permissions_boundary 'arn:aws:iam::aws:policy/PowerUserAccess' is in partition "
            "aws, and "
            "InstanceRole-default in aws-cn: use one in the same partition"
        ),
    ),
    "a permissions boundary of another partition for a shared provider": (
        {
            **IN_BEIJING,
            "instance_role_settings": {
                "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess",
                "shared_provider": True,
            },
        },
        (
            "instance_roles.default: permissions_boundary 'arn:aws:iam::aws:policy/PowerUserAccess' is in partition "
            "aws, and "
            "InstanceRoleProvider-111122223333-cn-north-1 in aws-cn: use one in the same partition"
        ),
    ),
    "a reconciler of another partition": (
        {**IN_BEIJING, "instance_role_settings": {"reconcilers": ["arn:aws:iam::111122223333:role/Operator"]}},
        (
            "instance_roles.default: reconciler 'arn:aws:iam::111122223333:role/Operator' is in partition aws, and the "
            "provider in aws-cn: use one in the same partition"
        ),
    ),
    "a tag that a policy can't hold": (
        tagged({"app": ["\u65e5\u672c"]}),
        "instance_roles.web.instance_tags: value of tag 'app' '\u65e5\u672c' holds '\u65e5': the handler's IAM policy",
    ),
    "two tag keys that differ in case": (
        tagged({"app": ["web"], "App": ["api"]}),
        "instance_roles.web.instance_tags: the tag keys 'app' and 'App' differ only in case, which IAM can't",
    ),
    "more tag values than EC2 takes": (
        tagged({"app": [str(number) for number in range(191)]}),
        "instance_roles.web.instance_tags: 191 tag values are more than the 190 that EC2 can be asked for at once",
    ),
    "a tag in an entry with environments": (
        {
            "instance_roles": {
                "db": {"instance_tags": {"app": ["db"]}},
                "web": {"instance_tags": {"app": ["\u65e5\u672c"]}, "environments": [DUBLIN]},
            }
        },
        "instance_roles.web.instance_tags: value of tag 'app'",
    ),
    "an id twice in an environment": (
        {"instance_roles": {"web": {"environments": [{**DUBLIN, "instance_ids": [INSTANCE, INSTANCE]}]}}},
        f"instance_roles.web.environments[0].instance_ids: instance id '{INSTANCE}' is selected more than once",
    ),
    "waves that take too long in an environment": (
        {
            "instance_roles": {
                "web": {
                    "instance_tags": {"app": ["web"]},
                    "rollout": {"bake_minutes": 33.3},
                    "environments": [DUBLIN],
                }
            }
        },
        "instance_roles.web.environments[0]: the rollout of InstanceRole-web-111122223333-eu-west-1/InstanceRole/",
    ),
    "a policy of another partition": (
        {**IN_BEIJING, "managed_policies": "arn:aws:iam::aws:policy/PowerUserAccess"},
        (
            "instance_roles.default.managed_policies: managed policy 'arn:aws:iam::aws:policy/PowerUserAccess' is in "
            "partition aws, and InstanceRole-default/InstanceRole in aws-cn: use one in the same partition"
        ),
    ),
    "a profile of another partition": (
        {**IN_BEIJING, "replaces": "arn:aws:iam::111122223333:instance-profile/Old"},
        (
            "instance_roles.default: instance profile 'arn:aws:iam::111122223333:instance-profile/Old' is in partition "
            "aws, and InstanceRole-default/InstanceRole/Association in aws-cn: use one in the same partition"
        ),
    ),
    "an instance in two entries": (
        {"instance_roles": {"web": {"instance_ids": [INSTANCE]}, "api": {"instance_ids": [INSTANCE]}}},
        f"instance {INSTANCE} is in the entries 'web' and 'api' of instance_roles: an instance carries one profile",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_fails_with_one_clear_line_on(mistake: str, tmp_path: Path) -> None:
    context, message = MISTAKES[mistake]
    finished = run_here(context, tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert templates(tmp_path) == {}


def test_a_mistake_is_printed_to_standard_error_only(tmp_path: Path) -> None:
    finished = run({}, tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: no instances selected")
    assert templates(tmp_path) == {}


class Refused(App):
    """An app that the CDK refuses to synthesize, like one with a template that it finds wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.node.add_validation(Refusals())


@jsii.implements(IValidation)
class Refusals:
    def validate(self) -> list[str]:
        return ["the first reason", "the second reason"]


def test_an_error_of_the_cdk_at_synthesis_is_printed_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "App", Refused)
    monkeypatch.setattr(app, "load", lambda *_: [])
    with pytest.raises(SystemExit) as caught:
        app.run()
    lines = str(caught.value.code).splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert [line.endswith(("the first reason", "the second reason")) for line in lines[-2:]] == [True, True]


def test_a_programming_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(app, "main", fail)
    with pytest.raises(RuntimeError, match="a fault"):
        app.run()
