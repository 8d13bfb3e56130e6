"""The wheel works after a plain ``pip install`` into an empty environment, Lambda asset included."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from tests.synth.builders import ROOT

APP = """
from aws_cdk import App, Stack
from cdk_instance_role import InstanceRole, InstanceSelection
app = App(outdir="cdk.out")
InstanceRole(Stack(app, "S"), "Web").associate_with("Fleet", InstanceSelection.by_ids("i-0123456789abcdef0"))
app.synth()
"""


def run(*command: str | Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONPATH")}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_wheel_synthesizes_an_app_outside_the_checkout(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT, folder=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = ZipFile(wheel).namelist()
    assert "cdk_instance_role/py.typed" in names
    assert "cdk_instance_role/runtime/association/main.py" in names
    assert not any("__pycache__" in name for name in names)

    run(sys.executable, "-m", "venv", tmp_path / "venv", folder=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, folder=tmp_path)
    run(python, "-c", APP, folder=tmp_path)

    resources = json.loads((tmp_path / "cdk.out" / "S.template.json").read_text())["Resources"].values()
    assert "Custom::InstanceProfileAssociation" in {resource["Type"] for resource in resources}
    assert list((tmp_path / "cdk.out").glob("asset.*/association/main.py"))
