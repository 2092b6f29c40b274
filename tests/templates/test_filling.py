"""The templates are YAML, and every hardening point of theirs holds."""

import re
from pathlib import Path

import pytest
import yaml

from pipebench.errors import UsageError
from pipebench.templates.choices import SIDES, Choices
from pipebench.templates.filling import FORGES, forge_of, next_steps, template
from tests.templates.filled import CHOSEN, OWN, pipeline, steps, workflow

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"- uses: actions/[a-z-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("choices", [*(Choices(sides=sides) for sides in SIDES), OWN])
@pytest.mark.parametrize("forge", FORGES)
def test_no_blank_is_left(forge: str, choices: Choices) -> None:
    text = template(forge_of(forge), choices)
    assert "%%" not in text
    assert yaml.safe_load(text)


@pytest.mark.parametrize("choices", [CHOSEN, OWN])
def test_the_first_comment_says_how_to_make_it_a_required_check(choices: Choices) -> None:
    first = {forge: template(forge_of(forge), choices).partition("\n\n")[0] for forge in FORGES}
    assert "Require status checks to pass" in first["github"]
    for job in workflow(choices)["jobs"].values():
        assert f'"{job["name"]}"' in first["github"]
    assert '"Pipelines\n# must succeed"' in first["gitlab"]
    for job in ("pipebench-emulated", "pipebench-gpu"):
        assert job in first["gitlab"]
        assert job in pipeline(choices)


def test_an_unknown_forge_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one of github, gitlab"):
        forge_of("gitea")


def test_github_rights_are_the_least() -> None:
    parsed = workflow()
    assert parsed["permissions"] == {"contents": "read"}
    for job in parsed["jobs"].values():
        assert "permissions" not in job
        (checkout,) = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert checkout["with"]["persist-credentials"] is False
    assert "secrets" not in template(forge_of("github"), CHOSEN).replace("without secrets", "")


def test_github_events_are_those_that_run_without_rights() -> None:
    events = workflow()[True]  # YAML 1.1 reads the key "on" so
    assert set(events) == {"pull_request", "merge_group", "push", "schedule", "workflow_dispatch"}
    assert events["push"] == {"branches": ["main"]}


def test_github_measures_no_pull_request_of_a_fork_on_hardware() -> None:
    jobs = workflow()["jobs"]
    condition = jobs["gpu"]["if"]
    allowed, of_pull_requests = condition.split("(github.event_name == 'pull_request' && ")
    assert of_pull_requests == "github.event.pull_request.head.repo.full_name == github.repository))"
    assert set(re.findall(r"event_name == '(\w+)'", allowed)) == {"push", "schedule", "workflow_dispatch"}
    assert "if" not in jobs["emulated"]


def test_github_runners_are_named_by_label() -> None:
    jobs = workflow()["jobs"]
    assert jobs["gpu"]["runs-on"] == ["self-hosted", "a100"]
    assert jobs["emulated"]["runs-on"] == "ubuntu-latest"
    assert workflow(Choices(runner="true"))["jobs"]["gpu"]["runs-on"] == ["true"]


def test_github_gpu_jobs_run_one_at_a_time_to_their_end() -> None:
    jobs = workflow()["jobs"]
    assert jobs["gpu"]["concurrency"] == {
        "group": "pipebench-gpu-self-hosted-a100",
        "cancel-in-progress": False,
        "queue": "max",
    }
    assert all(job["timeout-minutes"] <= 90 for job in jobs.values())


def test_github_only_a_pull_request_replaces_its_own_older_state() -> None:
    concurrency = workflow()["jobs"]["emulated"]["concurrency"]
    group = "github.event_name == 'pull_request' && github.ref || github.run_id"
    assert concurrency == {"group": f"pipebench-emulated-${{{{ {group} }}}}", "cancel-in-progress": True}


def test_github_scripts_hold_no_expression() -> None:
    """What an event says, a branch's name for one, reaches a script through its environment."""
    for job in workflow()["jobs"].values():
        (step,) = steps(job, "run")
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
    text = template(forge_of("github"), CHOSEN)
    assert not re.search(r"head_ref|head\.ref|\.title|\.body|\.message", text)


@pytest.mark.parametrize("file", ["pipebench.yml", "ci.yml"])
def test_github_actions_are_pinned_to_commits_with_their_version(file: str) -> None:
    lines = (ROOT / ".github/workflows" / file).read_text(encoding="utf-8").splitlines()
    used = [line.strip() for line in lines if "uses:" in line]
    assert used
    assert all(PIN.fullmatch(line) for line in used)
    made = template(forge_of("github"), CHOSEN)
    assert all(line in made for line in used)


def test_github_keeps_what_was_measured_whatever_the_verdict() -> None:
    names = []
    for job in workflow()["jobs"].values():
        *_, measured, kept = job["steps"]
        assert kept["if"] == "always()"
        assert kept["with"]["path"] == "results/ci"
        assert "--output results/ci" in measured["run"]
        assert measured["run"].rstrip().endswith('"${options[@]}"')  # the verdict's code is the step's
        names.append(kept["with"]["name"])
    assert len(set(names)) == len(names)  # a second artifact of one name is refused


