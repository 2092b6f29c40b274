"""``explain --from``: files of another program's run."""

import gzip
import json
import re
import subprocess
import time
from math import prod
from pathlib import Path

import pytest

from pipebench.comparison.metrics import OF_TRACES
from pipebench.foreign.rows import Row
from pipebench.plan.actions import Action
from tests.cli.conftest import limit_s
from tests.cli.inside import printed
from tests.foreign.tables import rows_of, text_of, timeline, usual, written
from tests.pages import PAGES, ROOT


def slow_last(action: Action) -> float:
    return usual(action) * (2 if action.stage == 3 else 1)


def several_steps(number: int = 3) -> list[Row]:
    step = timeline(cost=slow_last, transfer_s=1e-4)
    return [
        row
        for which in range(number)
        for replica in (0, 1)
        for row in rows_of(step, number=which, replica=replica, begin_s=which * 1.0)
    ]


def test_one_json_document_says_it_all(tmp_path: Path) -> None:
    written(tmp_path / "spans.csv.gz", several_steps())
    asked = ("--what-if", "all = mean", "--what-if", "stage 3 x 0.5")
    code, out, err = printed("explain", "--from", "spans.csv.gz", "--json", *asked, cwd=tmp_path)
    assert code == 0, err
    found = json.loads(out)
    assert (found["kind"], found["evidence"], found["status"]) == ("explanation", "foreign", "completed")
    steps = found["replay"]["steps"]
    assert len(steps) == 6
    assert all(abs(each["simulated_s"] / each["measured_s"] - 1) < 0.05 for each in steps)
    first, *_, last = found["waterfall"]
    assert (first["step"], first["factor"], last["step"]) == ("devices", 4.0, "unexplained")
    busy = prod(each["factor"] for each in found["waterfall"])
    assert busy == pytest.approx(4 * (1 - found["bubble"]["fraction"]))
    assert [each["change"] for each in found["what_if"]] == ["all = mean", "stage 3 x 0.5"]
    assert found["what_if"][1]["step_s"] == pytest.approx(
        timeline().makespan_s
    )  # messages take no time in it
    assert [each["layers"] for each in found["devices"]] == [f"stage {stage}" for stage in range(4)]


def test_the_record_is_kept_once_however_often_it_is_explained(tmp_path: Path) -> None:
    written(tmp_path / "spans.csv", several_steps())
    written(tmp_path / "again.csv.gz", several_steps())  # the same rows, packed
    ids = []
    for name in ("spans.csv", "spans.csv", "again.csv.gz"):
        code, out, err = printed("explain", "--from", name, "--json", "-o", "kept", cwd=tmp_path)
        assert code == 0, err
        assert b"record: kept/" in err
        ids.append(json.loads(out)["record"])
    (path,) = (tmp_path / "kept").iterdir()
    record = json.loads(path.read_bytes())
    assert ids == [record["id"]] * 3
    assert (record["kind"], record["status"], record["clock"]) == ("trace", "completed", "wall")
    assert record["files"][0]["path"] == "spans.csv"


def test_the_report_begins_with_the_residual_and_ends_with_changes(tmp_path: Path) -> None:
    written(tmp_path / "spans.csv", several_steps())
    code, out, err = printed("explain", "--from", "spans.csv", cwd=tmp_path)
    assert code == 0, err
    text = out.decode()
    assert text.index("replay") < text.index("fill and drain") < text.index("what if")
    assert "speed-up" not in text
    assert "stage 3 = mean" in text


def test_more_files_may_follow_and_a_folder_has_all_of_its_own(tmp_path: Path) -> None:
    rows = several_steps()
    (tmp_path / "parts").mkdir()
    for replica in (0, 1):
        own = [row for row in rows if row.replica == replica]
        written(tmp_path / "parts" / f"{replica}.csv", own)
    for words in (("parts/0.csv", "parts/1.csv"), ("parts/0.csv", "--from", "parts/1.csv"), ("parts",)):
        code, out, err = printed("explain", "--from", *words, "--json", cwd=tmp_path)
        assert code == 0, err
        assert len(json.loads(out)["replay"]["steps"]) == 6


