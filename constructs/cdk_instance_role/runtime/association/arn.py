"""Names in ARNs."""


def name_of(arn: str) -> str:
    """Name of a profile or role, without its path.

    >>> name_of("arn:aws:iam::111122223333:instance-profile/team/Web")
    'Web'
    """
    return arn.rpartition("/")[2]
