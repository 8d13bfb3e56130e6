"""Checks of the arguments of an instance role."""

from typing import Any

from aws_cdk import aws_iam as iam

from .support.argument_types import check_list, check_map, check_optional
from .support.arns import is_token
from .support.lookups import is_dummy
from .support.names import DESCRIPTION, PLAIN_NAME, ROLE_NAME

MAX_DESCRIPTION = 1000
"""Characters: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
A_POLICY = "a managed policy, like iam.ManagedPolicy.from_aws_managed_policy_name(...)"
"""What to give for a managed policy."""


def check_types(managed_policies: object, role: object, inline_policies: object, boundary: object) -> None:
    check_list("managed_policies", managed_policies, "managed policies")
    check_optional("role", role, "role_arn", "a role, like iam.Role.from_role_name(...)")
    if inline_policies is not None:
        check_map("inline_policies", inline_policies, iam.PolicyDocument, "iam.PolicyDocument")
    check_optional("permissions_boundary", boundary, "managed_policy_arn", A_POLICY)


def check_description(description: str | None) -> None:
    check_optional("description", description, str, "a text")
    if description is None:
        return
    if not is_token(description) and len(description) > MAX_DESCRIPTION:
        raise ValueError(f"description has {len(description)} characters: give at most {MAX_DESCRIPTION}")
    refused = DESCRIPTION.sub("", description)
    if refused:
        raise ValueError(
            f"description {description!r} has the character {refused[0]!r} (U+{ord(refused[0]):04X}), which IAM "
            "refuses: use tabs, line breaks, U+0020 to U+007E and U+00A1 to U+00FF, like - for a dash"
        )


def check_names(role_name: str | None, instance_profile_name: str | None, inline_policies: Any) -> None:
    names = [("role_name", role_name, ROLE_NAME, 64), ("instance_profile_name", instance_profile_name, PLAIN_NAME, 128)]
    names += [("the name of an inline policy", name, PLAIN_NAME, 128) for name in inline_policies or ()]
    for what, name, pattern, longest in names:
        check_optional(what, name, str, f"1 to {longest} letters, digits or characters of _+=,.@-")
        if name is not None and not is_token(name) and not is_dummy(name) and not pattern.fullmatch(name):
            raise ValueError(f"{what} is {name!r}: give 1 to {longest} letters, digits or characters of _+=,.@-")
