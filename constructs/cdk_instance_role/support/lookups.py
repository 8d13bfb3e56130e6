"""Values of context lookups in the first pass of a synthesis, before the CDK CLI has looked anything up.

The CDK gives an app a dummy value, synthesizes, looks up what is missing and synthesizes again with the real values.
Only these can be checked: https://docs.aws.amazon.com/cdk/v2/guide/context.html
"""

_OF_PARAMETERS = "dummy-value-for-"
"""What `StringParameter.value_from_lookup` gives, before the name of the parameter."""
_OF_ROLES = ":role/DUMMY_ARN"
"""The end of the ARN that `Role.from_lookup` gives."""


def is_dummy(value: str) -> bool:
    """Whether a text is or holds the dummy value of a lookup.

    >>> is_dummy("dummy-value-for-/fleet/one")
    True
    """
    return _OF_PARAMETERS in value or value.endswith(_OF_ROLES)


def without_dummy(name: str | None) -> str | None:
    """A name that is given; None for a dummy value, which the CDK and CloudFormation take for no name."""
    return None if name is not None and is_dummy(name) else name
