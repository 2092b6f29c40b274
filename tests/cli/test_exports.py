"""What leaves pipebench for another program, through the installed command: that program reads it as it is meant, or a
line on stderr says so.
"""

import csv
import io
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pipebench.plan.actions import COMPUTE, Operation, parse_action
from tests.builders import PIPELINED, SPLITTING, steady_record, with_config
from tests.cli.conftest import COMMAND, Pipebench, environment
from tests.cli.saved import save


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    from torch.distributed.pipelining import schedules

    return schedules


def loaded(theirs: ModuleType, text: str, stages: int, microbatches: int, folder: Path) -> Any:
    """A plan's CSV in torch's own runtime, which checks it and adds the messages."""
    path = folder / "plan.csv"
    path.write_text(text)
    runtime = theirs._PipelineScheduleRuntime.__new__(theirs._PipelineScheduleRuntime)
    runtime.pp_group_size, runtime._num_stages, runtime._n_microbatches = stages, stages, microbatches
    runtime._stages, runtime.pipeline_order, runtime._defer_pp_recv = [], {}, False
    runtime._load_csv(path)
    return runtime


def computed(theirs: ModuleType, runtime: Any) -> list[list[tuple[int, str, int]]]:
    """Stage, operation and microbatch of each action of each rank, the messages and reductions left out."""
    letters = {
        theirs.FORWARD: Operation.FORWARD,
        theirs.FULL_BACKWARD: Operation.BACKWARD,
        theirs.BACKWARD_INPUT: Operation.BACKWARD_INPUT,
        theirs.BACKWARD_WEIGHT: Operation.BACKWARD_WEIGHT,
    }
    return [
        [
            (action.stage_index, letters[action.computation_type], action.microbatch_index)
            for action in runtime.pipeline_order_with_comms[rank]
            if action.computation_type in letters
        ]
        for rank in sorted(runtime.pipeline_order_with_comms)
    ]


def played(theirs: ModuleType, runtime: Any, stages: int) -> dict[int, list[Any]]:
    """The plan with its messages, as torch plays it on paper; it raises where it gets stuck."""
    not_played = {theirs.UNSHARD, theirs.RESHARD, theirs.REDUCE_GRAD}
    actions = {
        rank: [action for action in row if action.computation_type not in not_played]
        for rank, row in runtime.pipeline_order_with_comms.items()
    }
    found: dict[int, list[Any]] = theirs._simulate_comms_compute(
        actions, runtime.stage_index_to_group_rank.__getitem__, stages
    )
    return found


def meant(text: str) -> list[list[tuple[int, str, int]]]:
    rows = [[parse_action(cell) for cell in row] for row in csv.reader(io.StringIO(text))]
    assert {action.operation for row in rows for action in row} <= COMPUTE
    return [[(action.stage, action.operation, action.microbatch) for action in row] for row in rows]


@pytest.mark.parametrize(
    ("schedule", "stages", "microbatches"),
    [
        ("naive", 3, 1),
        ("gpipe", 1, 4),
        ("1f1b", 1, 4),
        *((schedule, 4, microbatches) for schedule in (*PIPELINED, *SPLITTING) for microbatches in (1, 6)),
    ],
)
def test_torch_reads_a_plan_of_one_chunk_action_by_action(
    pipebench: Pipebench, theirs: ModuleType, tmp_path: Path, schedule: str, stages: int, microbatches: int
) -> None:
    sizes = ("--stages", str(stages), "--microbatches", str(microbatches), "--chunks", "1")
    ended = pipebench("simulate", "--schedule", schedule, *sizes, "--csv")
    assert (ended.code, ended.err) == (0, "")
    runtime = loaded(theirs, ended.out, stages, microbatches, tmp_path)
    assert computed(theirs, runtime) == meant(ended.out)
    assert len(played(theirs, runtime, stages)) == stages


