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
    places: dict[tuple[str, str], int] = {}
    alike: list[tuple[str, SettingsEntry | None, int]] = []
    for number, one in enumerate(environments):
        for region in one.regions:
            other = places.setdefault((one.account, region), number)
            if other != number:
                raise ValueError(f"account {one.account} has {region} in [{other}] and in [{number}], leave it in one")
        if one.instance_ids is None:
            for account, settings, other in alike:
                if (account, settings) == (one.account, one.settings):
                    raise ValueError(
                        f"account {account} is in [{other}] and in [{number}]: list all its Regions in one"
                    )
            alike.append((one.account, one.settings, number))
    return environments


Environments = Annotated[list[EnvironmentEntry], Field(min_length=1), AfterValidator(check_environments)]
