"""Which instances an association targets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Reference, Tokenization

from .runtime.association.contract import Property
from .runtime.association.request.desired import INSTANCE_ID
from .support.argument_types import check_list
from .support.arns import is_list_token, is_token
from .support.lookups import is_dummy
from .support.tags import Tags, checked_tags

MAX_INSTANCE_IDS = 4000
"""Step Functions, which the provider framework waits with, takes 262,144 bytes of input, and the event of an update
holds the old and the new ids, each 22 bytes. The rest is for alarms, profiles and the framework:
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


@dataclass(frozen=True)
class InstanceSelection:
    """The instances that an association targets, by id or by tags. Use one of the factories.

    Selecting changes nothing: the stack does not own the instances.

    Example:
        ::

            InstanceSelection.by_ids("i-0123456789abcdef0", instance.instance_id)
            InstanceSelection.by_tags({"app": ["web", "api"], "env": ["prod"]})
    """

    instance_ids: tuple[str, ...] = ()
    """Ids, tokens among them; empty for a selection by tags."""
    tags: Tags = ()
    """Keys with their values; empty for a selection by ids."""

    def __post_init__(self) -> None:
        if bool(self.instance_ids) == bool(self.tags):
            found = "both" if self.tags else "neither"
            raise ValueError(
                f"instances are selected by either ids or tags, not {found}: "
                "use InstanceSelection.by_ids(...) or InstanceSelection.by_tags(...)"
            )
        if self.instance_ids:
            check_list("instance_ids", self.instance_ids, "ids")
            _check_ids(self.instance_ids)
        else:
            object.__setattr__(self, "tags", checked_tags(dict(self.tags)))

    @classmethod
    def by_ids(cls, *instance_ids: str) -> "InstanceSelection":
        """Exactly these instances.

        An id that does not exist or is terminated fails the deployment that adds it; one that is gone later is dropped
        with a warning.

        Limits: 4,000 ids, because the event of an update carries the old and the new ones; and fewer where the ids
        don't fit into the handler's IAM policies, which the association checks. Select more instances by tags.

        Args:
            instance_ids: ids of existing instances in the stack's account and Region, or tokens such as
                ``instance.instance_id``. Tokens are not inspected, nor is the dummy value that
                ``StringParameter.value_from_lookup`` gives before the lookup has been made. A list token, such as
                ``parameter.value_as_list``, is refused: the number of its ids is known to the deployment only, and the
                handler's permissions name every id. Pass its elements one by one: ``*Fn.split(",", value, 3)``.

        Raises:
            ValueError: no id, a malformed or a repeated one, a list token, or too many ids.
        """
        if not instance_ids:
            raise ValueError("no instances selected: pass at least one instance id")
        return cls(instance_ids=tuple(map(_by_reference, instance_ids)))

    @classmethod
    def by_tags(cls, tags: Mapping[str, Sequence[str]]) -> "InstanceSelection":
        """Every instance that has all these tags when a deployment changes the association.

        The deployment finds the instances. An instance that is tagged, or launched with the tags, later is picked up by
        the next deployment that changes a property of the association, or by `Enforcement.repair`.

        Limits: 190 values in all, because EC2 takes no more in one call; keys of 128 and values of 256 characters; only
        tabs and the characters from U+0020 to U+00FF, because an IAM policy can hold no others; and no more keys than
        fit into one IAM policy with a value of each, which the association checks.

        Args:
            tags: tag keys with the values that count. All keys must match, any value of a key is enough. A value
                is compared as it stands; it is neither a pattern nor, with ``${...}``, a policy variable. Values may be
                tokens, which are not inspected, or all values of a key one list token such as
                ``parameter.value_as_list``. A key can't be a token. IAM compares keys without regard to case: an
                instance with the key ``App`` is a target of the handler's permissions for ``app``, but not one of the
                association:
                https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html

        Raises:
            ValueError: no tag, a key without values, more values than EC2 can be asked for, two keys that differ only
                in case, or a key or value that no tag or no IAM policy can hold; the message names the tag.
        """
        return cls(tags=checked_tags(tags))

    @property
    def inspected_ids(self) -> tuple[str, ...]:
        """The ids without the dummy values of lookups, which may be alike for different instances."""
        return tuple(id_ for id_ in self.instance_ids if not is_dummy(id_))

    def render(self) -> dict[str, Any]:
        """The properties of the custom resource that say the same."""
        if self.instance_ids:
            return {Property.INSTANCE_IDS.value: list(self.instance_ids)}
        return {Property.INSTANCE_TAGS.value: {key: list(values) for key, values in self.tags}}


def _by_reference(instance_id: str) -> str:
    """The reference to an instance of the app where its attribute is given, which is the same id: two forms of one
    instance would count as two instances."""
    if not isinstance(instance_id, str) or not is_token(instance_id):
        return instance_id
    tokens = Tokenization.reverse_string(instance_id)
    token: Any = tokens.first_token
    if tokens.length != 1 or not Reference.is_reference(token) or token.display_name != "InstanceId":
        return instance_id
    is_instance = getattr(token.target, "cfn_resource_type", None) == "AWS::EC2::Instance"
    return str(token.target.ref) if is_instance else instance_id


def _check_ids(instance_ids: Sequence[str]) -> None:
    for instance_id in instance_ids:
        _check_id(instance_id)
    inspected = (id_ for id_ in instance_ids if not is_dummy(id_))
    repeated = [id_ for id_, count in Counter(inspected).items() if count > 1]
    if repeated:
        raise ValueError(f"instance id {repeated[0]!r} is selected more than once: name it once")
    if len(instance_ids) > MAX_INSTANCE_IDS:
        raise ValueError(
            f"{len(instance_ids)} instance ids are more than the {MAX_INSTANCE_IDS} that the event of an update "
            "can carry: select the instances by tags"
        )


def _check_id(instance_id: str) -> None:
    if not isinstance(instance_id, str):
        raise ValueError(f"instance id {instance_id!r} is not a string: pass the ids one by one")
    if is_list_token(instance_id):
        raise ValueError(
            "the instance ids are a list token, a list that only the deployment knows: the handler's permissions "
            "name every id. Pass the ids one by one, like *Fn.split(',', value, 3) for three of them, or select the "
            "instances by tags"
        )
    if is_token(instance_id) or is_dummy(instance_id):
        return
    if not INSTANCE_ID.fullmatch(instance_id):
        raise ValueError(
            f"malformed instance id {instance_id!r}: an id is i- and 8 or 17 hexadecimal digits, "
            "like i-0123456789abcdef0"
        )
