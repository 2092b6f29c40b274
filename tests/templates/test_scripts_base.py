"""The base that a job holds HEAD against, at each event of each forge."""

import pytest

from tests.templates.jobs import Repository, run, run_on_gitlab


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


@pytest.mark.parametrize("asked", ["none", "--help", "$(touch hacked)", "main; touch hacked", "a\nb"])
def test_a_base_that_is_none_measures_nothing(repository: Repository, asked: str) -> None:
    code, noted, said = run(repository, EVENT="workflow_dispatch", ASKED=asked)
    assert (code, noted) == (2, [])
    assert "no base to hold HEAD against" in said
    assert not (repository.folder / "hacked").exists()
