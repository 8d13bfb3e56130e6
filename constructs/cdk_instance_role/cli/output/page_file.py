"""The file of a page. It is there as a whole, or as it was before."""

import os
import tempfile
from errno import EINVAL
from pathlib import Path


def check_replaceable(file: Path) -> None:
    """Make sure that a file can be written.

    Raises:
        OSError: its folder can't be written to, or it is there and no ordinary file.
    """
    target = file.resolve()
    if target.exists() and not target.is_file():
        raise OSError(EINVAL, "it is no ordinary file")
    with tempfile.TemporaryFile(dir=target.parent):
        pass


def replace_text(file: Path, text: str) -> None:
    """Write a text into a file, in place of what is there.

    Raises:
        OSError: that can't be done. What was there is still there.
    """
    target = file.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
        Path(name).chmod(_mode(target))
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _mode(file: Path) -> int:
    """That of the file, or of a new one."""
    if file.exists():
        return file.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
