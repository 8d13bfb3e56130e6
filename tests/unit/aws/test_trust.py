"""Whether a role's trust policy allows EC2 to assume the role."""

from typing import Any

import pytest

from cdk_instance_role.runtime.association.aws.trust import allows_ec2

EC2: dict[str, Any] = {"Service": "ec2.amazonaws.com"}
ALLOW: dict[str, Any] = {"Effect": "Allow", "Principal": EC2, "Action": "sts:AssumeRole"}
DENY: dict[str, Any] = {**ALLOW, "Effect": "Deny"}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(ALLOW, id="the usual statement"),
        pytest.param({**ALLOW, "Principal": {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}}, id="a list"),
        pytest.param({**ALLOW, "Principal": {"Service": "ec2.amazonaws.com.cn"}}, id="China"),
        pytest.param({**ALLOW, "Principal": "*"}, id="everyone"),
        pytest.param({**ALLOW, "Principal": {"Service": "*"}}, id="every service"),
        pytest.param({**ALLOW, "Action": ["sts:TagSession", "sts:AssumeRole"]}, id="several actions"),
        pytest.param({**ALLOW, "Action": "sts:*"}, id="all of sts"),
        pytest.param({**ALLOW, "Action": "*"}, id="all actions"),
        pytest.param({**ALLOW, "Action": "STS:assumerole"}, id="actions have no case"),
        pytest.param({**ALLOW, "Condition": MFA}, id="a condition is not guessed"),
        pytest.param(
            {"Effect": "Allow", "Principal": EC2, "NotAction": "sts:TagSession"}, id="all actions but another one"
        ),
    ],
)
def test_ec2_may_assume_the_role(statement: dict[str, Any]) -> None:
    assert allows_ec2(policy(statement))


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param({**ALLOW, "Principal": {"Service": "lambda.amazonaws.com"}}, id="another service"),
        pytest.param({**ALLOW, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, id="an account"),
        pytest.param({**ALLOW, "Principal": {"Federated": "cognito-identity.amazonaws.com"}}, id="a federation"),
        pytest.param({**ALLOW, "Action": "sts:AssumeRoleWithWebIdentity"}, id="another action"),
        pytest.param({**ALLOW, "Action": "sts:TagSession"}, id="tagging only"),
        pytest.param({"Effect": "Allow", "Principal": EC2, "NotAction": "sts:*"}, id="all actions but these"),
        pytest.param({"Effect": "Allow", "Action": "sts:AssumeRole"}, id="no principal"),
        pytest.param(DENY, id="only a denial"),
    ],
)
def test_ec2_may_not_assume_the_role(statement: dict[str, Any]) -> None:
    assert not allows_ec2(policy(statement))


def test_a_denial_overrides_an_allowance() -> None:
    assert not allows_ec2(policy(ALLOW, DENY))


def test_a_denial_under_a_condition_is_ignored() -> None:
    assert allows_ec2(policy(ALLOW, {**DENY, "Condition": MFA}))


def test_a_denial_for_another_principal_does_not_matter() -> None:
    assert allows_ec2(policy(ALLOW, {**DENY, "Principal": {"Service": "lambda.amazonaws.com"}}))


def test_one_of_several_statements_is_enough() -> None:
    assert allows_ec2(policy({**ALLOW, "Principal": {"Service": "lambda.amazonaws.com"}}, ALLOW))


def test_a_single_statement_needs_no_list() -> None:
    assert allows_ec2({"Statement": ALLOW})


@pytest.mark.parametrize("empty", [{}, {"Statement": []}])
def test_an_empty_policy_allows_no_principal(empty: dict[str, Any]) -> None:
    assert not allows_ec2(empty)
