"""The script of the diagrams is extracted only from the package that was reviewed."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from tools.mermaid import MEMBER, WrongPackageError, extract


def package(folder: Path) -> Path:
    """A package with a script."""
    path = folder / "mermaid.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(MEMBER)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"draw"))
    return path


def test_extracts_the_script_from_the_package(tmp_path: Path) -> None:
    path = package(tmp_path)

    script = extract(path, tmp_path / "docs" / "mermaid", hashlib.sha512(path.read_bytes()).hexdigest())

    assert script == tmp_path / "docs" / "mermaid" / "mermaid.min.js"
    assert script.read_bytes() == b"draw"


def test_fails_when_the_package_has_another_hash(tmp_path: Path) -> None:
    with pytest.raises(WrongPackageError, match=r"do not use it$"):
        extract(package(tmp_path), tmp_path / "docs")

    assert not (tmp_path / "docs").exists()
