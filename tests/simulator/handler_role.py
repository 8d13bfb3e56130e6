"""The role of the handler, with the policies of real templates, attached and detached as CloudFormation does it."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_instance_role import Rollout
from cdk_instance_role.runtime.association.contract import Property, RolloutProperty
from tests.simulator.authority import Authority
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.rights import OWNED_PATH, Document, policies_for_properties
from tests.simulator.simulator import LOG_GROUP_ARN, TABLE_ARN
from tests.synth.builders import BY_TAGS, alarm, associated, new_stack, statements

Amendment = Callable[[Document], Document | None]
"""What is changed in a policy before it is attached; None for a policy of which nothing is left."""

_SOMEWHERE = "arn:aws:iam::111122223333"
_ANY_CONFIGURATION: Mapping[str, Any] = {
    Property.INSTANCE_PROFILE_ARN: f"{_SOMEWHERE}:instance-profile{OWNED_PATH}Any",
    Property.ROLE_ARN: f"{_SOMEWHERE}:role/Any",
    Property.INSTANCE_TAGS: {"app": ["any"]},
    Property.REPLACES: [],
}
"""The policies inside the role are the same for every configuration."""


class HandlerRole:
    """What the handler may do at the moment.

    A policy that several associations want, as one that takes another's place does, is attached once and stays until
    none of them wants it any more.
    """

    def __init__(self, clock: Callable[[], float], amend: Amendment | None = None, *, restricted: bool = False) -> None:
        """
        Args:
            clock: what time it is.
            amend: what is changed in every policy before it is attached.
            restricted: the provider is in a VPC, and under a key.
        """
        self.authority = Authority(clock=clock)
        self.policy_seconds = 0.0
        """How long IAM takes until a policy is in force that is attached from now on, or changed."""
        self.imports_alarms = False
        """The alarms of rollouts are imported, so that they may be composite ones. Else they are metric alarms of the
        app."""
        self.moves = False
        """Profiles of the stack may be replaced by CloudFormation, so that instances have to be moved between them."""
        self.tokens = False
        """The ids of targets are those of instances of the app, which only the deployment knows."""
        self._amend = amend or (lambda document: document)
        self._attached: dict[str, Document] = {}
        self._wanted_by: dict[str, set[str]] = {}
        """Associations by policy."""
        for name, document in _policies(_ANY_CONFIGURATION, inside_role=True, restricted=restricted).items():
            self._put(name, document)

    def attach(self, association: str, properties: Mapping[str, Any], *, in_place: bool = False) -> None:
        """Attach the policies of a configuration. One that is attached already gets its content.

        Args:
            association: whose policies they are.
            properties: of the association's custom resource.
            in_place: an owned profile gets another name, and the policies that refer to it keep theirs.
        """
        for name, document in self._of(properties, in_place=in_place).items():
            self._wanted_by.setdefault(name, set()).add(association)
            if self._attached.get(name) != document:
                self._put(name, document)

    def detach(self, association: str, *, but_for: Mapping[str, Any] | None = None, in_place: bool = False) -> None:
        """Detach what an association no longer needs.

        Args:
            association: whose policies they are.
            but_for: properties of the configuration that is left; None for none.
            in_place: as for `attach`.
        """
        left = self._of(but_for, in_place=in_place) if but_for else {}
        for name in [name for name, those in self._wanted_by.items() if association in those and name not in left]:
            self._wanted_by[name].remove(association)
            if not self._wanted_by[name]:
                self._remove(name)

    def _of(self, properties: Mapping[str, Any], *, in_place: bool) -> dict[str, Document]:
        """The policies that are attached to the role for a configuration."""
        names = properties.get(Property.ROLLOUT, {}).get(RolloutProperty.ALARMS, ())
        watching = _policies_of_alarms(names, imported=self.imports_alarms) if names else {}
        shape = {"moves": self.moves, "tokens": self.tokens}
        return {**_policies(properties, in_place=in_place, **shape), **watching}

    def _put(self, name: str, document: Document) -> None:
        self._attached[name] = document
        amended = self._amend(document)
        if amended:
            self.authority.attach(name, amended, after=self.policy_seconds)

    def _remove(self, name: str) -> None:
        del self._wanted_by[name]
        if self._amend(self._attached.pop(name)):
            self.authority.detach(name)


def _policies(
    properties: Mapping[str, Any], *, in_place: bool = False, inside_role: bool = False, **shape: bool
) -> dict[str, Document]:
    """The policies of a configuration: those inside the role, or those that are attached to it."""
    owned = f":instance-profile{OWNED_PATH}" in properties[Property.INSTANCE_PROFILE_ARN]
    policies = policies_for_properties(properties, owned, TABLE_ARN, LOG_GROUP_ARN, in_place=in_place, **shape)
    return {name: document for name, document in policies.items() if ("/" in name) is inside_role}


def _policies_of_alarms(names: Sequence[str], *, imported: bool) -> dict[str, Document]:
    """What a configuration with these alarms has besides. In a template it is in the same policies as the rest."""
    text = json.dumps(_statements_of_alarms(len(names), imported))
    for number, name in enumerate(names):
        text = text.replace(f"${{Alarm{number}.Arn}}", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")
    return {f"Alarms{'*' if imported else '+'.join(names)}": {"Version": "2012-10-17", "Statement": json.loads(text)}}


@cache
def _statements_of_alarms(count: int, imported: bool) -> Sequence[Document]:
    """What a synthesized template allows for this many alarms that its names call by their number."""
    stack = new_stack()
    ids = [f"Alarm{number}" for number in range(count)]
    alarms: list[cloudwatch.IAlarm] = [
        cloudwatch.Alarm.from_alarm_name(stack, id_, id_) if imported else alarm(stack, id_) for id_ in ids
    ]
    associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=alarms))
    return statements(stack, "cloudwatch:DescribeAlarms")
