"""The templates' scripts, run as a job runs them: in a repository, with a python3 that makes environments of fakes."""

import pytest

from tests.templates.jobs import FILE, Repository, run, run_on_machine, run_own


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


def test_what_is_left_out_of_archives_is_still_in_base(repository: Repository) -> None:
    (repository.folder / ".gitattributes").write_text(f"{FILE} export-ignore\n")
    repository.git("add", ".gitattributes")
    repository.commit("torch 3")
    repository.commit("torch 4")
    _, noted, said = run(repository, BEFORE=repository.commits[-2])
    assert noted[0] == "pip base torch 3"
    assert "held against itself" not in said


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
