"""What Aspects and overrides make of an association's properties is respected, or refused with a sentence."""

import re
from collections.abc import Callable
from typing import Any

import jsii
import pytest
from aws_cdk import App, Aspects, CfnResource, IAspect, RemovalPolicy, Stack
from constructs import IConstruct

from cdk_instance_role import ReplaceableProfiles, Rollout
from cdk_instance_role.association import RESOURCE_TYPE
from tests.synth.builders import OTHER_INSTANCE, alarm, associated, association_of, new_stack

LEGACY = "arn:aws:iam::111122223333:instance-profile/Legacy"


@jsii.implements(IAspect)
class Changes:
    """An Aspect that changes all associations."""

    def __init__(self, change: Callable[[CfnResource], None]) -> None:
        self._change = change

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, CfnResource) and node.cfn_resource_type == RESOURCE_TYPE:
            self._change(node)


def overridden(key: str, value: Any, **association_props: Any) -> Stack:
    stack = associated(**association_props)
    Aspects.of(stack).add(Changes(lambda association: association.add_property_override(key, value)))
    return stack


def synthesize(stack: Stack) -> Any:
    app = stack.node.root
    assert isinstance(app, App)
    return app.synth()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("InstanceIds", [OTHER_INSTANCE]),
        ("InstanceTags", {"app": ["web"]}),
        ("InstanceProfileArn", LEGACY),
        ("RoleArn", "arn:aws:iam::111122223333:role/Legacy"),
        ("Replaces", [{"InstanceProfileArn": LEGACY}]),
        ("Enforcement", {"Mode": "repair"}),
        ("FormerPaths", ["/other/"]),
        ("RemovalPolicy", "Retain"),
        ("ServiceToken", "arn:aws:lambda:eu-west-1:111122223333:function:other"),
    ],
)
def test_what_permissions_or_checks_depend_on_is_refused(key: str, value: Any) -> None:
    refused = (
        f"{key} of the association is changed by an Aspect or an override, and the permissions of the handler and the "
        "checks at synthesis follow the arguments of the construct: change the arguments"
    )
    with pytest.raises(RuntimeError, match=re.escape(refused)):
        synthesize(overridden(key, value))


def test_a_part_of_such_a_property_is_refused_too() -> None:
    stack = new_stack()
    rollout = Rollout.in_waves(first=1, percentages=[100], alarms=[alarm(stack)])
    with pytest.raises(RuntimeError, match=r"Rollout of the association is changed by an Aspect"):
        synthesize(overridden("Rollout.Alarms", ["payroll"], stack=stack, rollout=rollout))


def test_a_property_that_is_taken_away_is_refused() -> None:
    replaces = ReplaceableProfiles.any()
    with pytest.raises(RuntimeError, match=r"Replaces of the association is changed by an Aspect"):
        synthesize(overridden("Replaces", None, replaces=replaces))


@pytest.mark.parametrize(
    ("key", "value"), [("OnConflict", "KEEP"), ("TimeoutSeconds", 600), ("Salt", "7")], ids=lambda value: str(value)
)
def test_anything_else_is_respected(key: str, value: Any) -> None:
    stack = overridden(key, value)
    synthesize(stack)
    assert association_of(stack)["Properties"][key] == value


def test_what_the_library_hands_over_is_no_override_in_the_next_synthesis() -> None:
    stack = associated()
    for _ in range(2):
        Aspects.of(stack).add(Changes(lambda association: association.apply_removal_policy(RemovalPolicy.RETAIN)))
        synthesize(stack)
    assert association_of(stack)["Properties"]["RemovalPolicy"] == "Retain"
