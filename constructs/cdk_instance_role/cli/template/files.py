"""Reads files that may be anybody's, such as those of an assembly: in the check of a pull request, its author's."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model import CliError

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of a file. CloudFormation takes a template of 1 MB, and the manifest of a large app has some."""


def inside(root: Path, folder: Path, name: str) -> Path:
    """A file or folder that an assembly names.

    Args:
        root: folder of the whole assembly.
        folder: folder of the part that names it.
        name: the path, relative to that folder.

    Raises:
        CliError: it is outside the assembly.
    """
    path = Path(os.path.normpath(folder / name))
    if not path.is_relative_to(os.path.normpath(root)):
        raise CliError(f"the assembly in {root} names {name!r}, which is outside it: it is not what `cdk synth` writes")
    return path


def first_bytes(path: Path, size: int) -> bytes:
    """The beginning of a file.

    Args:
        path: the file.
        size: how many bytes are read at most.

    Raises:
        CliError: it can't be read, or is not a regular file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may never end
            raise CliError(f"{path} can't be read: it is not a regular file")
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError) as error:
        raise CliError(f"{path} can't be read: {error}") from None


def read_json(path: Path) -> Mapping[str, Any]:
    """The JSON object in a file.

    Raises:
        CliError: it can't be read, holds something else, or is so large that it can't be part of an assembly.
    """
    data = first_bytes(path, MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CliError(f"{path} can't be read: it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        content: Any = json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise CliError(f"{path} can't be read: {error}") from None
    except RecursionError:
        raise CliError(f"{path} can't be read: it is not what `cdk synth` writes") from None
    if not isinstance(content, dict):
        raise CliError(f"{path} can't be read: it holds no JSON object")
    return content
