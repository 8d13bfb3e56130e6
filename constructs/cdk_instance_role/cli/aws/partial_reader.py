"""Looks at AWS as far as that is allowed, and says the errors of AWS in sentences for the user of the command."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from ...runtime.association.aws.errors import error_kind_of, text_of
from ...runtime.association.decide.outcome import ErrorKind
from ...runtime.association.exceptions import AssociationError
from ..model import CliError
from ..template.template_text import UnreadableError
from ..text import printable
from .clients import NoAccessError
from .unreachable import CONNECTION_ERRORS

T = TypeVar("T")

AwsError = (ClientError, BotoCoreError)

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_INVALID = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch"})
_OTHER_CREDENTIALS = (
    "; its key does not let you: use credentials that may decrypt with it (kms:Decrypt), by --role-name for another "
    "account"
)
_LOG_IN = "log in again, for example with `aws sso login`, or set AWS_PROFILE"


def sentence(error: Exception) -> str:
    """What an error means, and what to do about it."""
    match error:
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return f"there are no AWS credentials: {_LOG_IN}"
        case (
            exceptions.TokenRetrievalError()
            | exceptions.UnauthorizedSSOTokenError()
            | exceptions.SSOTokenLoadError()
            | exceptions.CredentialRetrievalError()
        ):
            return f"the AWS credentials can't be renewed: {_LOG_IN}"
        case exceptions.ProfileNotFound():
            return f"{error}: correct AWS_PROFILE"
        case exceptions.ConnectionError():
            return f"AWS can't be reached: {error}: check the network, and the name of the Region"
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code in _EXPIRED:
            return f"the AWS credentials have expired: {_LOG_IN}"
        if code in _INVALID:
            return (
                f"AWS does not accept the credentials ({code}): {_LOG_IN}; a Region that is not enabled in the account "
                "accepts none"
            )
    return text_of(error)


def unexpected(error: Exception) -> str:
    """A line about an error that no one has provided for. Its traceback goes to standard error, for a bug report."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        # GitHub takes a line that begins with "::", or has "##[" in it, for a command.
        sys.stderr.write(f"| {printable(line).replace('##[', '## [')}\n")
    return f"unexpected {type(error).__name__}: {error}"


def guarded(job: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """What a job returns, or something else if it ends with an error that no one has provided for.

    Args:
        job: what to do.
        otherwise: what to go on with, given a line about the error.

    Raises:
        CliError, ClientError, BotoCoreError: as the job does. The caller has sentences for these.
    """
    try:
        return job()
    except (CliError, *AwsError):
        raise
    except Exception as error:
        return otherwise(unexpected(error))


def is_fatal(error: Exception) -> bool:
    """Whether no other call would do better. That one service can't be reached says nothing about the others."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _EXPIRED | _INVALID
    return not isinstance(error, CONNECTION_ERRORS)


class PartialReader:
    """Reads from AWS, and records what could not be read and why. The rest can still be shown."""

    def __init__(self, *, goes_on: bool = False) -> None:
        """
        Args:
            goes_on: also where no other call would do better: somebody else looks there, and says so. Default: an error
                ends the look then.
        """
        self._goes_on = goes_on
        self.unavailable: list[str] = []
        self.has_lost_connection = False
        """A service could not be reached since the last reset: another attempt may do better."""
        self._kept: dict[str, tuple[Any, list[str]]] = {}

    def reset(self) -> None:
        """Forget the gaps, before something else is read."""
        self.unavailable.clear()
        self.has_lost_connection = False

    @contextmanager
    def discard_gaps(self) -> Iterator[None]:
        """Drop the gaps that the block records: the caller reports them in other words."""
        before = [*self.unavailable]
        try:
            yield
        finally:
            self.unavailable[:] = before

    def once(self, what: str, look: Callable[[], T], otherwise: T) -> T:
        """The same as `fetch`, but read only once: a second caller gets the same value and the same gaps."""
        if what not in self._kept:
            first = PartialReader(goes_on=self._goes_on)
            self._kept[what] = (first.fetch(what, look, otherwise), first.unavailable)
        found, gaps = self._kept[what]
        for sentence_ in gaps:
            self.record_gap(sentence_)
        kept: T = found
        return kept

    def gaps(self, what: str) -> tuple[str, ...]:
        """The gaps of what was read with `once`, in sentences."""
        return tuple(self._kept[what][1]) if what in self._kept else ()

    def fetch(self, what: str, look: Callable[[], T], otherwise: T) -> T:
        """What a read returns, or something else if it is denied, or what is there can't be understood.

        Args:
            what: what is looked at, for people.
            look: makes the calls.
            otherwise: what to go on with.

        Raises:
            CliError: no other call would do better, for example because the credentials have expired.
        """
        try:
            return look()
        except AwsError as error:
            if is_fatal(error) and not self._goes_on:
                raise CliError(sentence(error)) from None
            self.has_lost_connection |= isinstance(error, CONNECTION_ERRORS)
            self.record_gap(f"{what}: {reason_of(error)}")
            return otherwise
        except (UnreadableError, NoAccessError, AssociationError) as error:
            self.record_gap(f"{what}: {error}")
            return otherwise

    def record_gap(self, sentence_: str) -> None:
        """Record a gap: what could not be read, and why."""
        if sentence_ not in self.unavailable:
            self.unavailable.append(sentence_)


def is_denied(error: ClientError) -> bool:
    """Whether the credentials do not allow a call."""
    return error_kind_of(error) is ErrorKind.DENIED


def reason_of(error: Exception) -> str:
    """Why something could not be looked at."""
    if isinstance(error, ClientError) and is_denied(error):
        # DynamoDB uses the key of a table with the rights of its caller.
        by_key = "kms:" in error.response["Error"].get("Message", "")
        hint = _OTHER_CREDENTIALS if by_key else ""
        return f"not allowed ({error.operation_name}){hint}"
    return sentence(error)
