"""Words that messages have in common."""


def counted(number: int, noun: str) -> str:
    """A number of things, in words.

    >>> counted(1, "instance"), counted(2, "instance")
    ('1 instance', '2 instances')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
