import pytest

from pipebench.errors import UsageError
from pipebench.plan.actions import parse_action
from pipebench.plan.graph import Graph
from pipebench.timing.changes import Change, change_of
from pipebench.timing.links import LinkChange

GRAPH = Graph(4, 8, 2)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("all = mean", Change("all", 0, 0, "mean")),
        ("stage 3 = mean", Change("stage", 3, 3, "mean")),
        ("stages = median", Change("stage", 0, 3, "median")),
        ("stages 1-2 = others", Change("stage", 1, 2, "others")),
        ("device 3 x 0.9", Change("device", 3, 3, None, 0.9)),
        ("device 3 \u00d7 0.9", Change("device", 3, 3, None, 0.9)),
        ("Devices 0 - 1 * 2", Change("device", 0, 1, None, 2.0)),
        ("  microbatches=mean ", Change("microbatch", 0, 7, "mean")),
        ("microbatch 7 = others", Change("microbatch", 7, 7, "others")),
        ("chunk 1x1e-1", Change("chunk", 1, 1, None, 0.1)),
        ("gpu 3 x 2", Change("device", 3, 3, None, 2.0)),
        ("all x 0", Change("all", 0, 0, None, 0.0)),
    ],
)
def test_a_change_is_read(text: str, change: Change) -> None:
    assert change_of(text, GRAPH) == change


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("link x 0.5", LinkChange(factor=0.5)),
        ("links x 0.5", LinkChange(factor=0.5)),
        ("link 3-2 x 2", LinkChange((2, 3), factor=2.0)),
        ("link 0-1 = 1 GB/s, 50 us", LinkChange((0, 1), bytes_per_s=1e9, latency_s=50e-6)),
        ("link = 0 s", LinkChange(latency_s=0.0)),
    ],
)
def test_a_link_is_read_as_elsewhere(text: str, change: LinkChange) -> None:
    assert change_of(text, GRAPH) == change


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected WHAT = mean"),
        ("stage 3", "expected WHAT = mean"),
        ("stage 3 = average", "expected WHAT = mean"),
        ("stage three = mean", "expected WHAT = mean"),
        ("linkage x 2", "expected WHAT = mean"),
        ("stage = mean", "which stage? Expected stage 0 to stage 3, or stages"),
        ("stage 4 = mean", "expected stages from 0 to 3"),
        ("microbatch 2-1 = mean", "expected microbatches from 0 to 7"),
        ("chunks 0-2 x 2", "expected chunks from 0 to 1"),
        ("all 3 = mean", "expected all by itself"),
        ("stages = others", "there are no others"),
        ("all = others", "there are no others"),
        ("device 3 x fast", "from 0 to 1e+09, got 'fast'"),
        ("device 3 x -1", "from 0 to 1e+09, got '-1'"),
        ("device 3 x nan", "from 0 to 1e+09, got 'nan'"),
        ("device 3 x inf", "from 0 to 1e+09, got 'inf'"),
        ("device 3 x 1_0", "from 0 to 1e+09, got '1_0'"),
        ("device 3 x \u0663", "from 0 to 1e+09"),
        ("device 3 x 1e10", "from 0 to 1e+09, got '1e10'"),
        ("stagees = mean", "expected WHAT = mean"),
        ("microbatchs = mean", "expected WHAT = mean"),
        ("link 3-4 x 0.5", "expected two of the devices 0 to 3, got 4"),
        ("link 0-1 = 1 GB", "unknown unit 'GB'"),
        ("x" * 10_000, "expected WHAT = mean"),
    ],
)
def test_what_is_no_change_of_this_step_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as refused:
        change_of(text, GRAPH)
    assert expected in str(refused.value)
    assert len(str(refused.value)) < 500


def test_what_is_of_no_slice_goes_with_its_device() -> None:
    graph = Graph(2, 1, clips=True)
    norm = parse_action("1NORM")
    assert change_of("device 1 x 2", graph).names(graph, norm)  # type: ignore[union-attr]
    assert not change_of("stage 1 x 2", graph).names(graph, norm)  # type: ignore[union-attr]
    assert not change_of("all x 2", graph).names(graph, norm)  # type: ignore[union-attr]
