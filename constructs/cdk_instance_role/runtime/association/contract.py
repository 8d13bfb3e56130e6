"""The names that the construct writes into a template and the handler reads from an event.

Deployed stacks send these names for ever (a Delete or a rollback carries the properties of the release that
created the resource), so a name here is never renamed and never given another meaning.
"""

from enum import StrEnum


class Property(StrEnum):
    """Keys of the custom resource's properties."""

    INSTANCE_PROFILE_ARN = "InstanceProfileArn"
    ROLE_ARN = "RoleArn"
    INSTANCE_IDS = "InstanceIds"
    INSTANCE_TAGS = "InstanceTags"
    REPLACES = "Replaces"
    ON_CONFLICT = "OnConflict"
    TIMEOUT_SECONDS = "TimeoutSeconds"
    ROLLOUT = "Rollout"
    FORMER_PATHS = "FormerPaths"
    """IAM paths that the profiles of the same `InstanceRole` had under its former construct ids."""
    REMOVAL_POLICY = "RemovalPolicy"
    """``Retain`` or ``Destroy``: what becomes of the associations when the resource is removed."""
    ENFORCEMENT = "Enforcement"


class RolloutProperty(StrEnum):
    """Keys of the property ``Rollout``. Without the property all targets are changed at once."""

    FIRST = "First"
    GROWTH = "Growth"
    PERCENTAGES = "Percentages"
    BAKE_SECONDS = "BakeSeconds"
    ALARMS = "Alarms"
    MAX_FAILURES = "MaxFailures"


class EnforcementProperty(StrEnum):
    """Keys of the property ``Enforcement``. Without the property only deployments act."""

    MODE = "Mode"
    EVERY_SECONDS = "EverySeconds"
    MAX_CHANGES = "MaxChanges"
    """A number of instances, or a percentage like ``10%``: how many may be changed in an hour."""


class EnforcementMode(StrEnum):
    """What enforcement does about drift."""

    REPORT = "report"
    REPAIR = "repair"


MIN_SWEEP_SECONDS, MAX_SWEEP_SECONDS = 60, 86400
"""Bounds of the time between two sweeps."""


class Message(StrEnum):
    """Keys of the messages by which sweeps are started. Other messages are events of EC2."""

    KIND = "Kind"
    """``SWEEP``."""
    ASSOCIATION = "Association"
    """Key of the only association to look at. Default: all."""
    RESUME = "Resume"
    """Whether a paused enforcement goes on. Default: no."""


SWEEP = "Sweep"

EVENT_SOURCE = "cdk-instance-role"
"""Source of the events that enforcement sends."""


class EventType(StrEnum):
    """Detail types of the events that enforcement sends."""

    DRIFT = "Instance Profile Drift"
    REPAIRED = "Instance Profile Repaired"
    PAUSED = "Enforcement Paused"


class EnforcementMetric(StrEnum):
    """Names of the metrics of enforcement, written when they are not zero."""

    DRIFTED = "Drifted"
    REPAIRED = "Repaired"
    LATE_ARRIVALS = "LateArrivals"
    ENFORCEMENT_LAG = "EnforcementLag"
    """Seconds from the message to the end of the look that has changed something."""


class Metric(StrEnum):
    """Names of the metrics that tell how far an operation is."""

    TARGETS = "Targets"
    DONE = "Done"
    FAILED = "Failed"
    THROTTLED = "Throttled"
    WAVE = "Wave"


METRIC_NAMESPACE = "CdkInstanceRole"
STACK_DIMENSION, ASSOCIATION_DIMENSION = "StackName", "Association"
"""Dimensions of the metrics: name of the stack, and logical id of the association in it."""


class Attribute(StrEnum):
    """Attributes of the custom resource, readable with ``Fn::GetAtt``."""

    ASSOCIATED_COUNT = "AssociatedCount"
    REPLACED_COUNT = "ReplacedCount"
    KEPT_COUNT = "KeptCount"


class OnConflict(StrEnum):
    """What to do about a target that carries a profile which may not be replaced.

    Example:
        ::

            InstanceProfileAssociation(
                self, "Association",
                instance_profile=web.instance_profile,
                instances=InstanceSelection.by_tags({"app": ["web"]}),
                on_conflict=OnConflict.KEEP,
            )
    """

    FAIL = "FAIL"
    """Fail the deployment before anything is changed (the default)."""

    KEEP = "KEEP"
    """Leave the instance as it is, count it as kept and report it in the log. A profile that the association has given
    itself is no such conflict: list it in ``replaces``, so that it can be removed later."""


RETAIN, DESTROY = "Retain", "Destroy"
"""Values of ``RemovalPolicy``."""

ANY_PROFILE = "*"
"""The value of ``Replaces`` that lets every profile be replaced."""

PATH_PREFIX = "cdk-instance-role"
"""First part of the IAM path of the profiles of `InstanceRole`: after it come the stack, and a digest of the ids of the
constructs from the stack to the `InstanceRole`."""

LEDGER_TABLE_VARIABLE = "LEDGER_TABLE"
"""Environment variable of the function that names the ledger table."""

LOG_GROUP_VARIABLE = "LOG_GROUP"
"""Environment variable of the function that names its log group. Nothing says whether Lambda's own
``AWS_LAMBDA_LOG_GROUP_NAME`` names one that is not the default:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""

QUEUE_VARIABLE = "QUEUE_URL"
"""Environment variable of the function that enforces, which names the URL of its queue."""

LEDGER_TAG = "cdk-instance-role", "ledger"
"""Key and value of the tag by which `instance-role status` finds the ledgers of an account and Region."""

LEDGER_PARTITION_KEY, LEDGER_SORT_KEY = "Kind", "Id"
"""Key of the ledger table."""
LEDGER_EXPIRY = "ExpiresAt"
"""When DynamoDB may remove an item, in seconds since the epoch."""

MAX_TIMEOUT_SECONDS = 3600
"""Seconds that CloudFormation waits at most for a custom resource:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html"""

MAX_CREATE_SECONDS, MAX_UPDATE_SECONDS = 3300, 3500
"""CloudFormation and the waiter wait for an hour from their beginning. A failure has to be reported before that, and a
Create that fails restores its instances first. A Delete has as long as an Update."""

MAX_INVOCATION_SECONDS = 480
"""Time-out of the function: after it an invocation is certainly over."""

MAX_ENFORCEMENT_SECONDS = 60
"""Time-out of the function that enforces."""

KEY_POLICY_METADATA = "cdk-instance-role:KeyPolicy"
"""Metadata of a resource under an imported key: what the owner of the key has to add to its policy."""
