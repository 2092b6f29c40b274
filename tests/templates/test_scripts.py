"""The templates' scripts, run as a job runs them: in a repository, with a python3 that makes environments of fakes."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipebench.templates.choices import Choices
from pipebench.templates.filling import forge_of, template

# `python3 -m venv FOLDER`: a pip and a torchrun that note what they are given, a pipebench that ends with 3 as well.
FAKE_PYTHON = r"""#!/bin/sh
mkdir -p "$3/bin"
cat > "$3/bin/pip" <<'END'
#!/bin/sh
for last; do :; done
echo "pip $(basename "$(dirname "$(dirname "$0")")") $(cat "$last" 2>/dev/null || echo "$last")" >> "$LOG"
END
cat > "$3/bin/pipebench" <<'END'
#!/bin/sh
echo "$*" >> "$LOG"
[ "$1" = merge ] || exit 3
END
cat > "$3/bin/torchrun" <<'END'
#!/bin/sh
echo "torchrun in $PWD of $(basename "$(dirname "$(dirname "$0")")"): $*" >> "$LOG"
END
chmod +x "$3/bin/pip" "$3/bin/pipebench" "$3/bin/torchrun"
"""
FILE = "requirements-pipebench.txt"


@dataclass
class Repository:
    """Three commits: without the requirements, with torch 1, with torch 2."""

    folder: Path
    commits: list[str]

    def git(self, *arguments: str, **variables: str) -> str:
        names = {
            f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        ended = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=os.environ | names | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def commit(self, text: str | None, **variables: str) -> None:
        if text is not None:
            (self.folder / FILE).write_text(text)
            self.git("add", FILE)
        self.git("commit", "--quiet", "--allow-empty", "--message", "m", **variables)
        self.commits.append(self.git("rev-parse", "HEAD"))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository", [])
    made.folder.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    for text in (None, "torch 1", "torch 2"):
        made.commit(text)
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    (fakes / "python3").write_text(FAKE_PYTHON)
    (fakes / "python3").chmod(0o755)
    return made


Ran = tuple[int, list[str], str]


def run(repository: Repository, sides: str = "requirements", **said: str) -> Ran:
    """GitHub's job: its exit code, what its fakes noted, its stderr; nothing temporary is left."""
    parsed = yaml.safe_load(template(forge_of("github"), Choices(sides=sides)))
    (step,) = [step for step in parsed["jobs"]["emulated"]["steps"] if "run" in step]
    return _run(repository, step["run"], step["env"] | {"EVENT": "push", "BEFORE": "", "ASKED": ""} | said)


def run_on_machine(repository: Repository, node: int, sides: str) -> Ran:
    """GitHub's job of one of two machines."""
    parsed = yaml.safe_load(template(forge_of("github"), Choices(sides=sides, gpus=4, machines=2)))
    (step,) = [step for step in parsed["jobs"]["machines"]["steps"] if "run" in step]
    told = {
        "EVENT": "push",
        "BEFORE": repository.commits[1],
        "ASKED": "",
        "NODE": str(node),
        "MASTER": "10.0.0.1",
    }
    return _run(repository, step["run"], step["env"] | told)


def run_on_gitlab(repository: Repository, **said: str) -> Ran:
    """GitLab's job, likewise."""
    parsed = yaml.safe_load(template(forge_of("gitlab"), Choices(sides="refs")))
    (script,) = parsed[".pipebench"]["script"]
    predefined = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": "0" * 40}
    return _run(repository, script, parsed["pipebench-emulated"]["variables"] | predefined | said)


