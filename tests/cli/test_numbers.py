"""Every numeric option over its range, and beyond: an answer or one line on stderr, and never a traceback.

``NUMBERS_TRIED=20000 pytest tests/cli/test_numbers.py`` tries more of them.
"""

import io
import json
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest

from pipebench.cli.main import run
from tests.builders import launch, measured_record, steady_record
from tests.cli.conftest import Pipebench
from tests.cli.saved import save

TRIED = int(os.environ.get("NUMBERS_TRIED", "320"))
ENDS = {0, 2, 3, 4, 5, 7, 8, 9, 10}  # of what measures nothing

SMALL = ("1", "2", "3", "4", "7", "8", "16")
ODD = (
    *("0", "-1", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808"),
    *(
        "1000000000000000000",
        "-1000000000000000000",
        "1" * 400,
        "9" * 5000,
        "1e3",
        "0x10",
        "+5",
        " 3",
        "1_000",
        "",
    ),
    *("nan", "½", "٣"),
)
SECONDS = (
    *("0", "-0.0", "5e-324", "1e-320", "1e-308", "1e-300", "1e-16", "0.1", "1", "3", "1e6", "1e9", "1e15"),
    *(
        "1.0000000001e15",
        "1e16",
        "1e300",
        "1.7e308",
        "1e400",
        "nan",
        "inf",
        "-inf",
        "-1",
        "-5e-324",
        "1" * 400,
        "",
    ),
)
PERCENTAGES = (
    *(
        "0%",
        "0.000000001%",
        "1e-300%",
        "1%",
        "3%",
        "98.999999999%",
        "99%",
        "99.000000001%",
        "99.999%",
        "100%",
    ),
    *("1e300%", "999999999%", "-3%", "nan%", "inf%", "%", "3", "", "٣%", "9" * 400 + "%"),
)
METRICS = ("words_per_s", "speedup", "step_s", "efficiency", "bubble_fraction", "peak_memory_bytes")
SCHEDULES = ("naive", "gpipe", "1f1b", "wavefront", "zb-h1")

Draw = Callable[[Random], list[str]]


def count(random: Random) -> str:
    """A small number mostly: what is legal and between would take minutes."""
    return random.choice(SMALL if random.random() < 0.85 else ODD)


def some(random: Random, options: dict[str, Callable[[Random], str]], share: float = 0.4) -> list[str]:
    return [f"{name}={value(random)}" for name, value in options.items() if random.random() < share]


def flags(random: Random, *names: str) -> list[str]:
    return [name for name in names if random.random() < 0.3]


def seconds(random: Random) -> str:
    return random.choice(SECONDS)


def sharing(random: Random) -> str:
    return "all" if random.random() < 0.5 else count(random)


def factors(random: Random) -> str:
    return ",".join(random.choice(("1", "2.5", "0", seconds(random))) for _ in range(random.randint(1, 4)))


def link(random: Random) -> str:
    pair = random.choice(("", f"{count(random)}-{count(random)}"))
    return f"{pair}{random.choice(('=', 'x'))}{seconds(random)}{random.choice(('', ' s', ' us', ' GB/s'))}"


def size(random: Random) -> str:
    return f"{seconds(random)}{random.choice(('', 'B', 'MiB'))}"


def one_of(*choices: str) -> Callable[[Random], str]:
    return lambda random: random.choice(choices)


def simulate(random: Random) -> list[str]:
    costs = ("--forward", "--backward", "--backward-input", "--backward-weight", "--transfer")
    sizes = {"--stages": count, "--microbatches": count, "--chunks": count}
    return [
        "simulate",
        *some(random, {"--schedule": one_of(*SCHEDULES)}),
        *some(random, sizes, 0.7),
        *some(random, dict.fromkeys(costs, seconds), 0.3),
        *some(random, {"--softmax-devices": sharing, "--softmax": seconds}, 0.3),
        *some(random, {"--stage-costs": factors, "--link": link, "--message": size}, 0.2),
        *flags(random, "--blocking", "--csv", "--json"),
    ]


def halves(random: Random) -> list[str]:
    """Both halves of a backward, which are refused one without the other."""
    return [
        *("simulate", "--stages=2", "--microbatches=3", "--json", f"--schedule={random.choice(SCHEDULES)}"),
        *(f"--backward-input={seconds(random)}", f"--backward-weight={seconds(random)}"),
    ]


def plan_a_run(random: Random) -> list[str]:
    sizes = ("--layers", "--hidden", "--vocab", "--batch", "--sequence-length")
    slices = ("--gpus", "--microbatches", "--chunks")
    effort = ("--launches", "--steps", "--warmup", "--seed")
    return [
        *("run", "--dry-run", "--synthetic", "--preset=tiny"),
        *some(random, {"--device": one_of("emulated", "cpu", "auto"), "--schedule": one_of(*SCHEDULES)}, 0.3),
        *some(random, dict.fromkeys(slices, count), 0.6),
        *some(random, dict.fromkeys((*sizes, *effort), count), 0.25),
        *some(random, {"--deadline": seconds, "--dtype": one_of("float32", "float64")}, 0.2),
        *some(random, {"--checkpoint": one_of("none", "always", "except-last")}, 0.2),
        *some(random, {"--softmax-devices": sharing}, 0.3),
        *some(
            random,
            {"--partition": one_of("even", "balanced", "1,1", "7,0", "1" * 400, "1,-1", "٣,5", "1e3,7")},
            0.3,
        ),
        *flags(random, "--json"),
    ]


def gate(random: Random) -> str:
    return f"{random.choice(METRICS)}={random.choice(PERCENTAGES)}"


def check(random: Random) -> list[str]:
    return [
        *("check", random.choice(("same", "slower", "one", "missing")), "--against", "base"),
        *some(random, {"--gate": gate}, 0.9),
        *flags(random, "--json", "--allow-inconclusive"),
    ]


def measure_nothing(random: Random) -> list[str]:
    """Commands that would measure, with one thing in them that is refused after their numbers."""
    if random.random() < 0.5:
        return ["calibrate", *some(random, {"--launches": count}, 0.9), "--", "--json"]
    options = {"--max-launches": count, "--budget": seconds, "--gate": gate}
    return ["ab", "--a-env", "=x", *some(random, options, 0.5)]


COMMANDS: tuple[Draw, ...] = (simulate, halves, plan_a_run, check, measure_nothing)


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(
        tmp_path / "results/runs",
        base=steady_record(),
        same=steady_record(),
        slower=steady_record(1.2),
        one=measured_record([launch([19.0], [9.5])]),
    )
    return tmp_path


def ended(arguments: Sequence[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    return code, out.getvalue(), err.getvalue()


def no_json(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_number_is_answered_by_a_traceback(records: Path, command: Draw) -> None:
    random = Random(command.__name__)
    codes = set()
    for _ in range(TRIED // len(COMMANDS)):
        arguments = command(random)
        code, out, err = ended(arguments)
        assert code in ENDS, f"{arguments}: {code}\n{err}"
        assert "Traceback" not in err, arguments
        if code == 2:
            assert (out, len(err.splitlines())) == ("", 1), arguments
        if code == 0 and "--json" in arguments:
            json.loads(out, parse_constant=no_json)
        codes.add(code)
    assert len(codes) > 1 or command is measure_nothing


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        (("--forward", "0"), "makespan 0 s"),
        (("--forward", "0", "--backward", "0", "--transfer", "1"), "makespan 6.00 s"),
        (("--forward", "0", "--backward", "1"), "makespan 7.00 s"),
        (("--forward", "5e-324"), "bubble 43 %"),
        (("--forward", "1e15"), "bubble 43 %"),
    ],
)
def test_costs_of_nothing_and_of_ages_have_a_picture(
    pipebench: Pipebench, costs: tuple[str, ...], words: str
) -> None:
    shown = pipebench("simulate", "--stages", "4", "--microbatches", "4", *costs)
    assert (shown.code, shown.err) == (0, "")
    assert words in " ".join(shown.out.split())
    assert len([line for line in shown.out.splitlines() if line[1:3] == " |"]) == 4
    document = json.loads(ended(["simulate", *costs, "--json"])[1], parse_constant=no_json)
    assert 0 <= document["bubble"]["fraction"] <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate", "--stages", str(10**18)), "expected at most 10,000 stages"),
        (("simulate", "--microbatches", str(10**18)), "expected at most 1,000,000 actions a step"),
        (
            ("simulate", "--forward", "1e308"),
            "--forward must be a number of seconds from 0 to 1e+15, got 1e+308",
        ),
        (("simulate", "--transfer", "1e308"), "--transfer must be a number of seconds from 0 to 1e+15"),
        (("simulate", "--backward-input", "inf"), "--backward-input must be a number of seconds"),
        (("simulate", "--forward", "nan"), "--forward must be a number of seconds"),
        (("run", "--layers", str(10**18)), "--layers must be at most 4096"),
        (("run", "--batch", str(10**18)), "--batch must be at most 2147483647"),
        (("run", "--batch", "2147483647", "-M", "2"), "expected a divisor such as 1 or 2147483647"),
        (("run", "--launches", str(10**18)), "--launches must be at most 1000000"),
        (("run", "--steps", "9" * 400), "--steps must be at most 1000000"),
        (
            ("run", "--deadline", "1e300"),
            "--deadline must be a number of seconds above 0 and at most 31622400",
        ),
    ],
)
def test_what_would_take_all_memory_or_all_time_is_refused(
    pipebench: Pipebench, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ended = pipebench(*arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert not list(tmp_path.iterdir())


def test_a_deadline_of_a_year_is_waited_for(pipebench: Pipebench, tmp_path: Path) -> None:
    sizes = (
        "--preset",
        "tiny",
        "--synthetic",
        "--gpus",
        "2",
        "--launches",
        "1",
        "--steps",
        "1",
        "--warmup",
        "0",
    )
    ended = pipebench("run", *sizes, "--deadline", "31622400", "-o", str(tmp_path))
    assert ended.code == 0, ended.err
