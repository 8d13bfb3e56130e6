"""Do everything of a release except publishing: ``python -m release --out dist [--tag vX.Y.Z]``."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

from release.checks import check_tag, metadata, notes, relative_links
from release.sbom import sbom

ROOT = Path(__file__).parents[1]
EPOCH = "1577836800"
"""The time of every file in the archives, so that they are the same whenever they are built."""

APP = """
import cdk_instance_role
from aws_cdk import App, Stack
from cdk_instance_role import InstanceRole, InstanceSelection
assert "venv" in cdk_instance_role.__file__, cdk_instance_role.__file__
app = App(outdir="cdk.out")
InstanceRole(Stack(app, "S"), "Web").associate_with("Fleet", InstanceSelection.by_ids("i-0123456789abcdef0"))
app.synth()
"""


def main() -> None:
    """Check the version, build twice, compare, check the metadata, list the dependencies, and use the wheel."""
    parser = argparse.ArgumentParser(prog="python -m release", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tag", help="also check that the tag is that of the version")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    text = notes(changelog, version)
    if options.tag:
        check_tag(options.tag, version, changelog)
    out: Path = options.out.resolve()
    wheel = build_twice(out)
    check_metadata(wheel)
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (out / "notes.md").write_text(text + "\n", encoding="utf-8")
    (out / "sbom.cdx.json").write_text(json.dumps(sbom(name, version, lock), indent=2) + "\n", encoding="utf-8")
    use(wheel)
    for path in sorted(out.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


def build_twice(out: Path) -> Path:
    """Build both distributions, check that a second build is the same, and give the wheel."""
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty: remove what is in it")
    build(out)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        first = {path.name: path.read_bytes() for path in out.iterdir()}
        if first != {path.name: path.read_bytes() for path in Path(folder).iterdir()}:
            raise ValueError("two builds of the same files differ: look for times or an order in the archives")
    (wheel,) = out.glob("*.whl")
    return wheel


def build(out: Path) -> None:
    """Build the source distribution, and the wheel from it."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=ROOT, environment=environment)


def check_metadata(wheel: Path) -> None:
    """Check that PyPI takes the metadata, and that all links of the description work there."""
    if relative := relative_links(metadata(wheel).description or ""):
        raise ValueError(f"the description has links that do not work on PyPI: {', '.join(relative)}")


def use(wheel: Path) -> None:
    """Synthesize a stack with the wheel in a throw-away environment. The packages it needs are those of this one."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=Path(folder))
        python = Path(folder, "venv", "bin", "python")
        pip: list[str | Path] = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "--disable-pip-version-check",
            "install",
        ]
        run(*pip, "--quiet", "--no-deps", "--no-index", "--no-compile", wheel, cwd=Path(folder))
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        purelib = sysconfig.get_path("purelib")
        start = f"import sys; sys.path.append({purelib!r})\n"
        run(python, "-c", start + APP, cwd=Path(folder), environment=inherited)
        if not Path(folder, "cdk.out", "S.template.json").is_file():
            raise ValueError("the wheel has synthesized no template")


def run(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command, and show what it has printed only if it fails."""
    finished = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise ValueError(f"{' '.join(map(str, command[:4]))} has failed:\n{finished.stdout}{finished.stderr}")


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"error: {error}")