@pytest.mark.parametrize("forge", FORGES)
def test_both_jobs_measure_the_same_on_their_own_devices(forge: str) -> None:
    if forge == "github":
        jobs = workflow()["jobs"]
        (emulated,), (gpu,) = (
            [step["env"] for step in steps(jobs[name], "run")] for name in ("emulated", "gpu")
        )
    else:
        emulated, gpu = (pipeline()[f"pipebench-{name}"]["variables"] for name in ("emulated", "gpu"))
    assert emulated["PIPEBENCH_OPTIONS"] == "--gpus 4 --preset tiny --device emulated"
    assert gpu["PIPEBENCH_OPTIONS"] == "--gpus 4 --preset tiny --device cuda"
    assert "--allow-inconclusive" in emulated["PIPEBENCH_LIMITS"]
    assert "--allow-inconclusive" not in gpu["PIPEBENCH_LIMITS"]
    assert "PIP_EXTRA_INDEX_URL" not in gpu


def test_gitlab_measures_no_merge_request_of_a_fork_on_hardware() -> None:
    rules = pipeline()["pipebench-gpu"]["rules"]
    requests = [rule for rule in rules if "merge_request_event" in rule["if"]]
    assert [rule.get("when") for rule in requests] == [None, "never"]
    assert requests[0]["if"].endswith("&& $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID")
    assert requests[1]["if"] == '$CI_PIPELINE_SOURCE == "merge_request_event"'
    assert rules[-1]["if"].startswith('$CI_COMMIT_BRANCH == "main" && ')
    assert len(rules) == 4


def test_gitlab_gpu_jobs_run_one_at_a_time_to_their_end() -> None:
    parsed = pipeline()
    assert parsed["pipebench-gpu"]["tags"] == ["self-hosted", "a100"]
    assert parsed["pipebench-gpu"]["resource_group"] == "pipebench-gpu-self-hosted-a100"
    assert parsed[".pipebench"]["interruptible"] is False
    assert {parsed[f"pipebench-{name}"]["timeout"] for name in ("emulated", "gpu")} == {
        "45 minutes",
        "90 minutes",
    }


def test_gitlab_keeps_what_was_measured_whatever_the_verdict() -> None:
    artifacts = pipeline()[".pipebench"]["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["paths"] == ["results/ci"]
    assert artifacts["reports"] == {"junit": "results/ci/pipebench.xml"}


def test_the_next_steps_say_what_is_needed() -> None:
    github = next_steps(forge_of("github"), CHOSEN)
    assert "requirements-pipebench.txt: pipebench and torch with their versions, committed" in github
    assert "all labels self-hosted,a100, 4 GPUs" in github
    fires = github.splitlines()[-1].strip()
    assert fires.startswith("pipebench ab ")
    assert fires in (ROOT / "docs" / "in-ci.md").read_text(encoding="utf-8")
    gitlab = next_steps(forge_of("gitlab"), CHOSEN)
    assert "include:\n    - local: .gitlab-ci-pipebench.yml" in gitlab
    assert "a runner with all tags self-hosted,a100, 4 GPUs" in gitlab
    refs = next_steps(forge_of("github"), Choices(sides="refs"))
    assert "requirements" not in refs
    assert "pipebench ab --a HEAD~1 --b HEAD " in refs


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("forge", FORGES)
def test_two_machines_are_a_job_more_and_change_no_other(forge: str, sides: str) -> None:
    one, two = (template(forge_of(forge), Choices(sides=sides, machines=machines)) for machines in (1, 2))
    jobs = [parsed.get("jobs", parsed) for parsed in map(yaml.safe_load, (one, two))]
    more = set(jobs[1]) - set(jobs[0])
    assert more == {"machines" if forge == "github" else "pipebench-machines"}
    assert {name: jobs[1][name] for name in jobs[0]} == jobs[0]
    assert "%%" not in two


def test_github_two_machines_meet_only_where_they_are_named_and_never_for_a_fork() -> None:
    job = workflow(Choices(runner="self-hosted,a100", gpus=4, machines=2))["jobs"]["machines"]
    assert job["if"].startswith("vars.PIPEBENCH_MASTER != '' &&")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    assert job["strategy"]["matrix"] == {"node": [0, 1]}
    assert job["runs-on"] == ["self-hosted", "a100", "node-${{ matrix.node }}"]
    assert job["concurrency"]["cancel-in-progress"] is False
    (measured,) = steps(job, "run")
    assert "--nproc-per-node 2" in measured["run"]
    assert "${{" not in measured["run"]


def test_gitlab_two_machines_meet_only_where_they_are_named_and_never_for_a_fork() -> None:
    job = pipeline(Choices(gpus=4, machines=2))["pipebench-machines"]
    assert job["rules"][0] == {"if": '$PIPEBENCH_MASTER == null || $PIPEBENCH_MASTER == ""', "when": "never"}
    assert job["parallel"] == {"matrix": [{"NODE": ["0", "1"]}]}
    assert job["tags"] == ["gpu", "node-$NODE"]
    assert "--nproc-per-node 2" in job["script"][0]


def test_two_machines_share_the_devices() -> None:
    with pytest.raises(UsageError, match="--gpus 3: expected as many on each of 2 machines"):
        Choices(gpus=3, machines=2)
    with pytest.raises(UsageError, match="--machines must be 1 or 2, got 3"):
        Choices(machines=3)
    assert "PIPEBENCH_MASTER: an address of node-0" in next_steps(forge_of("github"), Choices(machines=2))
