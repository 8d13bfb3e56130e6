"""Credentials for accounts: those of the environment, and of roles in other accounts.

A stack of the CDK names the role that `cdk diff` assumes to look at its account:
https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
"""

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.session

from ...support.names import ROLE_NAME
from ..lazy import lazy
from ..model import CliError, unique
from ..template.assembly import LookupRole
from .clients import Aws, Credentials, NoAccessError, client, partition_of
from .home_region import DEFAULT_PROFILE, home_region
from .partial_reader import AwsError, sentence
from .short_models import load_short_models

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_PATH_AND_ROLE_NAME = re.compile(rf"([\x21-\x7e]+/)?{ROLE_NAME.pattern}", re.ASCII)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_PROFILE = (None, ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"], None, None)
"""The variables that name the profile, in the order of the CDK CLI. That of botocore is the other one."""
_SESSION_NAME = "instance-role"
"""What CloudTrail shows of who has assumed a role."""


class Accounts:
    """The accounts and Regions of a command. Threads may share it."""

    def __init__(
        self, region: str | None = None, role_name: str | None = None, *, by_lookup_roles: bool = True
    ) -> None:
        """
        Args:
            region: Region of what names none. Default: that of the environment.
            role_name: name of the role, with its path if it has one, to assume in accounts other than that of the
                credentials. Default: the lookup role of each stack.
            by_lookup_roles: whether lookup roles are assumed. They may only read.

        Raises:
            CliError: the name can't be one of a role.
        """
        if role_name is not None and (role_name.startswith("arn:") or not _PATH_AND_ROLE_NAME.fullmatch(role_name)):
            raise CliError(
                f"--role-name {role_name!r} is no name of a role: give its name without an ARN, such as AuditReader or "
                "team/AuditReader"
            )
        self._role_name, self._by_lookup_roles = (role_name or "").lstrip("/"), by_lookup_roles
        self._home = self._session(region)
        self._roles: dict[str, _Role] = {}

    @lazy
    def own(self) -> str:
        """The account of the credentials.

        Raises:
            CliError: there are none, or they are not valid, or no Region is known.
        """
        try:
            return self._sts.get_caller_identity()["Account"]
        except AwsError as error:
            raise CliError(sentence(error)) from None

    @property
    def region(self) -> str:
        """The Region of what names none.

        Raises:
            CliError: there is none.
        """
        if not self._home.region_name:
            raise CliError("no Region is known: set AWS_REGION, use --region, or give the stack an `env`")
        return str(self._home.region_name)

    def aws(self, account: str, region: str, *lookup_roles: LookupRole) -> Aws:
        """New clients for an account and Region, by which each stack is read once. No call is made yet.

        Args:
            account: account id.
            region: the Region.
            lookup_roles: the roles for looking at it, of which the first one is used that can be assumed. Default: none
                is known.
        """
        return Aws(self._home, self._credentials_of(account, region, lookup_roles), account, region)

    def _credentials_of(
        self, account: str, region: str, lookup_roles: Sequence[LookupRole]
    ) -> Callable[[], Credentials]:
        if account == self.own:
            return dict
        if self._role_name:
            arn = f"arn:{partition_of(region)}:iam::{account}:role/{self._role_name}"
            return self._role(
                arn,
                {},
                f"it has to exist, its trust policy has to allow account {self.own}, and you have to be allowed "
                "sts:AssumeRole on it: correct that, or name another role",
            ).credentials
        if lookup_roles and self._by_lookup_roles:
            return partial(_first_of, [self._by_lookup_role(account, region, one) for one in lookup_roles])
        return partial(self._refuse, account)

    def _by_lookup_role(self, account: str, region: str, lookup_role: LookupRole) -> Callable[[], Credentials]:
        arn = _filled(lookup_role.arn, account, region)
        if arn.split(":")[4:5] != [account]:
            return partial(self._refuse_role, arn, account)
        advice = (
            f"bootstrap it with `cdk bootstrap aws://{account}/{region} --trust-for-lookup {self.own}`, or use "
            "--role-name"
        )
        return self._role(arn, lookup_role.options, advice).credentials

    def _role(self, arn: str, options: Mapping[str, Any], advice: str) -> "_Role":
        return self._roles.setdefault(repr((arn, options)), _Role(self._sts, arn, options, advice))

    def _refuse_role(self, arn: str, account: str) -> Credentials:
        raise NoAccessError(
            f"the lookup role {arn} is of another account than its stack, which is for {account}: correct "
            "lookupRoleArn of the synthesizer, or use --role-name"
        )

    def _refuse(self, account: str) -> Credentials:
        role = "" if not self._by_lookup_roles else ", and no lookup role is known for it"
        raise NoAccessError(
            f"the credentials are for account {self.own}, not for {account}{role}: use --role-name, or credentials of "
            "that account"
        )

    @lazy
    def _sts(self) -> "STSClient":
        return cast("STSClient", client(self._home, "sts", self._home.region_name or "us-east-1"))

    def _session(self, region: str | None) -> boto3.Session:
        """The session of all clients, with the credentials of the environment."""
        core = botocore.session.get_session({"profile": _PROFILE})
        load_short_models(core)
        profile = core.get_config_variable("profile") or DEFAULT_PROFILE
        home = region or home_region(os.environ, core.full_config["profiles"], profile)
        return boto3.Session(botocore_session=core, region_name=home)


class _Role:
    """A role that is assumed once. Its credentials are valid for an hour."""

    def __init__(self, sts: "STSClient", arn: str, options: Mapping[str, Any], advice: str) -> None:
        self._sts, self._arn, self._options, self._advice = sts, arn, options, advice
        self._lock = threading.Lock()
        self._found: Credentials | str | None = None
        """Its credentials, or why there are none; None before the role was assumed."""

    def credentials(self) -> Credentials:
        """Its credentials.

        Raises:
            NoAccessError: it can't be assumed.
        """
        with self._lock:
            if self._found is None:
                self._found = self._assumed()
        if isinstance(self._found, str):
            raise NoAccessError(self._found)
        return self._found

    def _assumed(self) -> Credentials | str:
        try:
            asked: Any = {"RoleSessionName": _SESSION_NAME, **self._options, "RoleArn": self._arn}
            answer = self._sts.assume_role(**asked)
        except AwsError as error:
            return f"role {self._arn} can't be assumed: {sentence(error)}: {self._advice}"
        credentials = answer["Credentials"]
        return {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }


def _first_of(credentials: Sequence[Callable[[], Credentials]]) -> Credentials:
    """The first credentials that there are.

    Raises:
        NoAccessError: there are none.
    """
    reasons = []
    for one in credentials:
        try:
            return one()
        except NoAccessError as error:
            reasons.append(str(error))
    raise NoAccessError("; ".join(unique(reasons)))


def _filled(arn: str, account: str, region: str) -> str:
    """An ARN without the placeholders of the CDK."""
    values = {"AWS::Partition": partition_of(region), "AWS::AccountId": account, "AWS::Region": region}
    for name, value in values.items():
        arn = arn.replace(f"${{{name}}}", value)
    return arn
