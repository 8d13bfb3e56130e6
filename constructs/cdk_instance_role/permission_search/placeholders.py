"""ARNs without tokens, for a search that compares texts."""

import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_ACCOUNT = "account"
_REGION = "region"


class Placeholders:
    """What stands for the values of statements. Equal values get equal texts, different ones different texts.

    All ARNs are in one account and Region, whether a stack names them or not.
    """

    def __init__(self, known: Mapping[str, str], canonical: Callable[[str], str] = str) -> None:
        """
        Args:
            known: what stands for the ARNs of profiles that are tokens.
            canonical: the same text for tokens that mean the same.
        """
        self._known, self._canonical = known, canonical

    def __call__(self, value: str) -> str:
        """What stands for a value."""
        value = self._canonical(value)
        if value in self._known:
            return self._known[value]
        if value.startswith("arn:") and value.count(":") >= 5:
            service, resource = value.split(":", 5)[2::3]
            value = f"arn:aws:{service}:{'' if service == 'iam' else _REGION}:{_ACCOUNT}:{resource}"
        return _TOKEN.sub(lambda found: f"token-{found[0][8:-2]}", value)


def profile_arn(path: str, name: str) -> str:
    """What stands for the ARN of a profile that is a token."""
    return f"arn:aws:iam::{_ACCOUNT}:instance-profile{path}{name}"


def role_arn(path: str, name: str) -> str:
    """What stands for the ARN of a role that is a token."""
    return f"arn:aws:iam::{_ACCOUNT}:role{path}{name}"


INSTANCES = f"arn:aws:ec2:{_REGION}:{_ACCOUNT}:instance/"
"""What the ARNs of all instances begin with."""
