"""The Region of stacks that name none: the one that the CDK CLI takes for them.

https://github.com/aws/aws-cdk-cli/blob/main/packages/%40aws-cdk/toolkit-lib/lib/api/aws-auth/awscli-compatible.ts
"""

from collections.abc import Mapping
from typing import Any

_VARIABLES = ("AWS_REGION", "AMAZON_REGION", "AWS_DEFAULT_REGION", "AMAZON_DEFAULT_REGION")
"""In their order. boto3 would read only the third one."""
DEFAULT_PROFILE = "default"
"""The one that is in use if none is named, and that has the Region if the one in use has none."""


def home_region(environment: Mapping[str, str], profiles: Mapping[str, Mapping[str, Any]], profile: str) -> str | None:
    """The Region of the environment; None if there is none. The CDK CLI would ask the instance that it runs on, or take
    us-east-1.

    Args:
        environment: the variables of the process.
        profiles: the profiles of the AWS configuration, by name.
        profile: name of the profile in use.

    Example:
        >>> home_region({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-central-1"}, {}, "default")
        'eu-central-1'
    """
    of_variables = (environment.get(name) for name in _VARIABLES)
    of_profiles = (profiles.get(name, {}).get("region") for name in (profile, DEFAULT_PROFILE))
    return next((str(one) for one in (*of_variables, *of_profiles) if one), None)