def test_a_picture_of_the_factors(tmp_path: Path) -> None:
    written(tmp_path / "spans.csv", several_steps())
    code, out, err = printed("explain", "--from", "spans.csv", "--svg", "why.svg", cwd=tmp_path)
    assert (code, out) == (0, b""), err
    drawn = (tmp_path / "why.svg").read_text()
    assert "devices busy" in drawn
    assert "recorded by another program" in drawn
    assert "speed-up" not in drawn.lower()


def test_rounding_of_the_recorder_is_told(tmp_path: Path) -> None:
    rows = [row._replace(end_s=row.end_s + 1e-6) if row.name == "0F0" else row for row in several_steps()]
    written(tmp_path / "spans.csv", rows)
    code, _, err = printed("explain", "--from", "spans.csv", "--json", cwd=tmp_path)
    assert code == 0, err
    assert b"6 operations begin before the one before them on their device has ended" in err


def broken() -> dict[str, bytes]:
    good = several_steps()
    text = text_of(good)
    return {
        "cut": gzip.compress(text.encode())[:-20],
        "columns": text.replace("microbatch", "mb").encode(),
        "nan": text.replace("0.0,", "nan,", 1).encode(),
        "negative": text_of([*good, good[0]._replace(step=9, start_s=1.0, end_s=0.5)]).encode(),
        "twice": text_of([*good, *good]).encode(),
        "without": text_of([row for row in good if row.name != "2B1"]).encode(),
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "record": b'{"schema": {"name": "pipebench", "version": 1}, "kind": "run"}',
        "nothing": b"",
    }


@pytest.mark.parametrize("kind", broken())
def test_a_broken_file_ends_with_one_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "spans.csv").write_bytes(broken()[kind])
    code, out, err = printed("explain", "--from", "spans.csv", cwd=tmp_path)
    assert code == 10
    assert out == b""
    assert err.count(b"\n") == 1, err
    assert err.startswith(b"pipebench: error: spans.csv")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--from", "none.csv"), b"none.csv: no such file"),
        (("--from", "spans.csv", "--what-if", "stage 9 = mean"), b"expected stages from 0 to 3"),
        (("--from", "spans.csv", "--what-if", "link 0-1 = 1 GB/s"), b"give only a latency"),
        (("spans.csv", "other.csv"), b"expected one record, got 2"),
        (("--from", "empty"), b"expected files in this folder"),
    ],
)
def test_a_user_s_mistake_ends_with_one_line(tmp_path: Path, words: tuple[str, ...], why: bytes) -> None:
    written(tmp_path / "spans.csv", several_steps())
    (tmp_path / "empty").mkdir()
    code, out, err = printed("explain", *words, cwd=tmp_path)
    assert (code, out) == (2, b"")
    assert why in err
    assert err.count(b"\n") == 1, err


PAGE = PAGES[ROOT / "docs" / "explain-other-programs.md"]
CUTS = re.findall(r"^(awk .*?) +# (.*)$", PAGE, re.MULTILINE)


def test_the_page_says_what_these_tests_see() -> None:
    """Of links, of means over steps, of metrics, of folders and of a second time."""
    text = " ".join(PAGE.split())
    for words in (
        "`link x 0.5` and `link 0-1 = 50 us` can be simulated, and `link 0-1 = 1 GB/s` is refused",
        "`= mean`, `= median` and `= others` are taken over all steps and replicas",
        "pipebench explain --from spans # all files of a folder: .csv, .json, or these with .gz",
        "If you explain the same files again, there is no second record",
        "The record has no table of what-if",
        *(f"`{metric}`" for metric in OF_TRACES),
    ):
        assert words in text
    assert "#what-if) may have many, of several replicas." in " ".join(
        PAGES[ROOT / "docs" / "explain.md"].split()
    )


