"""How the names and ARNs are written that people give for policies, profiles and roles.

Whoever reads a configuration can check it by these without the CDK.
"""

import re

_WORD = r"[\w+=,.@-]+"

NAME = re.compile(rf"(?:{_WORD}/)*[\w+=,.@-]{{1,128}}", re.ASCII)
"""Name of something in IAM, with the path before it where it has one."""

POLICY_ARN = re.compile(r"arn:[a-z-]+:iam::(?:aws|\d{12}):policy/.+", re.ASCII)
"""ARN of a managed policy, AWS's own or the account's."""