@pytest.mark.parametrize("schedule", [*PIPELINED, *SPLITTING])
def test_chunks_that_torch_would_read_as_microbatches_are_told_of(
    pipebench: Pipebench, theirs: ModuleType, tmp_path: Path, schedule: str
) -> None:
    sizes = ("--stages", "2", "--microbatches", "2", "--chunks", "3")
    ended = pipebench("simulate", "--schedule", schedule, *sizes, "--csv")
    assert ended.code == 0
    assert [line.split(",")[0] for line in ended.out.splitlines()] == [
        "0F0.0",
        "1F0.0",
    ]  # nothing but the plan
    (line,) = ended.err.splitlines()
    assert "torch.distributed.pipelining has no chunks and would read 0F0.0 as 0F0" in line
    assert theirs._Action.from_str("0F0.2") == theirs._Action.from_str("0F0")  # or there is nothing to tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(
        tmp_path,
        a=steady_record(),
        b=steady_record(1.1),
        foreign=steady_record(1.1, id="Größe"),
        other=with_config(steady_record(), **dict.fromkeys(("hidden", "layers", "vocab", "batch"), 77)),
    )
    return tmp_path


def test_a_spreadsheet_of_ascii_is_exported_without_a_word(pipebench: Pipebench, folder: Path) -> None:
    assert pipebench("compare", "a.json", "b.json", "--format", "csv", cwd=folder).err == ""


def test_a_spreadsheet_that_is_not_ascii_has_to_be_read_as_utf_8(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("compare", "a.json", "foreign.json", "--format", "csv", cwd=folder)
    assert (ended.code, len(ended.err.splitlines())) == (0, 1)
    assert "UTF-8 without a byte order mark" in ended.err
    assert {row["record"] for row in csv.DictReader(io.StringIO(ended.out))} == {
        "Größe"
    }  # no mark before "metric"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize("form", ["junit", "html"])
def test_what_says_that_it_is_utf_8_is_read_as_it_is_meant(folder: Path, form: str, encoding: str) -> None:
    ended = subprocess.run(
        [COMMAND, "compare", "a.json", "foreign.json", "--format", form],
        cwd=folder,
        env=environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        check=True,
    )
    if form == "junit":
        (found,) = [
            e.get("value")
            for e in ET.fromstring(ended.stdout).iter("property")
            if e.get("name") == "B.record"
        ]
        assert found == "Größe"
    else:
        parser = _Text()
        parser.feed(ended.stdout.decode("utf-8"))
        assert "Größe" in parser.text
        assert "▼ regression" in parser.text


class _Text(HTMLParser):
    text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def test_junit_is_what_jenkins_and_gitlab_read(pipebench: Pipebench, folder: Path) -> None:
    """A case holds at most one outcome; its reason is an attribute (Jenkins) and the element's text (GitLab)."""
    ended = pipebench("compare", "a.json", "b.json", "other.json", "--format", "junit", cwd=folder)
    suite = ET.fromstring(ended.out)
    assert [child.tag for child in suite] == ["properties"] + ["testcase"] * 4
    totals = [suite.get(key) for key in ("tests", "failures", "errors", "skipped")]
    assert totals == ["4", "2", "2", "0"]
    names = set()
    for case in suite.iter("testcase"):
        names.add((case.get("classname"), case.get("name")))
        outcome, said = case
        assert (outcome.tag, said.tag) == (
            "failure" if case.get("classname") == "pipebench.B" else "error",
            "system-out",
        )
        assert outcome.text == outcome.get("message") == said.text
    assert len(names) == 4


def test_annotations_beyond_what_github_shows_are_told_of(pipebench: Pipebench, folder: Path) -> None:
    few = pipebench("compare", "a.json", "b.json", "--format", "github", cwd=folder)
    assert few.err == ""
    many = pipebench("compare", "a.json", "other.json", "other.json", "--format", "github", cwd=folder)
    assert len([line for line in many.out.splitlines() if line.startswith("::error ")]) == 12
    assert "GitHub shows the first 10 annotations of a level in a step, here are 12 errors" in many.err
