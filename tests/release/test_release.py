"""A release can be made: its files are reproducible, PyPI accepts them, and the links of its description work."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hatch_build import description, urls
from release.checks import check_tag, metadata, notes, relative_links
from release.sbom import sbom

ROOT = Path(__file__).parents[2]
CHANGELOG = "# Changelog\n\n## 0.2.0 - unreleased\n\nNew.\n\n## 0.1.0 - 2026-01-02\n\nFirst.\n"
URL = "https://git.example/team/project"


def test_a_dry_run_builds_checks_and_uses_everything(tmp_path: Path) -> None:
    out = tmp_path / "dist"
    command = [sys.executable, "-m", "release", "--out", str(out)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert finished.returncode == 0, finished.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "cdk_instance_role-0.1.0-py3-none-any.whl",
        "cdk_instance_role-0.1.0.tar.gz",
        "notes.md",
        "sbom.cdx.json",
    ]
    (wheel,) = out.glob("*.whl")
    assert relative_links(metadata(wheel).description or "") == []
    with tarfile.open(next(out.glob("*.tar.gz"))) as archive:
        assert "cdk_instance_role-0.1.0/hatch_build.py" in archive.getnames()
    assert "aws-cdk-lib" in {one["name"] for one in json.loads((out / "sbom.cdx.json").read_text())["components"]}


def test_make_release_dry_run_is_what_is_tested() -> None:
    assert "\trm -rf dist\n\tpython -m release --out dist\n" in (ROOT / "Makefile").read_text()


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert (notes(CHANGELOG, "0.2.0"), notes(CHANGELOG, "0.1.0")) == ("New.", "First.")


@pytest.mark.parametrize(("version", "said"), [("0.3.0", "no heading for 0.3.0"), ("0.3", "form X.Y.Z")])
def test_a_version_that_is_not_in_the_changelog_is_refused(version: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        notes(CHANGELOG, version)


def test_a_tag_must_name_a_version_with_a_date_in_the_changelog() -> None:
    check_tag("v0.1.0", "0.1.0", CHANGELOG)
    with pytest.raises(ValueError, match=r"tag v0\.1\.0"):
        check_tag("v0.2.0", "0.1.0", CHANGELOG)
    with pytest.raises(ValueError, match="is unreleased"):
        check_tag("v0.2.0", "0.2.0", CHANGELOG)


def test_relative_links_of_the_description_become_absolute_ones_of_the_tag() -> None:
    readme = "[a](docs/a.md) ![b](b.png) [![c](c.png)](d.md) [e](https://e.example) [f](#f)"

    assert description(readme, URL, "0.1.0") == (
        f"[a]({URL}/blob/v0.1.0/docs/a.md) ![b]({URL}/raw/v0.1.0/b.png) "
        f"[![c]({URL}/raw/v0.1.0/c.png)]({URL}/blob/v0.1.0/d.md) [e](https://e.example) [f](#f)"
    )


def test_without_the_url_of_the_repository_the_description_has_no_broken_links() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert relative_links("[a](docs/a.md)") == ["docs/a.md"]
    assert relative_links(description(readme, "", "0.1.0")) == []
    assert relative_links(description(readme, URL, "0.1.0")) == []


def test_the_project_has_urls_if_the_url_of_the_repository_is_known() -> None:
    assert set(urls(URL)) == {"Homepage", "Documentation", "Changelog", "Issues"}
    assert urls("") == {}


def test_the_bill_of_materials_names_every_pinned_package() -> None:
    found = sbom("me", "1.0.0", "a-b==2.0 ; python_version > '3' \\\n    --hash=sha256:00\nc==3\n")

    assert [one["purl"] for one in found["components"]] == ["pkg:pypi/a-b@2.0", "pkg:pypi/c@3"]
    assert found["metadata"]["component"]["purl"] == "pkg:pypi/me@1.0.0"
