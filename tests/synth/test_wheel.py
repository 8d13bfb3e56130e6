"""The wheel works after a ``pip install`` into an empty environment, Lambda asset and types included."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.synth.builders import ROOT

APP = """
from aws_cdk import App, Stack
from cdk_instance_role import InstanceRole, InstanceSelection
app = App(outdir="cdk.out")
InstanceRole(Stack(app, "S"), "Web").associate_with("Fleet", InstanceSelection.by_ids("i-0123456789abcdef0"))
app.synth()
"""

MISTAKE = """
InstanceSelection.by_ids(1)  # type: ignore[arg-type]
"""
"""Where mypy finds nothing to ignore, it has not seen the types."""

MYPY = """
[mypy]
[mypy-aws_cdk.*]
follow_imports = skip
"""
"""Checking all of the CDK takes minutes, and does not concern this package."""


def run(*command: str | Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "MYPYPATH"))}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that has been built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="module")
def python(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds nothing but the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    (wheel,) = distributions.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    # Compiling all of the CDK takes a minute, and every import compiles what it needs.
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile", wheel, folder=folder)
    return python


def test_the_wheel_holds_the_library_the_handler_and_the_types(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    names = ZipFile(wheel).namelist()
    assets = ("cli/render/page/assets/page.html", "cli/render/page/assets/page.css", "cli/render/page/assets/page.js")
    for name in ("instance_role.py", "runtime/association/handler.py", "py.typed", *assets):
        assert f"cdk_instance_role/{name}" in names
    assert not any("__pycache__" in name for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"cdk_instance_role"}


def test_the_source_distribution_holds_the_sources_of_the_wheel(distributions: Path) -> None:
    (source,) = distributions.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "constructs/cdk_instance_role/instance_role.py"} <= names
    assert not any("__pycache__" in name or name.startswith(("tests", "localaws")) for name in names)


def test_the_wheel_synthesizes_an_app_outside_the_checkout(python: Path, tmp_path: Path) -> None:
    run(python, "-c", APP, folder=tmp_path)

    resources = json.loads((tmp_path / "cdk.out" / "S.template.json").read_text())["Resources"].values()
    assert "Custom::InstanceProfileAssociation" in {resource["Type"] for resource in resources}
    assert list((tmp_path / "cdk.out").glob("asset.*/association/handler.py"))


def test_mypy_finds_the_types_of_the_wheel(python: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP + MISTAKE)
    (tmp_path / "mypy.ini").write_text(MYPY)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", "mypy.ini", "--cache-dir", os.devnull]
    run(*mypy, "--python-executable", python, "app.py", folder=tmp_path)
