"""``pipebench simulate --csv``: the plan, and what torch would make of it."""

from tests.cli.conftest import Pipebench
from tests.cli.test_simulate import SHARED_OPTIONS


def test_the_plan_as_csv(pipebench: Pipebench) -> None:
    out = pipebench("simulate", "--schedule", "1f1b", "--stages", "2", "--microbatches", "2", "--csv").out
    assert out == "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n"


def test_a_plan_with_a_shared_softmax_as_csv_and_what_torch_would_make_of_it(pipebench: Pipebench) -> None:
    ended = pipebench("simulate", "--stages", "2", *SHARED_OPTIONS, "--softmax-devices", "all", "--csv")
    assert ended.code == 0
    assert ended.out == "0F0,0F1,2F0,4F0,4B0,2B0,2F1,4F1,4B1,2B1,0B1,0B0\n1F0,3F0,1F1,3F1,3B0,3B1,1B1,1B0\n"
    assert ended.err == (
        "pipebench: --csv: torch.distributed.pipelining only knows stages in a chain: it would read stage 2, "
        "a piece of the softmax, as one more stage of the chain\n"
    )
    alone = pipebench("simulate", "--stages", "2", "-M", "2", "--softmax", "1", "--csv")
    assert alone.out == "0F0,0F1,0B1,0B0\n1F0,1F1,1B1,1B0\n"
    assert alone.err == "pipebench: --softmax: no effect, a plan as CSV has no times\n"