def _run(repository: Repository, script: str, told: dict[str, str]) -> Ran:
    temporary = repository.folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    log = repository.folder.parent / "log"
    log.unlink(missing_ok=True)
    path = f"{repository.folder.parent / 'fakes'}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=repository.folder,
        env=os.environ | told | {"PATH": path, "TMPDIR": str(temporary), "LOG": str(log)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not list(temporary.iterdir())
    noted = log.read_text().replace(str(temporary), "").splitlines() if log.exists() else []
    return ended.returncode, noted, ended.stderr + ended.stdout


def test_base_and_head_get_environments_of_their_own_and_the_verdict_is_the_jobs(
    repository: Repository,
) -> None:
    code, (base, head, measured), _ = run(repository, BEFORE=repository.commits[1])
    assert code == 3
    assert (base, head) == ("pip base torch 1", "pip head torch 2")
    assert measured.startswith("ab --a-python ")
    assert "/base/bin/python --b-python " in measured
    assert measured.endswith(
        "/head/bin/python --allow-inconclusive --budget 900 --junit results/ci/pipebench.xml "
        "--output results/ci -- --gpus 8 --device emulated"
    )
    assert (repository.folder / "results/ci").is_dir()


def test_a_base_without_requirements_gets_those_of_head(repository: Repository) -> None:
    code, noted, said = run(repository, BEFORE=repository.commits[0])
    assert (code, noted[:2]) == (3, ["pip base torch 2", "pip head torch 2"])
    assert "head is held against itself" in said


def test_refs_are_those_of_base_and_head(repository: Repository) -> None:
    code, noted, _ = run(repository, "refs", BEFORE=repository.commits[1])
    assert code == 3
    assert noted[0] == "pip head ."
    assert noted[1].startswith(f"ab --a {repository.commits[1]} --b HEAD --allow-inconclusive ")


@pytest.fixture
def with_model(repository: Repository) -> Repository:
    """Two commits more, which have a model."""
    (repository.folder / "bench").mkdir()
    (repository.folder / "bench/model.py").touch()
    repository.git("add", "bench")
    for _ in range(2):
        repository.commit(None)
    return repository


def run_own(repository: Repository, base: str, model: str = "bench/model.py:build") -> Ran:
    """GitHub's job of a model of one's own; GitLab's does the same."""
    choices = Choices(gpus=4, model=model)
    parsed = yaml.safe_load(template(forge_of("github"), choices))
    (step,) = [step for step in parsed["jobs"]["emulated"]["steps"] if "run" in step]
    ran = _run(repository, step["run"], step["env"] | {"EVENT": "push", "BEFORE": base, "ASKED": ""})
    parsed = yaml.safe_load(template(forge_of("gitlab"), choices))
    (script,) = parsed[".pipebench"]["script"]
    told = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": base}
    assert _run(repository, script, parsed["pipebench-emulated"]["variables"] | told)[:2] == ran[:2]
    return ran


def test_two_states_of_a_model_share_one_environment_of_what_head_requires(with_model: Repository) -> None:
    base = with_model.commits[3]
    code, noted, said = run_own(with_model, base)
    assert code == 3
    assert noted == [
        "pip head torch 2",
        f"ab --a {base} --b HEAD --allow-inconclusive --budget 900 --junit results/ci/pipebench.xml "
        "--output results/ci -- --model bench/model.py:build --gpus 4 --device emulated",
    ]
    assert "against itself" not in said


def test_a_base_without_the_model_is_told_and_heads_own_takes_its_place(with_model: Repository) -> None:
    code, noted, said = run_own(with_model, with_model.commits[2])
    assert (code, noted[1].split()[:5]) == (3, ["ab", "--a", "HEAD", "--b", "HEAD"])
    assert "base has no bench/model.py yet: head is held against itself" in said


def test_a_model_that_head_lacks_too_is_for_ab_to_refuse(with_model: Repository) -> None:
    base = with_model.commits[2]
    _, noted, said = run_own(with_model, base, "package.module:m")
    assert noted[1].startswith(f"ab --a {base} --b HEAD ")
    assert "against itself" not in said


@pytest.mark.parametrize(
    ("said", "base"),
    [
        ({"EVENT": "push", "BEFORE": "0" * 40}, 1),  # a new branch
        ({"EVENT": "pull_request", "BEFORE": ""}, 1),
        ({"EVENT": "merge_request_event", "BEFORE": "commit 0"}, 0),
        ({"EVENT": "merge_group", "BEFORE": "commit 0"}, 0),
        ({"EVENT": "schedule"}, 1),  # no commit is a week old
        ({"EVENT": "workflow_dispatch", "ASKED": "main~2"}, 0),
        ({"EVENT": "workflow_dispatch", "ASKED": "there"}, 0),  # a branch of the remote
        ({"EVENT": "workflow_dispatch", "ASKED": ""}, 1),
    ],
)
def test_the_base_of_each_event(repository: Repository, said: dict[str, str], base: int) -> None:
    repository.git("update-ref", "refs/remotes/origin/there", repository.commits[0])
    if said.get("BEFORE") == "commit 0":
        said = said | {"BEFORE": repository.commits[0]}
    _, noted, _ = run(repository, "refs", **said)
    assert noted[1].split()[2] == repository.commits[base]


@pytest.mark.parametrize(
    ("said", "base"),
    [
        ({"CI_COMMIT_BEFORE_SHA": "{0}"}, 0),
        ({}, 1),  # a new branch
        ({"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "{0}"}, 0),
        (
            {
                "CI_PIPELINE_SOURCE": "merge_request_event",
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": "{0}",
                "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "{1}",  # merged results
            },
            1,
        ),
        ({"CI_PIPELINE_SOURCE": "schedule"}, 1),
        ({"CI_PIPELINE_SOURCE": "web", "PIPEBENCH_BASE": "main~2"}, 0),
    ],
)
def test_the_base_of_each_source_on_gitlab(repository: Repository, said: dict[str, str], base: int) -> None:
    code, noted, _ = run_on_gitlab(
        repository, **{name: value.format(*repository.commits) for name, value in said.items()}
    )
    assert code == 3
    assert noted[1].split()[2] == repository.commits[base]


def test_a_week_ago_is_what_the_branch_was_then(repository: Repository) -> None:
    """A side branch whose commit is older than its merge."""
    old = {"GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
    older = {"GIT_COMMITTER_DATE": "2019-01-01T00:00:00Z"}
    made = Repository(repository.folder.parent / "aged", [])
    made.folder.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit(None, **older)
    made.git("checkout", "--quiet", "-b", "side")
    made.commit(None, **old)
    made.git("checkout", "--quiet", "main")
    made.git("merge", "--quiet", "--no-ff", "--message", "m", "side")
    _, noted, _ = run(made, "refs", EVENT="schedule")
    assert noted[1].split()[2] == made.commits[0]


def test_what_is_left_out_of_archives_is_still_in_base(repository: Repository) -> None:
    (repository.folder / ".gitattributes").write_text(f"{FILE} export-ignore\n")
    repository.git("add", ".gitattributes")
    repository.commit("torch 3")
    repository.commit("torch 4")
    _, noted, said = run(repository, BEFORE=repository.commits[-2])
    assert noted[0] == "pip base torch 3"
    assert "held against itself" not in said


@pytest.mark.parametrize("asked", ["none", "--help", "$(touch hacked)", "main; touch hacked", "a\nb"])
def test_a_base_that_is_none_measures_nothing(repository: Repository, asked: str) -> None:
    code, noted, said = run(repository, EVENT="workflow_dispatch", ASKED=asked)
    assert (code, noted) == (2, [])
    assert "no base to hold HEAD against" in said
    assert not (repository.folder / "hacked").exists()


@pytest.mark.parametrize("sides", ["requirements", "refs"])
def test_two_machines_take_the_same_launches_and_the_first_one_judges(
    repository: Repository, sides: str
) -> None:
    code, noted, _ = run_on_machine(repository, 0, sides)
    assert code == 3
    made = (
        ["pip base torch 1", "pip head torch 2"] if sides == "requirements" else ["pip base .", "pip head ."]
    )
    assert noted[:2] == made
    launches = [line for line in noted if line.startswith("torchrun")]
    turns = [line.partition(" of ")[2].partition(":")[0] for line in launches]
    assert turns == ["base", "head", "head", "base"] * 2  # four of each, as check needs
    # what is checked out is measured by nobody
    assert not any(f"in {repository.folder} " in line for line in launches)
    told = "--nnodes 2 --node-rank 0 --nproc-per-node 2 --master-addr 10.0.0.1 --master-port 29501"
    assert told in launches[0]
    assert "-m pipebench run --gpus 4 --device cuda --output" in launches[0]
    results = repository.folder / "results/ci"
    assert noted[10:] == [
        f"merge {results}/base --output {results}/base-merged",
        f"merge {results}/head --output {results}/head-merged",
        f"check {results}/head-merged --against {results}/base-merged --junit {results}/pipebench.xml",
    ]
    code, noted, _ = run_on_machine(repository, 1, sides)
    assert (code, len(noted)) == (0, 10)
    assert [line.replace("--node-rank 1", "--node-rank 0") for line in noted[2:]] != noted[2:]