def test_the_help_tells_of_folders_and_of_means_over_steps(tmp_path: Path) -> None:
    code, out, _ = printed("explain", "--help", cwd=tmp_path, columns="1000")
    text = " ".join(out.decode().split())
    assert code == 0
    assert "A folder stands for all such files in it." in text
    assert (
        "With --from, means and medians are over all steps and replicas, and a link has no bandwidth." in text
    )


@pytest.mark.parametrize(("cut", "remark"), CUTS)
def test_a_part_of_a_table_is_explained_as_the_page_says(tmp_path: Path, cut: str, remark: str) -> None:
    """The columns stand in another order; the header says where."""
    header = ("operation", "stage", "step", "microbatch", "replica", "device", "start_s", "end_s")
    rows = [row._replace(step=row.step + 19) for row in several_steps()]
    (tmp_path / "spans.csv").write_text(text_of(rows, header))
    subprocess.run(["sh", "-c", cut], cwd=tmp_path, check=True)
    table = cut.rsplit(maxsplit=1)[-1]
    code, out, err = printed("explain", "--from", table, "--json", cwd=tmp_path)
    assert code == 0, err
    found = [(each["step"], each["replica"]) for each in json.loads(out)["steps"]]
    every = [(step, replica) for step in (19, 20, 21) for replica in (0, 1)]
    kept = {
        "only replica 1": [each for each in every if each[1] == 1],
        "all but step 20": [each for each in every if each[0] != 20],
    }
    assert found == kept[remark]


def test_both_parts_of_a_table_are_on_the_page() -> None:
    assert len(CUTS) == 2


def test_the_last_step_of_a_table_that_was_cut_can_be_left_out(tmp_path: Path) -> None:
    rows = several_steps()
    written(tmp_path / "spans.csv", rows[:-9])
    code, _, err = printed("explain", "--from", "spans.csv", cwd=tmp_path)
    assert code == 10
    assert err.endswith(b"cut in this step, its last one, leave out all rows of step 2\n"), err
    written(tmp_path / "spans.csv", [row for row in rows if row.step != 2])
    code, out, err = printed("explain", "--from", "spans.csv", "--json", cwd=tmp_path)
    assert (code, len(json.loads(out)["steps"])) == (0, 4), err


def test_120_000_rows_are_explained_in_seconds(tmp_path: Path) -> None:
    """Correct, and far from the limit of 10 s even on a busy machine."""
    step = timeline(cost=slow_last, transfer_s=1e-4)
    rows = [row for which in range(3750) for row in rows_of(step, number=which, begin_s=which * 0.1)]
    assert len(rows) == 120_000
    written(tmp_path / "spans.csv", rows)
    started = time.process_time()
    code, out, err = printed("explain", "--from", "spans.csv", "--json", cwd=tmp_path)
    assert code == 0, err
    assert time.process_time() - started < limit_s(10)
    found = json.loads(out)
    assert len(found["replay"]["steps"]) == 3750
    busy = prod(each["factor"] for each in found["waterfall"])
    assert busy == pytest.approx(4 * (1 - found["bubble"]["fraction"]))
    assert [each["code"] for each in found["warnings"]] == ["some-steps"]


def test_a_file_that_is_no_record_is_to_be_named_with_from(tmp_path: Path) -> None:
    table = tmp_path / "spans.csv"
    table.write_text(text_of(rows_of(timeline())))
    trace = tmp_path / "trace0.json"
    trace.write_text('{"schemaVersion": 1, "distributedInfo": {"rank": 0}, "traceEvents": []}')
    for path in (table, trace):
        code, out, err = printed("explain", path.name, cwd=tmp_path)
        assert (code, out) == (2, b"")
        assert f"explain: {path.name} is no record; ".encode() in err
        assert f"explain --from {path.name}".encode() in err
