"""Who can send to the queue of enforcement, as IAM decides it by the policy in the template."""

from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import aws_iam as iam

from cdk_instance_role import AssociationProvider, Enforcement
from tests.simulator.evaluator import evaluator
from tests.synth.all_settings import OPERATOR
from tests.synth.builders import ACCOUNT, BY_TAGS, REGION, as_text, associated, new_stack, resources

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:Queue"
RULE, OTHER_RULE = (f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}" for name in ("Ours", "Other"))
SCHEDULE_ROLE, ADMIN = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("Schedule", "Admin"))
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
BY_A_SERVICE, BY_A_PRINCIPAL = {"aws:principalisawsservice": "true"}, {"aws:principalisawsservice": "false"}


@pytest.fixture(scope="module")
def policy() -> dict[str, Any]:
    """The policy of the queue, with ARNs in place of references."""
    stack = new_stack()
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, reconcilers=[iam.ArnPrincipal(OPERATOR)])
    associated(BY_TAGS, stack, enforcement=Enforcement.repair())
    found = resources(stack)
    known = {"Queue": QUEUE, "Rule": RULE, "ScheduleRole": SCHEDULE_ROLE}
    ids = {id_: id_[:-8].partition("ProviderEnforcement")[2] for id_ in found}
    arns = {f"{id_}.Arn": known[name] for id_, name in ids.items() if name in known}
    (document,) = (one["Properties"]["PolicyDocument"] for id_, one in found.items() if ids[id_] == "QueuePolicy")
    return dict(as_text(document, arns))


def may_send(
    policy: Mapping[str, Any],
    principal: str | None,
    keys: Mapping[str, str],
    *,
    service: str | None = None,
    secure: bool = True,
    own_policy: bool = False,
) -> bool:
    """Whether a request to send is allowed.

    Args:
        policy: of the queue.
        principal: ARN of a role; None for a service, or without credentials.
        keys: condition keys of the request.
        service: the service that sends on its own.
        secure: whether it comes by TLS.
        own_policy: whether the policy of the principal allows everything.
    """
    iam_evaluator = evaluator()
    context = iam_evaluator.EvalContext(
        principal_arn=principal or "",  # the evaluator can't be without one, and no ARN is equal to this
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action="sqs:SendMessage",
        resource_arn=QUEUE,
        region=REGION,
        secure_transport=secure,
        service_context=dict(keys),
    )
    by_queue = iam_evaluator.evaluate_resource_policy(dict(policy), context, service).decision
    by_principal = iam_evaluator.evaluate(
        context, [iam_evaluator.parse_policy_document({"Statement": [EVERYTHING]})] if own_policy else []
    ).decision
    return by_queue != "Deny" and "Allow" in (by_queue, by_principal)


def of_rule(arn: str) -> dict[str, str]:
    return {**BY_A_SERVICE, "aws:sourcearn": arn}


def test_the_rule_of_the_provider_sends(policy: Mapping[str, Any]) -> None:
    assert may_send(policy, None, of_rule(RULE), service="events.amazonaws.com")


def test_the_schedule_sends_with_the_policy_of_its_role(policy: Mapping[str, Any]) -> None:
    assert may_send(policy, SCHEDULE_ROLE, BY_A_PRINCIPAL, own_policy=True)


def test_a_reconciler_sends_without_a_policy_of_its_own(policy: Mapping[str, Any]) -> None:
    assert may_send(policy, OPERATOR, BY_A_PRINCIPAL)


def test_an_administrator_does_not_send(policy: Mapping[str, Any]) -> None:
    assert not may_send(policy, ADMIN, BY_A_PRINCIPAL, own_policy=True)


def test_an_administrator_does_not_send_where_the_key_is_absent(policy: Mapping[str, Any]) -> None:
    assert not may_send(policy, ADMIN, {}, own_policy=True)


def test_another_rule_does_not_send(policy: Mapping[str, Any]) -> None:
    assert not may_send(policy, None, of_rule(OTHER_RULE), service="events.amazonaws.com")


def test_another_service_does_not_send(policy: Mapping[str, Any]) -> None:
    assert not may_send(policy, None, of_rule(RULE), service="sns.amazonaws.com")


def test_a_caller_without_credentials_does_not_send(policy: Mapping[str, Any]) -> None:
    """Even if another statement allowed it."""
    for_all = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": QUEUE}
    widened = {**policy, "Statement": [*policy["Statement"], for_all]}
    assert may_send({"Statement": [for_all]}, None, {}), "that is what the statement is for"
    assert not may_send(widened, None, {})


@pytest.mark.parametrize("principal", [SCHEDULE_ROLE, OPERATOR])
def test_a_caller_without_tls_does_not_send(policy: Mapping[str, Any], principal: str) -> None:
    assert not may_send(policy, principal, BY_A_PRINCIPAL, secure=False, own_policy=True)
