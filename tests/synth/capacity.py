"""How many associations fit to one provider: adds them until one is refused.

``python -m tests.synth.capacity`` prints the table of docs/security.md.
"""

from collections.abc import Callable, Mapping
from typing import Any

from aws_cdk import Stack

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection, ReplaceableProfiles
from tests.synth.builders import imported_profile, instance_ids, new_stack

STACK = "Production"
Add = Callable[[Stack, AssociationProvider, int], object]


def by_tags(stack: Stack, provider: AssociationProvider, number: int, **props: Any) -> object:
    """An association of an own role that selects by a tag of its own."""
    instances = InstanceSelection.by_tags({"role": [f"role-{number:03}"]})
    return InstanceRole(stack, f"Role{number:03}").associate_with("Fleet", instances, provider=provider, **props)


def by_tags_listing_one(stack: Stack, provider: AssociationProvider, number: int) -> object:
    """The same, which also lists a profile of its own in `replaces`."""
    return by_tags(stack, provider, number, replaces=_old(stack, number))


def by_id(stack: Stack, provider: AssociationProvider, number: int, **props: Any) -> object:
    """An association of an own role with one instance."""
    instances = InstanceSelection.by_ids(instance_ids(number + 1)[number])
    return InstanceRole(stack, f"Role{number:03}").associate_with("Fleet", instances, provider=provider, **props)


def by_id_listing_one(stack: Stack, provider: AssociationProvider, number: int) -> object:
    """The same, which also lists a profile of its own in `replaces`."""
    return by_id(stack, provider, number, replaces=_old(stack, number))


def _old(stack: Stack, number: int) -> ReplaceableProfiles:
    return ReplaceableProfiles.profiles(imported_profile(stack, f"OldProfile{number:03}"))


KINDS: Mapping[str, Add] = {
    "a role and tags of its own": by_tags,
    "the same, and one profile in `replaces`": by_tags_listing_one,
    "a role of its own and one id": by_id,
    "the same, and one profile in `replaces` ": by_id_listing_one,
}


def provider_with(add: Add, count: int, max_policies: int = 10) -> Stack:
    """A stack with this many associations of one provider."""
    stack = new_stack(STACK)
    provider = AssociationProvider(stack, "Provider", max_policies=max_policies)
    for number in range(count):
        add(stack, provider, number)
    return stack


def capacity(add: Add, max_policies: int = 10) -> int:
    """The most associations that are accepted."""
    stack = new_stack(STACK)
    provider = AssociationProvider(stack, "Provider", max_policies=max_policies)
    number = 0
    while True:
        try:
            add(stack, provider, number)
        except ValueError:
            return number
        number += 1


def one_with_ids(count: int, listed: int = 0, max_policies: int = 10) -> Stack:
    """A stack with one association of this many instances."""
    stack = new_stack(STACK)
    provider = AssociationProvider(stack, "Provider", max_policies=max_policies)
    profiles = [imported_profile(stack, f"OldProfile{number:03}") for number in range(listed)]
    replaces = ReplaceableProfiles.profiles(*profiles) if profiles else ReplaceableProfiles.none()
    instances = InstanceSelection.by_ids(*instance_ids(count))
    InstanceRole(stack, "Web").associate_with("Fleet", instances, provider=provider, replaces=replaces)
    return stack


def most_ids(listed: int, max_policies: int = 10) -> int:
    """The most ids that one association accepts, in tens."""
    low, high = 0, 200
    while high - low > 1:
        middle = (low + high) // 2
        try:
            one_with_ids(10 * middle, listed, max_policies)
            low = middle
        except ValueError:
            high = middle
    return 10 * low


def main() -> None:
    for name, add in KINDS.items():
        print(f"{name}: {capacity(add)}, with max_policies=20 {capacity(add, 20)}")  # noqa: T201
    for listed in (0, 1):
        print(f"ids with {listed} listed profiles: {most_ids(listed)}, {most_ids(listed, 20)}")  # noqa: T201


if __name__ == "__main__":
    main()
