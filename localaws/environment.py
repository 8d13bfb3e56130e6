"""The environment that keeps every command away from real AWS accounts."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KEPT = ("PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "SYSTEMROOT")
_JSII_CACHE = Path.home() / ".cache" / "aws" / "jsii" / "package-cache"


class NotLocalError(RuntimeError):
    """The environment could reach a real AWS account."""


def local_environment(
    endpoint: str, *, account: str, region: str, home: str, services: Mapping[str, str] | None = None
) -> dict[str, str]:
    """An environment in which every AWS client talks to the local AWS, whatever is in the caller's own one.

    Args:
        endpoint: URL of the local AWS.
        account: account id. The emulator takes it from the access key id; the CDK CLI remembers it per key id.
        region: default Region.
        home: home folder of the commands. The CDK CLI reads settings there and remembers accounts.
        services: URLs of services that have another endpoint, by name as in ``AWS_ENDPOINT_URL_EC2``.

    Raises:
        NotLocalError: an endpoint is not on this machine.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HOME": home,
        "CDK_HOME": home,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        # It holds nothing but unpacked packages, and unpacking takes seconds.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(_JSII_CACHE),
        "NO_PROXY": "127.0.0.1,localhost",
        **{f"AWS_ENDPOINT_URL_{service}": url for service, url in (services or {}).items()},
    }
    refuse_remote(environment)
    return environment


def is_local(endpoint: str) -> bool:
    """Whether a URL names a loopback address."""
    return urlsplit(endpoint).hostname in _LOOPBACK


def refuse_remote(environment: Mapping[str, str]) -> None:
    """Make sure that an environment can't reach a real account.

    Raises:
        NotLocalError: it could; nothing may be started with it.
    """
    endpoints = {name: value for name, value in environment.items() if name.startswith("AWS_ENDPOINT_URL")}
    remote = {name: value for name, value in endpoints.items() if not is_local(value)}
    if "AWS_ENDPOINT_URL" not in endpoints or remote:
        raise NotLocalError(f"AWS_ENDPOINT_URL must name a loopback address, not {remote or 'nothing'}")
    if environment.get("AWS_EC2_METADATA_DISABLED") != "true":
        raise NotLocalError("AWS_EC2_METADATA_DISABLED must be true, or credentials could come from the machine")
    if environment.get("AWS_SECRET_ACCESS_KEY") != "local" or "AWS_SESSION_TOKEN" in environment:
        raise NotLocalError("the credentials must be the fake ones of the local AWS")
    if any(environment.get(name) != os.devnull for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")):
        raise NotLocalError("AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE must name no file")
    if "AWS_PROFILE" in environment or "AWS_DEFAULT_PROFILE" in environment:
        raise NotLocalError("AWS_PROFILE and AWS_DEFAULT_PROFILE must not be set")


@contextmanager
def only(environment: Mapping[str, str]) -> Iterator[None]:
    """Make this the whole environment of the process for a while.

    boto3 reads profiles, endpoints, certificates and proxies from it when a client is made, and no argument turns
    all of that off.

    Raises:
        NotLocalError: the environment could reach a real account.
    """
    refuse_remote(environment)
    own = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(own)
