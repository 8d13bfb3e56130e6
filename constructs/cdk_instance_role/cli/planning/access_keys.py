"""Long-lived access keys in the user data of instances, which nobody gets to see."""

import re
import zlib
from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from ..aws.partial_reader import PartialReader

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

MAX_LOOKS = 100
"""Instances of an association whose user data is looked at: that is a call for each, and EC2 lets as many through at
once: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"""
MAX_BYTES = 1024 * 1024
"""Bytes that are unpacked. User data has 16 KiB, which could hold a thousand times as much."""

_MAX_CONCURRENCY = 8
# Access keys as IAM makes them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
ACCESS_KEY = "its user data holds a long-lived access key: with the role that can go"
_ACCESS_KEY = re.compile(rb"\bAKIA[A-Z2-7]{16}\b")
_GZIP, _GZIP_FORMAT = b"\x1f\x8b", 16 + zlib.MAX_WBITS


def with_access_key(ec2: "EC2Client", reader: PartialReader, ids: Sequence[str]) -> tuple[set[str], list[str]]:
    """Instances in whose user data an access key is to be seen, and what is to be said about the look.

    Args:
        ec2: client for reading.
        reader: remembers what could not be seen.
        ids: the instances. Only the first ones are looked at.
    """
    found = set[str]()
    if not reader.fetch("user data of the instances", partial(_look, ec2, ids[:MAX_LOOKS], found), otherwise=False):
        return found, []
    if len(ids) > MAX_LOOKS:
        return found, [f"for access keys the user data of {MAX_LOOKS} of {len(ids)} instances was looked at"]
    return found, []


def has_access_key(ec2: "EC2Client", instance_id: str) -> bool:
    """Whether an access key is to be seen in the user data of an instance. What is in there is not kept."""
    found = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    try:
        data = b64decode(found.get("UserData", {}).get("Value", ""))
    except NotBase64Error:
        return False
    return bool(_ACCESS_KEY.search(_unpacked(data)))


def _look(ec2: "EC2Client", ids: Sequence[str], found: set[str]) -> bool:
    """Add those with an access key to what was found. Always true."""
    with ThreadPoolExecutor(_MAX_CONCURRENCY) as threads:
        # At the first error the calls that have not begun are given up.
        for id_, has_key in zip(ids, threads.map(partial(has_access_key, ec2), ids), strict=True):
            if has_key:
                found.add(id_)
    return True


def _unpacked(data: bytes) -> bytes:
    """User data as cloud-init sees it, which takes it packed, too: its beginning, or nothing if it is broken."""
    if not data.startswith(_GZIP):
        return data
    try:
        return zlib.decompressobj(_GZIP_FORMAT).decompress(data, MAX_BYTES)
    except zlib.error:
        return b""
