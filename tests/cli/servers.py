"""Stacks for the tests of the command line, as the CDK synthesizes them. Each is synthesized once."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from cdk_instance_role import (
    Enforcement,
    InstanceRole,
    InstanceSelection,
    OnConflict,
    ReplaceableProfiles,
    Rollout,
)
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.synth.builders import FLAGS, IRELAND, NOT_COPIED, imported_profile

STACK = "Servers"
BY_TAGS = {"app": ["web"]}
ANY = "*"
NO_WAVES, NOT_ENFORCED = Rollout.all_at_once(), Enforcement.none()


@dataclass(frozen=True)
class Servers:
    """A stack with an `InstanceRole` named Web and its association Fleet, and what tests change about it."""

    ids: tuple[str, ...] = ()
    """Targets. Default: the instances with the tag app=web."""
    replaces: tuple[str, ...] = ()
    """Names of imported profiles, or `ANY`."""
    policies: tuple[str, ...] = ("AmazonS3ReadOnlyAccess",)
    """Names of AWS's managed policies in the role."""
    actions: tuple[str, ...] = ()
    """What the inline policy of the role allows."""
    role: str | None = None
    """ARN of an imported role. Default: one of the stack."""
    role_name: str | None = None
    profile_name: str | None = None
    service: str | None = None
    """The only service that may assume the role of the stack, which is no `InstanceRole`'s then. Default: EC2."""
    keeps: bool = False
    """What carries a foreign profile is kept."""
    retained: bool = False
    server: bool = False
    """The stack has an instance Server, which is one of the targets."""
    associated: bool = True
    rollout: Rollout = NO_WAVES
    minutes: int = 30
    """How long an operation may take."""
    enforcement: Enforcement = NOT_ENFORCED

    def define(self, stack: Stack) -> None:
        role = self._role(stack)
        for action in self.actions:
            role.add_to_principal_policy(iam.PolicyStatement(actions=[action], resources=["*"]))
        server = ec2.CfnInstance(stack, "Server", image_id="ami-0123456789abcdef0") if self.server else None
        if self.associated:
            role.associate_with(
                "Fleet",
                self._selection(server),
                replaces=self._replaceable(stack),
                on_conflict=OnConflict.KEEP if self.keeps else OnConflict.FAIL,
                removal_policy=RemovalPolicy.RETAIN if self.retained else RemovalPolicy.DESTROY,
                rollout=self.rollout,
                timeout=Duration.minutes(self.minutes),
                enforcement=self.enforcement,
            )

    def _role(self, stack: Stack) -> InstanceRole:
        if self.role or self.service:
            role: iam.IRole = (
                iam.Role.from_role_arn(stack, "Given", self.role)
                if self.role
                else iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal(str(self.service)))
            )
            return InstanceRole(stack, "Web", role=role, instance_profile_name=self.profile_name)
        return InstanceRole(
            stack,
            "Web",
            managed_policies=list(self.policies),
            role_name=self.role_name,
            instance_profile_name=self.profile_name,
        )

    def _selection(self, server: ec2.CfnInstance | None) -> InstanceSelection:
        ids = (*self.ids, server.ref) if server else self.ids
        return InstanceSelection.by_ids(*ids) if ids else InstanceSelection.by_tags(BY_TAGS)

    def _replaceable(self, stack: Stack) -> ReplaceableProfiles:
        if self.replaces == (ANY,):
            return ReplaceableProfiles.any()
        profiles = [imported_profile(stack, name) for name in self.replaces]
        return ReplaceableProfiles.profiles(*profiles) if profiles else ReplaceableProfiles.none()


@cache
def synthesized(servers: Servers = Servers(), name: str = STACK) -> StackArtifact:
    """A stack of the assembly. Its parent is the folder of the assembly."""
    app = new_app()
    servers.define(Stack(app, name, env=IRELAND))
    (stack,) = assembly.read(written(app))
    return stack


def new_app(**context: str) -> App:
    """An app as the CDK CLI runs it, which writes into a folder of its own."""
    folder = tempfile.mkdtemp(prefix="cdk.out.")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    metadata = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
    return App(outdir=folder, context={**FLAGS, **NOT_COPIED, **metadata, **context})


def written(app: App) -> Path:
    """The folder of the assembly that an app has written."""
    return Path(app.synth().directory)


def write_assembly_of_places(folder: Path, template: Mapping[str, Any], places: Sequence[tuple[str, str]]) -> Path:
    """An assembly with the same stack for these accounts and Regions, under the same name, each with the roles
    of a bootstrap."""
    names = [f"{STACK}{number}" for number in range(len(places))]
    written = write_assembly(folder, **dict.fromkeys(names, template))
    manifest = json.loads((written / "manifest.json").read_text())
    for name, (account, region) in zip(names, places, strict=True):
        artifact = manifest["artifacts"][name]
        artifact["environment"] = f"aws://{account}/{region}"
        lookup, deploy = (
            f"arn:${{AWS::Partition}}:iam::{account}:role/cdk-hnb659fds-{role}-role-{account}-{region}"
            for role in ("lookup", "deploy")
        )
        artifact["properties"] |= {"stackName": STACK, "lookupRole": {"arn": lookup}, "assumeRoleArn": deploy}
    (written / "manifest.json").write_text(json.dumps(manifest))
    return written


def write_assembly(folder: Path, **templates: Mapping[str, Any]) -> Path:
    """An assembly with these templates, by the stack's name, for what no app would write."""
    folder.mkdir(exist_ok=True)
    artifacts = {}
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
        properties = {"templateFile": f"{name}.json"}
        artifacts[name] = {"type": "aws:cloudformation:stack", "properties": properties}
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))
    return folder
