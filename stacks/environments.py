"""Accounts and Regions of an entry, each with a stack of its own."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from cdk_instance_role.runtime.association.request.desired import INSTANCE_ID
from cdk_instance_role.support.names import ACCOUNT_ID, REGION

from .settings import SettingsEntry
from .values import Strict, text

InstanceId = Annotated[
    str,
    text("Input should be an instance id: i- and 8 or 17 hexadecimal digits, like i-0123456789abcdef0", INSTANCE_ID),
]
InstanceIds = Annotated[list[InstanceId], Field(min_length=1)]
AccountId = Annotated[str, text("Input should be an account id: 12 digits, in quotes", ACCOUNT_ID)]
Region = Annotated[str, text("Input should be a Region like eu-west-1", REGION)]


def _check_regions(regions: list[str]) -> list[str]:
    for region, times in Counter(regions).items():
        if times > 1:
            raise ValueError(f"Region {region} is listed {times} times, list it once")
    return regions


class EnvironmentEntry(Strict):
    """An account and Regions in it. What is given here holds for these instead of what the entry gives."""

    account: AccountId
    regions: Annotated[list[Region], Field(min_length=1), AfterValidator(_check_regions)]
    instance_ids: InstanceIds | None = None
    settings: SettingsEntry | None = None

    @model_validator(mode="after")
    def _ids_of_one_region(self) -> "EnvironmentEntry":
        if self.instance_ids and len(self.regions) > 1:
            raise ValueError(
                f"instance_ids belong to one Region, and regions are {', '.join(self.regions)}: make an environment "
                "for each Region, or select by instance_tags"
            )
        return self


def check_environments(environments: Sequence[EnvironmentEntry]) -> Sequence[EnvironmentEntry]:
    """Refuse an account that is listed twice, unless its Regions have ids or settings of their own.

    Args:
        environments: those of one entry.

    Raises:
        ValueError: two of them are for one account and Region, or could be one.
    """
    places: set[tuple[str, str]] = set()
    alike: list[tuple[str, SettingsEntry | None]] = []
    for one in environments:
        for region in one.regions:
            if (one.account, region) in places:
                raise ValueError(f"account {one.account} has {region} in two environments, leave it in one")
            places.add((one.account, region))
        if one.instance_ids is None:
            if (one.account, one.settings) in alike:
                raise ValueError(f"account {one.account} is in two environments: list all its Regions in one")
            alike.append((one.account, one.settings))
    return environments


Environments = Annotated[list[EnvironmentEntry], Field(min_length=1), AfterValidator(check_environments)]
