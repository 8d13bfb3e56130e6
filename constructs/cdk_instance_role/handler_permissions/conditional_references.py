"""What is refused at synthesis because the handler's policies name what a condition of the template may leave out.

`Fn::If` in the policies would not help: when the condition becomes false, CloudFormation would change a policy in
place, before it deletes the association, and the handler could not restore the previous profiles any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..permission_search.statement import Statement
from ..support.at_synthesis import Resources
from .policy_texts import PolicyTexts

CONDITION = "Condition"


class ConditionalReferences:
    """The resources with a condition that policies of one stack refer to."""

    def __init__(self, texts: PolicyTexts, resources: Resources) -> None:
        """
        Args:
            texts: the values of the statements.
            resources: the resources of the stack as the template has them.
        """
        self._texts = texts
        self._conditions = {id_: one[CONDITION] for id_, one in resources.items() if CONDITION in one}
        """By logical id."""
        self._found: dict[str, set[str]] = defaultdict(set)
        """Logical ids by condition."""

    def look_at(self, policy: Mapping[str, Any], statements: Iterable[Statement]) -> None:
        """Find them in a policy.

        Args:
            policy: the policy as the template has it. What has the condition of the policy may be named in it.
            statements: what is in it, with stable values.
        """
        if not self._conditions:
            return
        for value in {text for statement in statements for text in statement.texts()}:
            for logical_id in self._texts.resources_in(value) & self._conditions.keys():
                condition = self._conditions[logical_id]
                if condition != policy.get(CONDITION):
                    self._found[condition].add(logical_id)

    def problems(self) -> Iterator[str]:
        """A sentence for each condition."""
        for condition, logical_ids in sorted(self._found.items()):
            yield (
                f"the handler's policies name {', '.join(sorted(logical_ids))}, and where the condition {condition} is "
                "false, CloudFormation would refuse that: set the condition on the association alone, decide in the "
                "app what is defined, or use a stack of its own"
            )
