"""How long the values of statements are once deployed: IAM limits the size of a policy as it stores it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_cdk import Stack

from ..instance_profiles.known_profile import KnownProfile
from ..support.arns import Arns, is_token
from ..support.locations import stack_of_targets, targets_of
from ..support.names import name_in

_TOKEN = re.compile(r"\$\{Token\[([A-Za-z.:]*)[^\]]*\]\}")
_MAX_PARTITION, _MAX_REGION, _ACCOUNT = len("aws-us-gov"), len("ap-southeast-99"), 12
_MAX_SUFFIX = len("amazonaws.com.cn")
_MAX_STACK_NAME, _UUID = 128, 36
_MAX_ARN = 340
"""Of an instance profile of an `InstanceRole`, in a stack with the longest name."""
_ID = len("i-0123456789abcdef0")
_KINDS = {
    "AWS::IAM::InstanceProfile": ("instance-profile", 128),
    "AWS::IAM::Role": ("role", 64),
}
"""What the ARN of a resource calls it, and characters that a name can have."""
_RANDOM_PART = 14
"""CloudFormation names a resource after its stack and its logical id, and adds 12 or 13 random characters:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html"""


@dataclass(frozen=True)
class Lengths:
    """The longest that values can get, in one stack."""

    partition: int
    stack_name: str | None
    """None if it is a token."""

    @classmethod
    @cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
    def of(cls, stack: Stack) -> "Lengths":
        """The lengths in a stack."""
        name, partition = stack.stack_name, Arns.of(stack).partition
        return cls(len(partition) if partition else _MAX_PARTITION, None if is_token(name) else name)

    def width(self, value: Any) -> int:
        """Length of a resolved value as JSON, with its quotation marks."""
        match value:
            case str():
                return len(json.dumps(value))
            case {"Ref": name, **rest} if not rest:
                return 2 + self._of_reference(name)
            case {"Fn::Join": [separator, parts], **rest} if not rest and isinstance(parts, list):
                return 2 + sum(self._of_part(*pair) + len(separator) for pair in zip(parts, ["", *parts], strict=False))
        return 2 + _MAX_ARN

    def width_of_arn(self, logical_id: str, resource: Mapping[str, Any]) -> int:
        """The same for the ARN of a resource of the stack.

        Args:
            logical_id: of the resource.
            resource: the resource as it is in the template, as far as it is known.
        """
        path = resource.get("Properties", {}).get("Path", "/")
        if resource.get("Type") not in _KINDS or not isinstance(path, str):
            return 2 + _MAX_ARN
        kind, longest = _KINDS[resource["Type"]]
        head = len(f"arn::iam:::{kind}{path}") + self.partition + _ACCOUNT
        return 2 + head + self._of_name(logical_id, name_in(resource), longest)

    def width_of_text(self, text: str) -> int:
        """The same for a text with tokens, of which only those for accounts, Regions and partitions are known."""
        lengths = (self._of_token(found, text) for found in _TOKEN.finditer(text))
        return 2 + len(_TOKEN.sub("", text)) + sum(lengths)

    def _of_token(self, found: re.Match[str], text: str) -> int:
        if text[: found.start()].endswith(":instance/"):
            return _ID
        return self._of_reference(found[1].strip(".").replace("AWS.", "AWS::"))

    def _of_reference(self, name: str) -> int:
        match name:
            case "AWS::Partition":
                return self.partition
            case "AWS::Region":
                return _MAX_REGION
            case "AWS::AccountId":
                return _ACCOUNT
            case "AWS::URLSuffix":
                return _MAX_SUFFIX
            case "AWS::StackId":
                head = len("arn::cloudformation:::stack//") + self.partition + _MAX_REGION + _ACCOUNT
                return head + len(self.stack_name or "x" * _MAX_STACK_NAME) + _UUID
        return _MAX_ARN

    def _of_part(self, part: Any, former: Any) -> int:
        """A reference that follows this text can only be the id of an instance."""
        is_id = isinstance(part, dict) and isinstance(former, str) and former.endswith(":instance/")
        return _ID if is_id else self.width(part) - 2

    def _of_name(self, logical_id: str, given: Any, longest: int) -> int:
        if isinstance(given, str):
            return len(given)
        if given is not None or self.stack_name is None:
            return longest
        return min(longest, len(f"{self.stack_name}-{logical_id}-") + _RANDOM_PART)


def longest_value(before: str) -> int:
    """About the most characters of an id, a name or an ARN.

    Args:
        before: what is before it in an ARN; empty for a whole ARN.
    """
    known = {":instance/": _ID, **{f":{kind}/": longest for kind, longest in _KINDS.values()}}
    return next((longest for kind, longest in known.items() if kind in before), _MAX_ARN)


class EstimatedLengths:
    """About how long values get, as far as it is known before the synthesis."""

    def __init__(self, stack: Stack) -> None:
        """
        Args:
            stack: the stack that the policies are in.
        """
        self._stack, self._lengths = stack, Lengths.of(stack)
        self._measured: dict[str, int] = {}
        """By ARN, with tokens."""

    def __call__(self, value: str) -> int:
        """Length of a value as JSON, with its quotation marks."""
        return self._measured.get(value) or self._lengths.width_of_text(value)

    def measure(self, profile: KnownProfile) -> None:
        """Find out how long the ARNs of a profile and of its role get, if they are those of resources. Another token is
        not resolved here: what it stands for may be known at synthesis only."""
        kinds = {profile.arn: ("InstanceProfile", next(iter(profile.paths), "/")), profile.role_arn: ("Role", "/")}
        unknown = (text for text in kinds if text not in self._measured and is_token(text, whole=True))
        references = [text for text in unknown if targets_of(text)]
        for text, found in zip(references, self._stack.resolve(references) if references else [], strict=True):
            match found:
                case {"Fn::GetAtt": [str(name), "Arn"]}:
                    resource = {"Type": f"AWS::IAM::{kinds[text][0]}", "Properties": {"Path": kinds[text][1]}}
                    lengths = Lengths.of(stack_of_targets(text) or self._stack)
                    self._measured[text] = lengths.width_of_arn(name, resource)
