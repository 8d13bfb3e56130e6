"""The ledgers of an account and Region, and the stacks whose associations are in them, without an assembly.

A ledger is known by its tag, and CloudFormation's own tags name its stack:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...runtime.association.contract import LEDGER_SORT_KEY, LEDGER_TAG
from ...runtime.association.ledger.operations import KIND
from ...runtime.association.ledger.table import Table
from ..template.template_text import UnreadableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STACK_ID = re.compile(r"arn:[^/]+:stack/[^/]+/.+")
_STACK_TAG = "aws:cloudformation:stack-name"


@dataclass(frozen=True, slots=True)
class TaggedLedger:
    """A ledger that was found by its tag."""

    table: str
    """Name of the table."""
    stack: str
    """Name of the stack that it is in; empty if CloudFormation has not tagged it."""


def tagged_ledgers(tagging: Any) -> list[TaggedLedger]:
    """The ledgers of an account and Region.

    Args:
        tagging: client of the Resource Groups Tagging API.
    """
    key, value = LEDGER_TAG
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": key, "Values": [value]}], ResourceTypeFilters=["dynamodb:table"]
    )
    return [_ledger(one) for page in pages for one in page["ResourceTagMappingList"]]


def stack_ids_in(ledger: TaggedLedger, dynamodb: "DynamoDBClient") -> set[str]:
    """Ids of the stacks that have associations in a ledger; none if its table is deleted.

    Raises:
        UnreadableError: the table holds something else.
    """
    try:
        items = [*Table(dynamodb, ledger.table).query(KIND)]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return set()  # the tags of a deleted table are listed for a while
    ids = {str(item.get(LEDGER_SORT_KEY)).partition("|")[0] for item in items}
    if strange := [id_ for id_ in ids if not _STACK_ID.fullmatch(id_)]:
        raise UnreadableError(f"it holds {strange[0]!r}, which is no id of a stack: the table has the tag of a ledger")
    return ids


def _ledger(found: Any) -> TaggedLedger:
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    return TaggedLedger(found["ResourceARN"].rpartition("/")[2], tags.get(_STACK_TAG, ""))
