"""How refusals of AWS are reported."""

import pytest
from botocore.exceptions import ClientError

from cdk_instance_role.cli.aws.partial_reader import PartialReader

BY_KEY = (
    "not allowed (Query); its key does not let you: use credentials that may decrypt with it (kms:Decrypt), by "
    "--role-name for another account"
)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("User: me is not authorized to perform: dynamodb:Query on resource: table", "not allowed (Query)"),
        ("User: me is not authorized to perform: kms:Decrypt on this resource", BY_KEY),
    ],
)
def test_a_denial_by_the_key_of_a_table_says_so(message: str, said: str) -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, "Query")

    def refuse() -> None:
        raise error

    reader = PartialReader()
    reader.fetch("ledger Web", refuse, None)
    assert reader.unavailable == [f"ledger Web: {said}"]
