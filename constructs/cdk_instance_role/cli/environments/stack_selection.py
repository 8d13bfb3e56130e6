"""The stacks of an assembly that a command is about."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ..model import CliError
from ..template.assembly import StackArtifact
from .stack_patterns import is_exclusion, leaves_out, matches


def chosen(stacks: Sequence[StackArtifact], names: Sequence[str]) -> list[StackArtifact]:
    """The stacks that are named, all if there are no names.

    Args:
        stacks: all stacks of the assembly.
        names: patterns for the paths of constructs, as for the CDK CLI. A name that is no path of a stack may be that
            of a stack in CloudFormation, of each Region. An exclusion is compared with paths only.

    Raises:
        CliError: a name names no stack, an exclusion leaves out none, or no stack is left.
    """
    if not names:
        return [*stacks]
    wanted = {name: _named(stacks, name) for name in names if not is_exclusion(name)}
    left_out = {name: [one for one in stacks if leaves_out(name, _path(one))] for name in names if is_exclusion(name)}
    candidates = _among(stacks, wanted) if wanted else stacks
    without = _among(stacks, left_out)
    found = [one for one in candidates if not any(one is other for other in without)]
    unknown = [name for name, named in wanted.items() if not named] or ([] if found else names)
    if unknown:
        raise CliError(f"there is no stack {', '.join(unknown)} in the assembly, only {_listed(stacks) or 'none'}")
    for name, those in left_out.items():
        if not those:
            paths = ", ".join(map(_path, stacks))
            raise CliError(f"{name} leaves out no stack: `cdk deploy` compares it with the paths, which are {paths}")
    return found


def is_named(stack: StackArtifact, names: Sequence[str]) -> bool:
    """Whether one of these names is that of the stack, and not a pattern for it and others."""
    return any(name in {stack.name, stack.address.construct} - {""} for name in names)


def _named(stacks: Sequence[StackArtifact], name: str) -> list[StackArtifact]:
    """The stacks that a name means. The path of a construct may hold what would be part of a pattern."""
    return (
        [one for one in stacks if _path(one) == name]
        or [one for one in stacks if one.name == name]
        or [one for one in stacks if matches(name, _path(one))]
    )


def _among(stacks: Sequence[StackArtifact], found: Mapping[str, Sequence[StackArtifact]]) -> list[StackArtifact]:
    """The stacks that were found by any name, in their order."""
    ids = {id(one) for several in found.values() for one in several}
    return [one for one in stacks if id(one) in ids]


def _path(stack: StackArtifact) -> str:
    return stack.address.construct or stack.id


def _listed(stacks: Sequence[StackArtifact]) -> str:
    """All stacks, by their names; by the paths of their constructs where several have the same name."""
    count = Counter(stack.name for stack in stacks)
    return ", ".join(stack.address.construct or stack.name if count[stack.name] > 1 else stack.name for stack in stacks)
