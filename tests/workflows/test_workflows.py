"""The workflows run the targets of developers, with as few rights as they need."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdk_instance_role.cli.comment import MARKER

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.iterdir())
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
NOT_FOR_FORKS = "github.event.pull_request.head.repo.full_name == github.repository &&"

every_workflow = pytest.mark.parametrize("name", NAMES)


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def workflow(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(text(name))
    return loaded


def triggers(name: str) -> Any:
    # For YAML 1.1 the key `on` is a boolean.
    return workflow(name)[True]


def jobs(name: str) -> dict[str, Any]:
    found: dict[str, Any] = workflow(name)["jobs"]
    return found


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in jobs(name).values():
        yield from job["steps"]


def step(name: str, called: str) -> dict[str, Any]:
    (found,) = [one for one in steps(name) if one.get("name") == called]
    return found


def used(name: str, action: str) -> list[dict[str, Any]]:
    return [one for one in steps(name) if one.get("uses", "").startswith(f"{action}@")]


def position(job: str, called: str) -> int:
    names = [one.get("name", one.get("uses", "")) for one in jobs("plan.yml")[job]["steps"]]
    return next(index for index, name in enumerate(names) if name.startswith(called))


def test_each_workflow_has_one_purpose() -> None:
    assert NAMES == ["ci.yml", "docs.yml", "plan.yml", "release.yml", "scheduled.yml"]


@every_workflow
def test_every_action_is_pinned_by_commit_with_its_version_in_a_comment(name: str) -> None:
    uses = re.findall(r"\buses:\s*(.*)$", text(name), re.MULTILINE)

    assert uses
    assert [one for one in uses if not PINNED.fullmatch(one)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    pins = {tuple(one.split("@")) for name in NAMES for one in re.findall(r"\buses:\s*(.*)$", text(name), re.MULTILINE)}

    assert len(pins) == len({action for action, _ in pins})


@every_workflow
def test_a_workflow_as_a_whole_can_read_the_repository_at_most(name: str) -> None:
    assert workflow(name)["permissions"] in ({}, {"contents": "read"})


def test_no_job_can_do_more_than_it_needs() -> None:
    granted = {
        (name, job): definition["permissions"]
        for name in NAMES
        for job, definition in jobs(name).items()
        if "permissions" in definition
    }

    assert granted == {
        ("docs.yml", "publish"): {"id-token": "write", "pages": "write"},
        ("plan.yml", "not-configured"): {},
        ("plan.yml", "synthesize"): {"contents": "read"},
        ("plan.yml", "plan"): {"contents": "read", "id-token": "write"},
        ("plan.yml", "comment"): {"pull-requests": "write"},
        ("release.yml", "publish"): {"id-token": "write", "attestations": "write"},
        ("release.yml", "announce"): {"contents": "write"},
    }


@every_workflow
def test_the_token_does_not_stay_in_the_checkout(name: str) -> None:
    assert {one["with"]["persist-credentials"] for one in used(name, "actions/checkout")} == {False}


@every_workflow
def test_no_expression_is_part_of_a_script(name: str) -> None:
    assert [one["run"] for one in steps(name) if "${{" in one.get("run", "")] == []


@every_workflow
def test_no_text_that_a_stranger_can_write_is_used(name: str) -> None:
    for stranger in ("github.head_ref", "pull_request.title", "pull_request.body", "head.ref", "head.label"):
        assert stranger not in text(name)


@every_workflow
def test_no_secret_is_used(name: str) -> None:
    assert "secrets." not in text(name)


@every_workflow
def test_it_never_runs_with_the_rights_of_the_base_branch(name: str) -> None:
    assert set(triggers(name)) <= {"push", "pull_request", "schedule", "workflow_dispatch"}


@every_workflow
def test_a_newer_run_cancels_the_older_one_and_none_runs_for_ever(name: str) -> None:
    # A release that is stopped between PyPI and GitHub would be half of one.
    assert workflow(name)["concurrency"]["cancel-in-progress"] is (name != "release.yml")
    longest = 300 if name == "scheduled.yml" else 60
    assert all(job["timeout-minutes"] <= longest for job in jobs(name).values())


@every_workflow
def test_node_is_24(name: str) -> None:
    # For the documentation, make brings its own.
    expected = set() if name == "docs.yml" else {"24"}
    assert {one["with"]["node-version"] for one in used(name, "actions/setup-node")} == expected


def test_ci_runs_on_main_and_on_pull_requests() -> None:
    assert triggers("ci.yml") == {"push": {"branches": ["main"]}, "pull_request": None}


def test_ci_tests_the_versions_of_python_that_the_package_names() -> None:
    strategy = jobs("ci.yml")["test"]["strategy"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [one.rpartition(" ")[2] for one in project["classifiers"] if one.startswith("Programming Language")]

    assert strategy["matrix"] == {"python": ["3.11", "3.12", "3.13", "3.14"]}
    assert [one for one in named if "." in one] == strategy["matrix"]["python"]
    assert project["requires-python"] == f">={strategy['matrix']['python'][0]}"
    assert strategy["fail-fast"] is False


def test_ci_runs_the_same_make_target_as_developers() -> None:
    assert [one["run"] for one in steps("ci.yml") if "run" in one] == ["make test"]


def test_slow_jobs_run_on_a_schedule_and_by_hand() -> None:
    assert triggers("scheduled.yml").keys() == {"schedule", "workflow_dispatch"}
    assert jobs("scheduled.yml")["test"]["strategy"]["matrix"] == {"target": ["random-order", "soak", "versions"]}
    assert [one["run"] for one in steps("scheduled.yml") if "run" in one] == ['make "$TARGET"', "make bench"]


def test_the_raw_results_of_benchmarks_are_an_artifact() -> None:
    (upload,) = used("scheduled.yml", "actions/upload-artifact")

    assert ".local/benchmarks-raw/results.json" in upload["with"]["path"].split()
    assert not (ROOT / "docs" / "benchmarks" / "results.json").exists()


def test_the_documentation_is_built_for_pull_requests_and_published_from_main_only() -> None:
    build, publish = jobs("docs.yml")["build"], jobs("docs.yml")["publish"]
    (upload,) = used("docs.yml", "actions/upload-pages-artifact")

    assert triggers("docs.yml") == {"push": {"branches": ["main"]}, "pull_request": None}
    assert [one["run"] for one in build["steps"] if "run" in one] == ["make docs"]
    assert upload["with"] == {"path": ".docs/site"}
    assert upload["if"] == publish["if"] == "github.event_name == 'push'"
    assert [one["uses"].partition("@")[0] for one in publish["steps"]] == ["actions/deploy-pages"]


def test_tests_run_in_random_order_only_in_the_job_for_that() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^([a-z0-9-]+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]

    assert [name for name, recipe in recipes.items() if "--random-order" in recipe] == ["random-order"]
    assert "random" not in options["addopts"]


def test_a_plan_is_for_pull_requests() -> None:
    assert set(triggers("plan.yml")) == {"pull_request"}


def conditions() -> dict[str, str]:
    return {name: " ".join(job["if"].split()) for name, job in jobs("plan.yml").items()}


def test_no_job_of_the_plan_runs_for_a_fork() -> None:
    found = {name: condition.removeprefix("!cancelled() && ") for name, condition in conditions().items()}

    assert [condition for condition in found.values() if not condition.startswith(NOT_FOR_FORKS)] == []


def test_without_its_variables_there_is_a_notice_instead_of_the_plan() -> None:
    configured = f"{NOT_FOR_FORKS} vars.INSTANCE_ROLE_PLAN_ROLE != '' && vars.INSTANCE_ROLE_PLAN_REGION != ''"

    assert conditions() == {
        "not-configured": (
            f"{NOT_FOR_FORKS} (vars.INSTANCE_ROLE_PLAN_ROLE == '' || vars.INSTANCE_ROLE_PLAN_REGION == '')"
        ),
        "synthesize": configured,
        "plan": configured,
        "comment": f"!cancelled() && {configured}",
    }
    assert jobs("plan.yml")["not-configured"]["steps"][0]["run"].startswith('echo "::notice ')


def test_only_the_plan_has_the_role_and_it_runs_no_code_of_the_pull_request() -> None:
    (credentials,) = used("plan.yml", "aws-actions/configure-aws-credentials")
    checkout, *rest = jobs("plan.yml")["plan"]["steps"]

    assert credentials in rest
    assert credentials["with"]["role-to-assume"] == "${{ vars.INSTANCE_ROLE_PLAN_ROLE }}"
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert not [one for one in rest if one.get("uses", "").startswith("actions/checkout@")]
    assert "synth" not in str([one.get("run") for one in rest])


def test_the_app_of_the_pull_request_is_synthesized_once_where_there_are_no_credentials() -> None:
    scripts = {name: str([one.get("run") for one in job["steps"]]) for name, job in jobs("plan.yml").items()}

    assert [name for name, script in scripts.items() if "cdk synth" in script] == ["synthesize"]
    assert "ref" not in jobs("plan.yml")["synthesize"]["steps"][0]["with"]
    assert "github.token" not in str(jobs("plan.yml")["synthesize"])


def test_the_assembly_is_passed_as_an_artifact_and_checked_before_the_role_is_assumed() -> None:
    (upload,) = [one for one in jobs("plan.yml")["synthesize"]["steps"] if "upload-artifact" in one.get("uses", "")]
    (download,) = [one for one in jobs("plan.yml")["plan"]["steps"] if "download-artifact" in one.get("uses", "")]

    assert jobs("plan.yml")["plan"]["needs"] == "synthesize"
    assert (upload["with"]["name"], upload["with"]["path"]) == ("assembly", "cdk.out")
    assert download["with"] == {"name": "assembly", "path": "cdk.out"}
    assert (
        position("plan", "actions/download") < position("plan", "Check the assembly") < position("plan", "aws-actions/")
    )
    assert position("plan", "aws-actions/") < position("plan", "Plan") < position("plan", "Compare the templates")


def test_the_templates_are_compared_only_if_the_assembly_could_be_read() -> None:
    assert step("plan.yml", "Compare the templates")["if"] == "steps.plan.outputs.made == 'true'"
    assert "cdk diff --app cdk.out --method=template" in step("plan.yml", "Compare the templates")["run"]
    assert "instance-role plan --app cdk.out --format markdown" in step("plan.yml", "Plan")["run"]


def test_the_comment_is_passed_by_an_artifact_id_that_the_code_of_the_pull_request_cannot_choose() -> None:
    plan, comment = jobs("plan.yml")["plan"], jobs("plan.yml")["comment"]
    upload, download = plan["steps"][-1], comment["steps"][0]

    assert (upload["id"], upload["with"]["overwrite"]) == ("comment", True)
    assert plan["outputs"]["comment"] == "${{ steps.comment.outputs.artifact-id }}"
    assert download["with"] == {"artifact-ids": "${{ needs.plan.outputs.comment }}"}
    assert download["if"] == "needs.plan.outputs.comment != ''"


def test_the_page_is_an_artifact_and_the_comment_links_to_it() -> None:
    (page,) = [one for one in jobs("plan.yml")["plan"]["steps"] if one.get("id") == "page"]

    assert page["uses"].startswith("actions/upload-artifact@")
    assert (page["with"]["path"], page["with"]["archive"]) == ("instance-role-plan.html", False)
    assert (page["with"]["if-no-files-found"], page["with"]["overwrite"]) == ("ignore", True)
    assert "--page instance-role-plan.html" in step("plan.yml", "Plan")["run"]
    assert step("plan.yml", "Put the comment together")["env"] == {"PAGE": "${{ steps.page.outputs.artifact-url }}"}
    assert position("plan", "Plan") < position("plan", "Put the comment together")


def test_the_job_that_comments_runs_no_code_of_the_repository() -> None:
    steps_ = jobs("plan.yml")["comment"]["steps"]

    assert [one["uses"].partition("@")[0] for one in steps_ if "uses" in one] == ["actions/download-artifact"]
    assert not any(word in str(steps_) for word in ("make ", "python", "npx", ".venv"))


def test_the_comment_is_found_again_by_its_first_line() -> None:
    assert f'startswith("{MARKER}")' in step("plan.yml", "Write the comment")["run"]


def test_the_comment_is_written_even_after_a_failure_and_before_the_check_fails() -> None:
    assert conditions()["comment"].startswith("!cancelled() && ")
    assert jobs("plan.yml")["comment"]["needs"] == ["synthesize", "plan"]
    assert position("comment", "Write the comment") < position("comment", "Say how it went")


def test_a_release_begins_with_a_tag_of_a_version() -> None:
    assert triggers("release.yml") == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}


def test_a_release_is_published_only_after_build_checks_and_tests() -> None:
    release = jobs("release.yml")
    scripts = [one["run"] for one in release["build"]["steps"] if "run" in one]

    assert (release["publish"]["needs"], release["announce"]["needs"]) == ("build", "publish")
    assert "https://pypi.org/pypi/cdk-instance-role/${TAG#v}/json" in scripts[0]
    assert scripts[1:] == ["make setup", '.venv/bin/python -m release --out dist --tag "$TAG"', "make test"]


def test_no_code_of_the_repository_runs_where_a_release_is_published() -> None:
    for job in ("publish", "announce"):
        steps_ = jobs("release.yml")[job]["steps"]

        assert not [one for one in steps_ if one.get("uses", "").startswith("actions/checkout@")]
        assert not any(word in str(steps_) for word in ("make ", "python", "npx", ".venv"))
