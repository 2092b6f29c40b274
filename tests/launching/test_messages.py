"""What goes between the parent and a launch survives it (a job msgpack, messages JSON), and nothing else does."""

import msgspec
import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.launching.messages import AnyMessage, Done, Failed, Form, Job, Progress, Raced, Task
from pipebench.launching.phases import Phase
from pipebench.models.text import data
from pipebench.records.figures import Candidate

CONFIG = resolve(RunOptions(gpus=2, preset="tiny", device="emulated", synthetic=True))


@pytest.mark.parametrize(
    "message",
    [
        Progress(Phase.WARM_UP, 0.25),
        Progress(Phase.RACE, 0.5, "chain x4"),
        Raced(Form("chain-microbatches", 4), [], 9.8e10, device_flops_per_s=[1.0, 2.0]),
        Failed("no memory", "Traceback ...", refused=True),
        Done(),
    ],
)
def test_a_message_is_read_as_it_was_written(message: AnyMessage) -> None:
    line = msgspec.json.encode(message)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=AnyMessage) == message


def test_the_steps_of_the_form_that_won_are_those_of_its_race() -> None:
    raced = [Candidate("chain", 1, [9.0], 1), Candidate("chain-microbatches", 4, [2.0, 1.0], 2)]
    assert Raced(Form("chain-microbatches", 4), raced, None).steps_s == [2.0, 1.0]
    assert Raced(Form("chain-microbatches", 2), raced, None).steps_s == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"message":"unheard"}',
        b'{"phase":"warm-up","share":0.5}',
        b'{"message":"progress","phase":"warm-up","share":"half"}',
        b'{"message":"progress","phase":"warming up","share":0.5}',
        b'{"message":"raced","form":{"kind":"other"},"candidates":[],"host_flops_per_s":1.0}',
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(line, type=AnyMessage)


def test_a_job_is_read_as_it_was_written_and_runs_the_same_plan() -> None:
    job = Job(config=CONFIG, data=data.load(CONFIG), form=Form("fused"), patience_s=7.0)
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=Job)
    assert copy == job
    assert copy.plan() == job.plan()


def test_each_task_has_its_processes() -> None:
    real = resolve(RunOptions(gpus=2, preset="tiny", device="cpu", synthetic=True))
    found = {task: Job(config=real, data=data.load(real), task=task).ranks for task in Task}
    assert found == {"launch": 2, "layers": 1, "costs": 1, "link": 2}
    assert Job(config=CONFIG, data=data.load(CONFIG)).ranks == 1


def test_a_form_s_name_says_its_microbatches_where_there_are_several() -> None:
    assert [Form("fused").text(), Form("chain-microbatches", 4).text()] == ["fused", "chain-microbatches x4"]
