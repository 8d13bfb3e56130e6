"""The handler ships without the CDK, and the library beside a package that is called like its folder."""

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNTIME = "cdk_instance_role.runtime.association"
LIBRARY = ROOT / "constructs" / "cdk_instance_role"
MAX_MODULES = 12
MAX_LINES = 250

CDK = ["aws_cdk", "constructs", "jsii"]

PROGRAM = """
import importlib, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"{event} {arguments}: nothing here may need a network")

blocked, module = sys.argv[1].split(","), sys.argv[2]
sys.modules.update(dict.fromkeys(blocked))
sys.addaudithook(refuse)
importlib.import_module(module)
print(sorted(name for name in blocked if sys.modules[name] is not None))
"""


def imported_without(blocked: list[str], module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(blocked), module], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", ["decide.plan", "request.event", "decide.checks", "decide.model", "contract"])
def test_the_decisions_need_neither_the_cdk_nor_the_sdk_nor_a_network(module: str) -> None:
    result = imported_without([*CDK, "boto3", "botocore"], f"{RUNTIME}.{module}")

    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


def test_the_whole_handler_needs_neither_the_cdk_nor_a_network_to_be_imported() -> None:
    result = imported_without([*CDK, "pydantic"], f"{RUNTIME}.handler")

    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


@pytest.mark.parametrize("module", ["stacks.entries", "tools.docs_hooks"])
def test_the_configuration_can_be_read_without_the_cdk(module: str) -> None:
    """`make docs` does: its tables are made from the configuration, in an environment without the CDK."""
    result = imported_without([*CDK, "boto3", "botocore"], module)

    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


def test_only_lambda_imports_modules_that_change_the_whole_process() -> None:
    importing = [
        path.name
        for path in (ROOT / "constructs").rglob("*.py")
        if re.search(r"import entry|from \.*(?:association)?\.?entry import", path.read_text())
    ]

    assert importing == []


def test_the_constructs_do_not_need_boto3() -> None:
    """boto3 is no dependency of the library."""
    result = imported_without(["boto3", "botocore"], "cdk_instance_role.selection")

    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


@pytest.mark.parametrize(
    ("blocked", "module"), [("botocore", f"{RUNTIME}.handler"), ("aws_cdk", "cdk_instance_role.selection")]
)
def test_fails_when_a_needed_package_is_missing(blocked: str, module: str) -> None:
    """Shows that a blocked package is noticed."""
    result = imported_without([blocked], module)

    assert result.returncode != 0
    assert blocked in result.stderr


def test_the_source_root_does_not_shadow_the_package_constructs() -> None:
    spec = importlib.util.find_spec("constructs")

    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert spec is not None
    assert spec.origin is not None
    assert ROOT / "constructs" not in Path(spec.origin).parents


def test_a_package_has_at_most_twelve_modules() -> None:
    packages = {path.parent for path in LIBRARY.rglob("*.py")}
    modules = {package: [path for path in package.glob("*.py") if path.name != "__init__.py"] for package in packages}

    assert len(packages) > 10
    assert {package.name: len(found) for package, found in modules.items() if len(found) > MAX_MODULES} == {}


def test_a_module_has_at_most_250_lines() -> None:
    modules = [*LIBRARY.rglob("*.py"), *(ROOT / "stacks").rglob("*.py")]
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules}

    assert {name for name, count in lines.items() if count > MAX_LINES} == set()


def test_the_configuration_of_the_import_linter_names_real_modules() -> None:
    text = (ROOT / ".importlinter").read_text()
    containers = re.findall(r"^containers = cdk_instance_role\.?(.*)$", text, re.MULTILINE)
    layers = re.findall(r"^layers =\n((?:  .*\n?)+)", text, re.MULTILINE)

    assert len(containers) == len(layers) == 3
    for container, block in zip(containers, layers, strict=True):
        folder = LIBRARY / container.replace(".", "/")
        names = re.findall(r"\w+", block)
        assert [name for name in names if not (folder / name).is_dir() and not (folder / f"{name}.py").is_file()] == []


def test_no_two_test_modules_have_the_same_name() -> None:
    """pytest imports them by their names, so one would hide the other."""
    names = Counter(path.name for path in (ROOT / "tests").glob("**/test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []
