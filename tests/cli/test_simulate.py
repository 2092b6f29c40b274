import json

import pytest

from tests.cli.conftest import Pipebench


def simulate(pipebench: Pipebench, *arguments: str) -> dict[str, object]:
    ended = pipebench("simulate", *arguments, "--json")
    assert ended.code == 0, ended.err
    document: dict[str, object] = json.loads(ended.out)
    return document


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_the_closed_form_through_the_command(pipebench: Pipebench, schedule: str) -> None:
    sizes = ("--stages", "8", "--microbatches", "8", "--forward", "1", "--backward", "2")
    document = simulate(pipebench, "--schedule", schedule, *sizes)
    assert document["makespan_s"] == pytest.approx(45, rel=1e-12)
    assert document["bubble"]["fraction"] == pytest.approx(7 / 15, rel=1e-12)  # type: ignore[index]
    alive = [device["activations_alive"] for device in document["devices"]]  # type: ignore[attr-defined]
    assert alive == ([8] * 8 if schedule == "gpipe" else [8, 7, 6, 5, 4, 3, 2, 1])


def test_halves_add_up_to_a_backward(pipebench: Pipebench) -> None:
    halves = simulate(pipebench, "--stages", "2", "--backward-input", "1.5", "--backward-weight", "0.5")
    assert halves["makespan_s"] == simulate(pipebench, "--stages", "2", "--backward", "2")["makespan_s"]


def test_the_report_says_simulated(pipebench: Pipebench) -> None:
    out = pipebench("simulate", "--schedule", "wavefront", "--stages", "3").out
    assert out.startswith("simulated: wavefront, 3 stages, 4 microbatches, 8 chunks")
    assert "nothing" in out


def test_the_plan_as_csv(pipebench: Pipebench) -> None:
    out = pipebench("simulate", "--schedule", "1f1b", "--stages", "2", "--microbatches", "2", "--csv").out
    assert out == "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--stages", "0"], "--stages must be at least 1, got 0"),
        (["--microbatches", "-1"], "--microbatches must be at least 1, got -1"),
        (["--chunks", "0"], "--chunks must be at least 1, got 0"),
        (["--forward", "nan"], "--forward must be a number of seconds from 0 to 1e+15, got nan"),
        (
            ["--backward-weight", "1"],
            "the halves backward-input and backward-weight go together: give both or neither",
        ),
        (
            ["--backward", "3", "--backward-input", "1", "--backward-weight", "1"],
            "backward is 3.0, but its halves backward-input and backward-weight add up to 2.0: leave one out",
        ),
    ],
)
@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_errors_name_the_option(
    pipebench: Pipebench, options: list[str], error: str, form: list[str]
) -> None:
    ended = pipebench("simulate", *options, *form)
    assert (ended.code, ended.out, ended.err) == (2, "", f"pipebench: error: {error}\n")
