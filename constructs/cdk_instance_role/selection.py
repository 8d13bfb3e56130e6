"""Which instances an association targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .arns import is_token
from .runtime.association.contract import Property
from .runtime.association.desired import INSTANCE_ID

MOST_TAG_VALUES = 190
"""EC2 takes at most 200 filter values in one call, and the instance states need some of them."""


@dataclass(frozen=True)
class InstanceSelection:
    """The instances that an association targets, by id or by tags. Use one of the factories.

    Selecting changes nothing: the instances belong to whoever launched them.

    Example:
        ::

            InstanceSelection.by_ids("i-0123456789abcdef0", instance.instance_id)
            InstanceSelection.by_tags({"app": ["web", "api"], "env": ["prod"]})
    """

    instance_ids: tuple[str, ...] = ()
    """Ids, tokens among them; empty for a selection by tags."""
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Keys with their values; empty for a selection by ids."""

    def __post_init__(self) -> None:
        if bool(self.instance_ids) == bool(self.tags):
            found = "both" if self.tags else "neither"
            raise ValueError(
                f"instances are selected by either ids or tags, not {found}: "
                "use InstanceSelection.by_ids(...) or InstanceSelection.by_tags(...)"
            )

    @classmethod
    def by_ids(cls, *instance_ids: str) -> "InstanceSelection":
        """Exactly these instances.

        Args:
            instance_ids: ids of existing instances in the stack's account and Region, or tokens such as
                ``instance.instance_id``. Tokens are not inspected. One that does not exist or is terminated fails
                the deployment that adds it; one that is gone later is dropped with a warning.

        Raises:
            ValueError: no id, a malformed or a repeated one.
        """
        if not instance_ids:
            raise ValueError("no instances selected: pass at least one instance id")
        for instance_id in instance_ids:
            if not isinstance(instance_id, str):
                raise ValueError(f"instance id {instance_id!r} is not a string: pass the ids one by one")
            if not is_token(instance_id) and not INSTANCE_ID.fullmatch(instance_id):
                raise ValueError(
                    f"malformed instance id {instance_id!r}: an id is i- and 8 or 17 hexadecimal digits, "
                    "like i-0123456789abcdef0"
                )
        repeated = sorted({id_ for id_ in instance_ids if instance_ids.count(id_) > 1})
        if repeated:
            raise ValueError(f"instance id {repeated[0]!r} is selected more than once: name it once")
        return cls(instance_ids=instance_ids)

    @classmethod
    def by_tags(cls, tags: Mapping[str, Sequence[str]]) -> "InstanceSelection":
        """Every instance that has all these tags when a deployment changes the association.

        The set is worked out by the deployment. An instance that is tagged, or launched with the tags, later is
        picked up by the next deployment that changes a property of the association.

        Args:
            tags: tag keys with the values that count. All keys must match, any value of a key is enough. A value
                is compared as it stands; it is neither a pattern nor, with ``${...}``, a policy variable. At most 190
                values in all, and no more than fit into an IAM policy, as the association checks:
                https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html

        Raises:
            ValueError: no tag, a key without values, or more values than EC2 can be asked for.
        """
        if not tags:
            raise ValueError("no instances selected: pass at least one tag")
        for key, values in tags.items():
            if isinstance(values, str) or not values or not all(isinstance(value, str) for value in values):
                raise ValueError(f"tag {key!r} has the values {values!r}: pass a list of at least one string")
        count = sum(len(set(values)) for values in tags.values())
        if count > MOST_TAG_VALUES:
            raise ValueError(
                f"{count} tag values are more than the {MOST_TAG_VALUES} that EC2 can be asked for at once"
            )
        return cls(tags=tuple((key, tuple(dict.fromkeys(values))) for key, values in tags.items()))

    def render(self) -> dict[str, Any]:
        """The properties of the custom resource that say the same."""
        if self.instance_ids:
            return {Property.INSTANCE_IDS.value: list(self.instance_ids)}
        return {Property.INSTANCE_TAGS.value: {key: list(values) for key, values in self.tags}}
