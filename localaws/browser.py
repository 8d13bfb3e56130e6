"""Chromium without a window: it renders the pictures of the documentation, and runs the tests of pages."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .ministack import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
"""npm's package, which holds a compressed Chromium for Linux on x86-64."""
UNPACKED = ROOT / "node_modules" / ".chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "no browser was found: run `make setup` on Linux with x86-64, or install `chromium` and put it on the PATH, or set "
    "CHROMIUM to the path of one"
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_INFLATE = """
const {createBrotliDecompress} = require("node:zlib"), {createReadStream, createWriteStream} = require("node:fs");
require("node:stream").pipeline(
  createReadStream(process.argv[1]), createBrotliDecompress(), createWriteStream(process.argv[2]),
  (error) => { if (error) throw error; });
"""
"""Python has no Brotli, but Node has."""


class NoBrowserError(Exception):
    """There is no browser."""


@dataclass(frozen=True)
class Program:
    """A browser that is installed."""

    path: str
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def find() -> Program:
    """The browser that CHROMIUM names, or that is on the path, or that of npm's package.

    Raises:
        NoBrowserError: there is none.
    """
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if named:
        return Program(named)
    if not PACKAGE.is_dir() or sys.platform != "linux" or os.uname().machine != "x86_64":
        raise NoBrowserError(MISSING)
    folder = _unpacked()
    # Its own libraries are for machines that have none of them. Its renderer works without a graphics card.
    fonts = {} if Path("/etc/fonts/fonts.conf").exists() else {"FONTCONFIG_PATH": str(folder)}
    libraries = {"LD_LIBRARY_PATH": str(folder / "lib")}
    return Program(str(folder / "chromium"), ("--use-gl=angle", "--use-angle=swiftshader"), libraries | fonts)


@contextmanager
def opened() -> "Iterator[Browser]":
    """A browser that is started, and that ends with the block. It begins with an empty profile.

    Raises:
        NoBrowserError: there is none.
    """
    # Without a recent `make setup` the error is a sentence about the browser, and not an import error.
    from playwright.sync_api import sync_playwright

    program = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program.path,
            args=[*FLAGS, *program.flags],
            env={**os.environ, **program.environment},
        )
        yield browser
        browser.close()


def _unpacked() -> Path:
    """The folder with the browser of npm's package. It is unpacked once, also if several processes want it."""
    if UNPACKED.is_dir():
        return UNPACKED
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent, prefix=".chromium-") as name:
        folder = Path(name) / "browser"
        folder.mkdir()
        for archive in ("swiftshader.tar", "al2023.tar", "fonts.tar"):
            _inflate(PACKAGE / "bin" / f"{archive}.br", Path(name) / archive)
            _extract(Path(name) / archive, folder)
        _inflate(PACKAGE / "bin" / "chromium.br", folder / "chromium")
        (folder / "chromium").chmod(0o755)
        try:
            folder.rename(UNPACKED)
        except OSError:  # another process was faster
            if not UNPACKED.is_dir():
                raise
    return UNPACKED


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as members:
        # Python 3.11.3 and older have no filters.
        members.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        members.extractall(folder)  # noqa: S202 - npm has checked the hash of the package


def _inflate(source: Path, target: Path) -> None:
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if node is None:
        raise NoBrowserError(
            "the browser of npm's package is unpacked by `node`, which was not found: run `make setup`"
        )
    subprocess.run([node, "-e", _INFLATE, source, target], check=True)
