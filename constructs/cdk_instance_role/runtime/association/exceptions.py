"""Failures that people get to read. Nothing here knows AWS: the constructs import it too."""


class AssociationError(Exception):
    """The operation failed; the message says what is wrong, with which value, and what to do."""


class RequestError(AssociationError):
    """The event can't be acted on."""


class SupersededError(AssociationError):
    """A later event for the same association has taken over; this one must not change anything any more."""
