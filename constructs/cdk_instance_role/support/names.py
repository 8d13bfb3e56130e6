"""How the names, ids and ARNs are written that people give for accounts, Regions, policies, profiles, roles and alarms.

A configuration can be checked by these without the CDK. Use ``fullmatch``: ``$`` would let a line break pass.
"""

import re

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

ALARM_NAME = re.compile(r"(?!\s)[^\x00-\x1f\x7f]{1,255}(?<!\s)")
"""Name of an alarm: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
