"""Problems that only the synthesis shows: they fail it, like any validation of a construct."""

from collections.abc import Sequence

import jsii
from constructs import IConstruct, IValidation


class Problems:
    """What is wrong with a construct, for the CDK to collect before it writes templates."""

    def __init__(self, construct: IConstruct) -> None:
        """
        Args:
            construct: the construct that is named in the message.
        """
        self._construct = construct
        self._found: list[str] = []
        self._is_known = False

    def report(self, found: Sequence[str]) -> None:
        """Fail the synthesis for these problems, instead of those of an earlier call.

        Args:
            found: one sentence for each; none if all is well.
        """
        self._found[:] = found
        if found and not self._is_known:
            self._construct.node.add_validation(_Validation(self._found))
            self._is_known = True


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, found: list[str]) -> None:
        self._found = found

    def validate(self) -> list[str]:
        return self._found
