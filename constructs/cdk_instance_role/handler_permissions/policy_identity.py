"""What makes a policy of the handler another one, so that CloudFormation replaces it instead of changing it."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from ..permission_search.statement import Statement
from ..support.arns import is_token
from .statements import Permissions

MAX_TOKEN_IDS = 40
"""Ids that fit into the description of a policy, which has 1,000 characters."""


def as_text(statement: Statement) -> str:
    """A statement as text, by which the statements of a policy are sorted."""
    return json.dumps(statement.render(), sort_keys=True)


def digest_of(statements: Sequence[Statement]) -> str:
    """A digest of what is in a policy, for its logical id."""
    return hashlib.sha256("\n".join(map(as_text, statements)).encode()).hexdigest()[:8]


def token_targets(statements: Iterable[Statement], granted: Iterable[Permissions]) -> list[str]:
    """The ids of targets in a policy that are tokens.

    The template is the same whatever their values are, so the logical id does not change with them. They belong into
    the description, because CloudFormation replaces a policy to change that:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-managedpolicy.html

    Args:
        statements: those of the policy, with tokens.
        granted: the permissions that they are of.
    """
    resources = [resource for one in statements for resource in one.resources]
    ids = dict.fromkeys(id_ for one in granted for id_ in one.instances.instance_ids if is_token(id_))
    return [id_ for id_ in ids if any(resource.endswith(f"/{id_}") for resource in resources)][:MAX_TOKEN_IDS]
