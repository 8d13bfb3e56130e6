"""Whether a role's trust policy lets EC2 assume the role.

EC2 accepts the association of a role that it can't assume, and the association then stays ``associating`` while
the instance gets no credentials. So this is looked at before anything is changed.
"""

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

ASSUME_ROLE = "sts:AssumeRole"
EC2_SERVICES = frozenset({"ec2.amazonaws.com", "ec2.amazonaws.com.cn"})


def allows_ec2(policy: Mapping[str, Any]) -> bool:
    """Whether some statement allows EC2 to assume the role and none denies it.

    A statement with conditions counts as allowing and never as denying: what a condition comes to is known to
    AWS only, and a deployment must not be refused on a guess.
    """
    statements = _listed(policy.get("Statement", ()))
    allowed = any(s.get("Effect") == "Allow" and _concerns_ec2(s) for s in statements)
    denied = any(s.get("Effect") == "Deny" and not s.get("Condition") and _concerns_ec2(s) for s in statements)
    return allowed and not denied


def _concerns_ec2(statement: Mapping[str, Any]) -> bool:
    return _concerns_action(statement) and _concerns_principal(statement)


def _concerns_action(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement:
        return not _matches_assume_role(_listed(statement["NotAction"]))
    return _matches_assume_role(_listed(statement.get("Action", ())))


def _concerns_principal(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = {"*"} if principal == "*" else set(_listed(principal.get("Service", ())))
    return "*" in services or bool(services & EC2_SERVICES)


def _matches_assume_role(patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(ASSUME_ROLE.lower(), pattern.lower()) for pattern in patterns)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
