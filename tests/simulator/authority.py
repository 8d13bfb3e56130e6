"""Whether IAM allows a role to make a call: what AWS checks for each call, and what the policies of the role allow.

Actions, resources and condition keys:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.evaluator import evaluator
from tests.simulator.fleet import ACCOUNT, REGION

HANDLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/Handler/handler"
"""The principal of the calls, unless another one is given."""

Document = Mapping[str, Any]
Statement = Mapping[str, Any]

_CHECKED_BY_EC2 = ("ec2:", "iam:PassRole")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that a principal has to be allowed for a call to succeed; a call may need several."""

    action: str
    """For example ``ec2:ReplaceIamInstanceProfileAssociation``."""
    resource: str
    """An ARN, or ``*`` for an action without resource types."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The condition keys that AWS fills in. One that it leaves out is not there."""


@dataclass(frozen=True, slots=True)
class _Version:
    """The content of a policy from some time on."""

    statements: tuple[Statement, ...]
    parsed: list[Any]
    in_force_at: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about an attempt, and the policies behind it."""

    attempt: Attempt
    allowed: bool
    statements: tuple[Statement, ...]
    """All that were in force."""


class Authority:
    """Decides about calls with the policies that are attached to a role, by name."""

    def __init__(
        self,
        policies: Mapping[str, Document] | None = None,
        *,
        principal_arn: str = HANDLER,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """
        Args:
            policies: the policies that are attached from the beginning, by name.
            principal_arn: session of the role.
            clock: what time it is, for policies that are not in force at once.
        """
        self.principal_arn = principal_arn
        self.shows_deleted_profiles = True
        """The condition key ``ec2:InstanceProfile`` is there for an instance whose profile was deleted. Whether AWS has
        it is unknown."""
        self._clock = clock
        self._policies: dict[str, tuple[_Version, ...]] = {}
        self._decisions: dict[Any, Decision] = {}
        for name, document in (policies or {}).items():
            self.attach(name, document)

    def attach(self, name: str, document: Document, *, after: float = 0.0) -> None:
        """Attach a policy; one of the same name gets the new content in place.

        Args:
            name: name of the policy.
            document: its content.
            after: seconds until it is in force, because IAM takes its time. Until then the former content is.

        Raises:
            ValueError: IAM would refuse the document, or put something in it that the evaluator would not.
        """
        problem = evaluator().validate_policy_document(document)
        if problem:
            raise ValueError(f"policy {name}: {problem}")
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        if "${" in json.dumps(document):
            raise ValueError(f"policy {name} has a policy variable")
        version = _version(tuple(_listed(document["Statement"])), self._clock() + after)
        self._policies[name] = (*self._policies.get(name, ()), version)

    def detach(self, name: str) -> None:
        """Detach a policy.

        Raises:
            KeyError: no policy of that name is attached.
        """
        del self._policies[name]

    def allows(self, attempt: Attempt) -> bool:
        """Whether a policy allows an attempt, and none denies it."""
        context = evaluator().EvalContext(
            principal_arn=self.principal_arn,
            principal_type="AssumedRole",
            principal_account=self.principal_arn.split(":")[4],
            action=attempt.action,
            resource_arn=attempt.resource,
            region=REGION,
            # The names of condition keys are not case-sensitive.
            service_context={key.lower(): value for key, value in attempt.keys.items()},
        )
        in_force = self._in_force()
        result = evaluator().evaluate(context, [version.parsed for version in in_force])
        decision = Decision(attempt, result.decision == "Allow", sum((one.statements for one in in_force), ()))
        grounds = tuple(id(version) for version in in_force)
        self._decisions[attempt.action, attempt.resource, tuple(attempt.keys.items()), grounds] = decision
        return decision.allowed

    def refused(self, attempts: Iterable[Attempt]) -> Attempt | None:
        """The first attempt that is not allowed; None if a call that needs all of them goes through."""
        return next((attempt for attempt in attempts if not self.allows(attempt)), None)

    def statements(self) -> list[tuple[str, int, Statement]]:
        """All statements, each with the name of its policy and its place in there."""
        return [
            (name, index, one)
            for name, versions in self._policies.items()
            for index, one in enumerate(versions[-1].statements)
        ]

    def without(self, name: str, index: int) -> "Authority":
        """The same authority, but for one statement: shows what that statement is needed for.

        Raises:
            KeyError: no policy of that name is attached.
            IndexError: the policy has no such statement.
        """
        *former, last = self._policies[name]
        statements = list(last.statements)
        del statements[index]
        copy = Authority(principal_arn=self.principal_arn, clock=self._clock)
        copy.shows_deleted_profiles = self.shows_deleted_profiles
        copy._policies = {**self._policies, name: (*former, _version(tuple(statements), last.in_force_at))}
        return copy

    @property
    def decisions(self) -> list[Decision]:
        """What was decided so far, each once for the same policies."""
        return list(self._decisions.values())

    def _in_force(self) -> list[_Version]:
        now = self._clock()
        present = ([one for one in versions if one.in_force_at <= now] for versions in self._policies.values())
        return [versions[-1] for versions in present if versions]


def _version(statements: tuple[Statement, ...], in_force_at: float) -> _Version:
    parsed = evaluator().parse_policy_document({"Statement": list(statements)})
    return _Version(statements, parsed, in_force_at)


def denial(attempt: Attempt, principal_arn: str = HANDLER) -> str:
    """The answer of AWS to a call that is not allowed. EC2 puts a sentence before it, also when it is the role
    that may not be passed."""
    why = f"because no identity-based policy allows the {attempt.action} action"
    who = f"User: {principal_arn} is not authorized to perform: {attempt.action} on resource: {attempt.resource} {why}"
    by_ec2 = attempt.action.startswith(_CHECKED_BY_EC2)
    return f"You are not authorized to perform this operation. {who}" if by_ec2 else who


def describe(action: str) -> list[Attempt]:
    """What a ``Describe...`` call of EC2 needs. EC2 has no narrower resource than ``*`` for reads."""
    return [Attempt(action, "*")]


def describe_alarms(resources: Iterable[str]) -> list[Attempt]:
    """What a read of alarms needs.

    Args:
        resources: ARNs of the alarms, or ``*`` if there are composite ones among them.
    """
    return [Attempt("cloudwatch:DescribeAlarms", resource) for resource in resources]


def describe_stacks(stack_arn: str) -> list[Attempt]:
    """What a read of a stack needs.

    Args:
        stack_arn: ARN of the stack, which is its id.
    """
    return [Attempt("cloudformation:DescribeStacks", stack_arn)]


def associate(
    instance_arn: str, tags: Mapping[str, str], carried: str | None, new_profile: str, role_arn: str | None
) -> list[Attempt]:
    """What an instance needs to get a profile.

    Args:
        instance_arn: ARN of the instance.
        tags: its tags.
        carried: ARN of the profile that it carries; None for none, and then there is no such condition key.
        new_profile: ARN of the profile that it gets.
        role_arn: the role that is really in that profile; a profile without one passes none.
    """
    keys = _instance_keys(tags, carried, new_profile)
    return [Attempt("ec2:AssociateIamInstanceProfile", instance_arn, keys), *pass_role(role_arn)]


def replace(
    instance_arn: str, tags: Mapping[str, str], carried: str | None, new_profile: str, role_arn: str | None
) -> list[Attempt]:
    """What an instance needs to get another profile instead; the arguments are those of `associate`."""
    keys = _instance_keys(tags, carried, new_profile)
    return [Attempt("ec2:ReplaceIamInstanceProfileAssociation", instance_arn, keys), *pass_role(role_arn)]


def disassociate(instance_arn: str, tags: Mapping[str, str], carried: str | None) -> list[Attempt]:
    """What it needs to disassociate a profile. No role is passed, and no new profile is named."""
    return [Attempt("ec2:DisassociateIamInstanceProfile", instance_arn, _instance_keys(tags, carried))]


def pass_role(role_arn: str | None) -> list[Attempt]:
    """What it needs to pass a role to EC2."""
    to_ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
    return [Attempt("iam:PassRole", role_arn, to_ec2)] if role_arn else []


def get_instance_profile(profile_arn: str) -> list[Attempt]:
    """What it needs to get a profile.

    Args:
        profile_arn: ARN of the profile. The call names it without its path, so for a profile that does not exist this
            can't be more than the ARN of one with that name and no path.
    """
    return [Attempt("iam:GetInstanceProfile", profile_arn)]


def dynamodb(operation: str, request: Mapping[str, Any], table_arn: str) -> list[Attempt]:
    """What a call about one table needs. A transaction needs the right to each of its writes as if made alone:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html

    Args:
        operation: for example ``UpdateItem``.
        request: the parameters of the call.
        table_arn: ARN of the table.
    """
    if operation != "TransactWriteItems":
        return [Attempt(f"dynamodb:{operation}", table_arn)]
    kinds = dict.fromkeys(kind for item in request["TransactItems"] for kind in item)
    return [Attempt(f"dynamodb:{kind}Item", table_arn) for kind in kinds]


def _instance_keys(tags: Mapping[str, str], carried: str | None, new_profile: str | None = None) -> dict[str, str]:
    profiles = {"ec2:InstanceProfile": carried, "ec2:NewInstanceProfile": new_profile}
    present = {key: arn for key, arn in profiles.items() if arn is not None}
    return {**present, **{f"aws:ResourceTag/{key}": value for key, value in tags.items()}}


def _listed(statements: Any) -> list[Statement]:
    """IAM accepts a single statement without brackets."""
    return statements if isinstance(statements, list) else [statements]
