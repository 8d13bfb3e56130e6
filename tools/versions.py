"""Tests the handler on the oldest and the newest Python that is installed, and the library with the oldest aws-cdk-lib.

    python -m tools.versions

The newest aws-cdk-lib is the one that all other tests use.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".versions"
MINORS = range(11, 15)
"""Versions of Python 3 that the handler runs on."""
HANDLER_TESTS = ("tests/unit", "tests/runtime", "tests/simulator")
LIBRARY_TESTS = ("tests/synth",)
NEWEST_ONLY = tuple(f"tests/synth/test_{name}.py" for name in ("nag", "rule_packs", "snapshot", "wheel"))
"""They compare with what the newest aws-cdk-lib makes, or build the package."""


def main() -> None:
    """Run the tests with each version; fail if any of them fails."""
    pythons = dict(installed())
    if not pythons:
        sys.exit(f"error: no Python 3.{MINORS.start} to 3.{MINORS.stop - 1} was found: install one")
    for minor in dict.fromkeys((min(pythons), max(pythons))):
        print(f"The handler on Python 3.{minor}", flush=True)
        run_tests(environment(f"python-3.{minor}", pythons[minor], "requirements-dev.txt"), *HANDLER_TESTS)
    print("The library with the oldest aws-cdk-lib", flush=True)
    oldest = environment("cdk", pythons[min(pythons)], "requirements-lowest.txt")
    run_tests(oldest, *LIBRARY_TESTS, *(f"--ignore={path}" for path in NEWEST_ONLY))


def installed() -> Iterator[tuple[int, Path]]:
    """The interpreters that work, by the minor version of Python 3."""
    for minor in MINORS:
        for candidate in _candidates(minor):
            asked = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if asked.stdout.startswith(f"Python 3.{minor}."):
                yield minor, candidate
                break


def _candidates(minor: int) -> Iterator[Path]:
    found = shutil.which(f"python3.{minor}")
    if found:
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python"))


def environment(name: str, python: Path, requirements: str) -> Path:
    """The interpreter of a virtual environment with these requirements, made if it is not there.

    Args:
        name: of its folder.
        python: interpreter that it is made from.
        requirements: file with hashes.
    """
    folder = FOLDER / name
    interpreter = folder / "bin/python"
    if not interpreter.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", python, folder], check=True)
    requirements_file = str(ROOT / requirements)
    install = [
        "uv",
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(interpreter),
        "--require-hashes",
        "-r",
    ]
    subprocess.run([*install, requirements_file], check=True)
    return interpreter


def run_tests(interpreter: Path, *arguments: str) -> None:
    """Run tests from the checkout.

    Raises:
        SystemExit: a test has failed.
    """
    paths = {"PYTHONPATH": str(ROOT / "constructs"), "PATH": f"{interpreter.parent}:{os.environ['PATH']}"}
    command = [str(interpreter), "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **paths}, check=False)
    if ended.returncode:
        sys.exit(ended.returncode)


if __name__ == "__main__":
    main()
