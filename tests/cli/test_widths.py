"""What names a row and what is a verdict is never cut, however narrow the console."""

import re
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from pipebench.comparison import baselines
from pipebench.plan.device_kind import DeviceKind
from pipebench.records.schema import WarningRecord
from tests.builders import simulation_record, steady_record
from tests.cli.conftest import Pipebench
from tests.cli.inside import printed
from tests.cli.saved import save
from tests.hostile import hostile_record

WIDTHS = ("20", "39", "40", "60", "71", "72", "79", "80", "120")
NAMES = [f"2026112{number}-091500-emulated2-gpipe-00000{number}" for number in (3, 4, 5, 6)]
CJK = "天地玄黄宇宙洪荒"
METRICS = ("words/s", "speed-up", "step", "efficiency", "bubble")
DEVICES = ("embedding + LSTM 0", "LSTM 1 + projection", "busy", "waiting", "transfer", "idle", "alive")

COMMANDS: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "compare": (
        ("compare", f"runs/{NAMES[0]}.json", f"runs/{NAMES[1]}.json"),
        0,
        (*METRICS, *NAMES[:2], "▼ regression", "? inconclusive", "overall"),
    ),
    "compare-many": (
        ("compare", *(f"runs/{name}.json" for name in NAMES[:3])),
        0,
        (*METRICS, *NAMES[:3], "▼ regression", "▲ improvement", "reference"),
    ),
    "study": (("compare", "study", "--by", "schedule"), 0, (*METRICS, "A gpipe", "B 1f1b", "▼ regression")),
    "check": (
        ("check", f"runs/{NAMES[1]}.json", "--against", f"runs/{NAMES[0]}.json"),
        3,
        (*METRICS, *NAMES[:2], "▼ regression", "gate", "exit 3"),
    ),
    "incomparable": (
        ("check", "runs/wall.json", "--against", f"runs/{NAMES[0]}.json"),
        5,
        ("≠ incomparable", "device.kind", "differs"),
    ),
    "self-test": (("check", "--self-test"), 0, ("caught", "a slowdown", "a missing reference", "found 3")),
    "show": (
        ("show", f"runs/{NAMES[3]}.json"),
        0,
        (
            *(NAMES[3], "speed-up", "pipeline", "baseline", "machine", "verified", "the rest", "trust"),
            *("emulated, virtual time", "all else", "forward", CJK, "odd-code", "show --all", "explain"),
        ),
    ),
    "show-all": (
        ("show", f"runs/{NAMES[3]}.json", "--all"),
        0,
        (NAMES[3], "baseline", "pipeline", "speed-up", "efficiency", "verified", *DEVICES, CJK, "odd-code"),
    ),
    "explain": (
        ("explain", f"runs/{NAMES[3]}.json"),
        0,
        (
            NAMES[3],
            "devices",
            "unexplained",
            "factor",
            "replay",
            "bubble",
            "what if",
            "stages of unequal cost",
        ),
    ),
    "simulation": (("show", "simulation.json"), 0, ("simulated", "makespan", "bubble", "alive")),
    "simulate": (
        ("simulate", "--stages", "3"),
        0,
        ("simulated", "makespan", "speed-up", "bubble", "waiting"),
    ),
    "list": (("list", "runs"), 0, (*NAMES, "status", "speed-up", "completed", "virtual")),
    "history": (
        ("history", "words_per_s", "runs"),
        0,
        (NAMES[0], NAMES[3], "first", "newest", "range", "change"),
    ),
    "baselines": (("baseline", "list"), 0, ("main", NAMES[0], f"{CJK} stays")),
    "baseline": (("baseline", "show", "main"), 0, ("main", NAMES[0], "file", "results/baselines/main/")),
    "verify": (("baseline", "verify"), 0, ("good", "results/baselines/main/")),
    "dry-run": (
        ("run", "--gpus", "2", "--preset", "tiny", "--synthetic", "--dry-run"),
        0,
        ("nothing was measured", "device", "plan", "time", "memory", "embedding", "LSTM"),
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("widths")
    warning = WarningRecord("odd-code", f"a cause that is long enough to be wrapped {CJK}", "go on")
    records = [steady_record(factor, id=name) for factor, name in zip((1, 1.1, 0.9, 1), NAMES, strict=True)]
    text = msgspec.structs.replace(records[3].config, text=f"{CJK}.txt")
    records[3] = msgspec.structs.replace(records[3], config=text, warnings=[warning])
    wall = msgspec.structs.replace(
        records[0],
        clock="wall",
        machine=None,
        device=msgspec.structs.replace(records[0].device, kind=DeviceKind.CPU),
    )
    save(folder / "runs", **{record.id: record for record in records}, wall=wall)
    one_f_one_b = msgspec.structs.replace(records[1].config, schedule="1f1b")
    save(folder / "study", a=records[0], b=msgspec.structs.replace(records[1], config=one_f_one_b))
    save(folder, simulation=simulation_record(), hostile=hostile_record())  # type: ignore[arg-type]
    baselines.save(records[0], "main", f"{CJK} stays", folder / "results/baselines")
    return folder


def words_of(text: str) -> str:
    return " ".join(text.split())


def lines_that_are_too_wide(text: str, width: int) -> list[str]:
    """But for what is there to be copied: a command, and the place of a record."""
    copied = re.compile(r" *(?:(?:all|next) +)?pipebench (?:show --all|explain|run) .+|record +\S+")
    return [
        line
        for line in text.splitlines()
        if cell_len(line.rstrip()) > width and len(line.split()) > 1 and not copied.fullmatch(line)
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_cut_at_any_width(place: Path, name: str) -> None:
    arguments, expected, whole = COMMANDS[name]
    for width in WIDTHS:
        code, out, err = printed(*arguments, cwd=place, columns=width)
        text = out.decode()
        assert code == expected, err
        assert "…" not in text, width
        assert [word for word in whole if word not in words_of(text)] == [], width
        assert lines_that_are_too_wide(text, int(width)) == [], width


@pytest.mark.parametrize("name", COMMANDS)
def test_a_width_that_is_none_is_80_columns_and_a_huge_one_is_taken(place: Path, name: str) -> None:
    arguments, expected, whole = COMMANDS[name]
    usual = printed(*arguments, cwd=place, columns="80")
    if name != "dry-run":  # that has a moment of its own
        assert (
            printed(*arguments, cwd=place, columns="1")
            == printed(*arguments, cwd=place, columns="0")
            == usual
        )
        assert printed(*arguments, cwd=place) == usual
    code, out, _ = printed(*arguments, cwd=place, columns="1000")
    assert (code, [word for word in whole if word not in words_of(out.decode())]) == (expected, [])


def test_a_table_is_a_table_from_72_columns_on(place: Path) -> None:
    arguments = COMMANDS["compare"][0]
    for width, folded in (("71", True), ("72", False)):
        _, out, _ = printed(*arguments, cwd=place, columns=width)
        assert ("verdict: ▼ regression" in out.decode()) is folded
        assert bool(re.search(r"metric +A +B +change", out.decode())) is not folded


def test_a_name_that_fits_no_column_folds_a_table_at_any_width(tmp_path: Path) -> None:
    name = f"{NAMES[0]}-{'x' * 60}"
    save(tmp_path, **{name: steady_record(id=name)})
    _, out, _ = printed("list", ".", cwd=tmp_path, columns="80")
    assert out.decode().splitlines() == [
        name,
        "status: completed",
        "speed-up: 2.00x [1.98, 2.02] virtual",
        "plan: gpipe 2 devices, M 2, C 1",
        f"words/s: {out.decode().splitlines()[-1].split()[-1]}",
    ]


@pytest.mark.parametrize("name", ["compare", "show", "show-all", "list", "simulate"])
def test_the_installed_command_folds_at_40_columns(pipebench: Pipebench, place: Path, name: str) -> None:
    arguments, expected, whole = COMMANDS[name]
    ended = pipebench(*arguments, cwd=place, COLUMNS="40")
    assert ended.code == expected, ended.err
    assert [word for word in whole if word not in words_of(ended.out)] == []
    assert lines_that_are_too_wide(ended.out, 40) == []


@pytest.mark.parametrize(
    "command",
    ["run", "simulate", "show", "explain", "trace", "list", "compare", "check", "ab", "guard", "history"],
)
@pytest.mark.parametrize("width", ["40", "72", "80", "0"])
def test_help_names_every_option_in_whole(tmp_path: Path, command: str, width: str) -> None:
    code, out, _ = printed(command, "--help", cwd=tmp_path, columns=width)
    assert code == 0
    assert "…" not in out.decode()
    if command == "run":
        assert {"--sequence-length", "--emulation-order"} <= set(re.findall(r"--[a-z-]+", out.decode()))
