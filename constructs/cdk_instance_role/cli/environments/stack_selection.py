"""The stacks of an assembly that a command is about."""

from collections import Counter
from collections.abc import Sequence

from ..model import CliError
from ..template.assembly import StackArtifact
from .stack_patterns import is_exclusion, is_selected, matches


def chosen(stacks: Sequence[StackArtifact], names: Sequence[str]) -> list[StackArtifact]:
    """The stacks that are named, all if there are no names.

    Args:
        stacks: all stacks of the assembly.
        names: patterns for the paths of constructs, as for the CDK CLI. A name that is no path of a stack may be that
            of a stack in CloudFormation, of each Region.

    Raises:
        CliError: a name names no stack, or no stack is left.
    """
    if not names:
        return [*stacks]
    paths = {name: _paths(stacks, name) for name in names}
    found = [one for one in stacks if is_selected([path for name in names for path in paths[name]], _path(one))]
    unknown = [name for name in names if not paths[name]] or ([] if found else names)
    if unknown:
        raise CliError(f"there is no stack {', '.join(unknown)} in the assembly, only {_listed(stacks) or 'none'}")
    return found


def is_named(stack: StackArtifact, names: Sequence[str]) -> bool:
    """Whether one of these names is that of the stack, and not a pattern for it and others."""
    return any(name in {stack.name, stack.address.construct} - {""} for name in names)


def _paths(stacks: Sequence[StackArtifact], name: str) -> list[str]:
    """The patterns that a name stands for."""
    if is_exclusion(name) or any(matches(name, _path(one)) for one in stacks):
        return [name]
    return [_path(one) for one in stacks if one.name == name]


def _path(stack: StackArtifact) -> str:
    return stack.address.construct or stack.id


def _listed(stacks: Sequence[StackArtifact]) -> str:
    """All stacks, by their names; by the paths of their constructs where several have the same name."""
    count = Counter(stack.name for stack in stacks)
    return ", ".join(stack.address.construct or stack.name if count[stack.name] > 1 else stack.name for stack in stacks)
