"""How the names, ids and ARNs are written that people give for accounts, Regions, policies, profiles, roles and alarms.

A configuration can be checked by these without the CDK. Use ``fullmatch``: ``$`` would let a line break pass.
"""

import re
from collections.abc import Mapping
from typing import Any

_NAME_PROPERTIES = {"AWS::IAM::InstanceProfile": "InstanceProfileName", "AWS::IAM::Role": "RoleName"}


def name_in(resource: Mapping[str, Any]) -> Any:
    """The name that a template gives to a role or an instance profile: a text, an intrinsic function, or None."""
    return resource.get("Properties", {}).get(_NAME_PROPERTIES.get(resource.get("Type", ""), ""))


class DigestedName:
    """A physical name that an Aspect has set, or a logical id, with a digest of the content behind it.

    CloudFormation creates the next resource before it deletes the former one, so the two need different names.
    """

    def __init__(self, max_length: int, *, separator: str = "-") -> None:
        """
        Args:
            max_length: characters that IAM or CloudFormation takes.
            separator: what is between name and digest.
        """
        self._max_length, self._separator = max_length, separator
        self._given: Any = None
        self._written: Any = None

    def renewed(self, current: Any, digest: str) -> Any:
        """The name with the digest; None if no name is set.

        Args:
            current: the name in the template, a text or an intrinsic function. One that was returned before is known,
                so a second synthesis gives the same name.
            digest: of what has the name.
        """
        if current is not None and current != self._written:
            self._given = current
        if self._given is not None:
            self._written = self._with(digest)
        return self._written

    def _with(self, digest: str) -> Any:
        if isinstance(self._given, str):
            end = f"{self._separator}{digest}"
            return f"{self._given[: self._max_length - len(end)]}{end}"
        return {"Fn::Join": [self._separator, [self._given, digest]]}


_WORD = r"[\w+=,.@-]+"
_PATH_AND_NAME = rf"(?:{_WORD}/)*[\w+=,.@-]{{1,128}}"

ACCOUNT_ID = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")

NAME = re.compile(_PATH_AND_NAME, re.ASCII)
"""Name of something in IAM, with the path before it where it has one."""

PLAIN_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
"""Name of a policy or an instance profile without a path:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
"""Name of a role without a path."""

POLICY_ARN = re.compile(rf"arn:[a-z-]+:iam::(?:aws|\d{{12}}):policy/{_PATH_AND_NAME}", re.ASCII)
"""ARN of a managed policy, AWS's own or the account's."""

DESCRIPTION = re.compile("[\\t\\n\\r\\x20-\\x7e\\xa1-\\xff]+")
"""Description of a role: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""

ALARM_NAME = re.compile(r"(?!\s)[^\x00-\x1f\x7f]{1,255}(?<!\s)")
"""Name of an alarm: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""

_HEX = "[0-9a-f]"
_KEY_ID = f"(?:{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|mrk-{_HEX}{{32}})"
KEY_ARN = re.compile(rf"arn:[a-z-]+:kms:(?P<region>[a-z0-9-]+):[0-9]{{12}}:key/{_KEY_ID}")
"""ARN of a KMS key, whose id is a UUID, or for a multi-Region key mrk- and 32 hexadecimal digits:
https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html"""
