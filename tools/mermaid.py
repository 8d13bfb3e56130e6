"""Takes Mermaid, which draws the diagrams of the documentation, out of its npm package:

python tools/mermaid.py mermaid-11.12.2.tgz docs/mermaid
"""

import hashlib
import sys
import tarfile
from pathlib import Path

SHA512 = (
    "9f7e103c33c42a669e086e160cc1b2d0e4fa3d2cb12827f2da92604a13fe428c"
    "3628baef5a3725c1b737c977d221fe016a7a96121404a67816c0da7f5e166deb"
)
"""Of the package of version 11.12.2."""
MEMBER = "package/dist/mermaid.min.js"


class WrongPackageError(Exception):
    """The package is another one than the one that was reviewed."""


def extract(package: Path, folder: Path, expected: str = SHA512) -> Path:
    """Write Mermaid to a folder.

    Args:
        package: the npm package.
        folder: where to write to; it is created.
        expected: hash of the package, in hexadecimal digits.

    Returns:
        The script.

    Raises:
        WrongPackageError: the package has another hash.
    """
    found = hashlib.sha512(package.read_bytes()).hexdigest()
    if found != expected:
        raise WrongPackageError(f"{package} has the SHA-512 {found}, not {expected}: do not use it")
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / Path(MEMBER).name
    with tarfile.open(package) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None
        script.write_bytes(member.read())
    return script


if __name__ == "__main__":
    try:
        extract(Path(sys.argv[1]), Path(sys.argv[2]))
    except WrongPackageError as error:
        sys.exit(f"error: {error}")
