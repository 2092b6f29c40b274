from itertools import accumulate, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.models.outline import Row
from pipebench.models.partition import (
    balanced,
    check_devices,
    check_partition,
    computed_balanced,
    even,
    explicit,
    relative_speeds,
)
from pipebench.models.stacked_lstm.outline import LSTMOutline
from tests.builders import PROPERTY


def lstm(layers: int) -> Row:
    """A row of LSTM layers with a projection at its end."""
    return Row(layers, "LSTM layers", "--layers", "projection")


costs = st.lists(st.floats(0.1, 10.0), min_size=1, max_size=7)


def slowest(
    partition: tuple[int, ...],
    layer_costs: list[float],
    embedding: float,
    projection: float,
    speeds: list[float] | None = None,
) -> float:
    """The time of the slowest device."""
    ends = [0, *accumulate(partition)]
    loads = [sum(layer_costs[first:end]) for first, end in pairwise(ends)]
    loads[0] += embedding
    loads[-1] += projection
    return max(load / speed for load, speed in zip(loads, speeds or [1.0] * len(loads), strict=True))


def every_partition(layers: int, devices: int) -> list[tuple[int, ...]]:
    """All partitions with a layer on each device, and those whose last device has none."""
    full = [
        tuple(end - first for first, end in pairwise([0, *cuts, layers]))
        for cuts in combinations(range(1, layers), devices - 1)
    ]
    if devices == 1:
        return full
    return full + [(*rest, 0) for rest in every_partition(layers, devices - 1) if rest[-1] > 0]


@pytest.mark.parametrize(
    ("layers", "devices", "partition"),
    [(8, 8, (1,) * 8), (8, 1, (8,)), (8, 4, (2, 2, 2, 2)), (8, 3, (3, 3, 2)), (7, 5, (2, 2, 1, 1, 1))],
)
def test_even_gives_the_remainder_to_the_first_devices(
    layers: int, devices: int, partition: tuple[int, ...]
) -> None:
    assert even(lstm(layers), devices) == partition


def test_even_partitions_are_legal_for_every_size() -> None:
    for layers in range(1, 17):
        for devices in range(1, layers + 1):
            partition = even(lstm(layers), devices)
            check_partition(partition, lstm(layers), devices)
            assert max(partition) - min(partition) <= 1


def test_more_devices_than_layers_are_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="9 devices for 8 LSTM layers: expected at most 8; use --gpus 8"):
        even(lstm(8), 9)
    with pytest.raises(UsageError, match="or --partition 1,1,1,1,1,1,1,1,0 for a device with the projection"):
        check_devices(lstm(8), 9)
    with pytest.raises(UsageError) as caught:
        check_devices(lstm(8), 10)
    assert "--partition" not in str(caught.value)
    check_devices(lstm(8), 8)


@pytest.mark.parametrize(
    ("text", "devices", "partition"),
    [("3,2,2,1", 4, (3, 2, 2, 1)), ("8", 1, (8,)), ("5, 3", 2, (5, 3)), ("4,4,0", 3, (4, 4, 0))],
)
def test_an_explicit_partition_is_read(text: str, devices: int, partition: tuple[int, ...]) -> None:
    assert explicit(text, lstm(8), devices) == partition


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected even, balanced or a list of layer counts such as 3,2,2,1, got ''"),
        ("a,b", "expected even, balanced or a list"),
        ("4,4,", "expected even, balanced or a list"),
        ("4.5,3.5", "expected even, balanced or a list"),
        ("4,2,2", "--partition 4,2,2: expected 2 counts, one a device, got 3"),
        ("8", "--partition 8: expected 2 counts, one a device, got 1"),
        ("0,8", "expected at least 1 layer on each device"),
        ("9,-1", "expected at least 1 layer on each device"),
        ("4,3", "--partition 4,3: expected counts that sum to 8 layers, got 7"),
        ("7,0", "expected counts that sum to 8 layers, got 7"),
    ],
)
def test_a_partition_that_does_not_fit_is_refused_by_the_rule_it_breaks(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        explicit(text, lstm(8), 2)


def test_a_single_device_holds_at_least_one_layer() -> None:
    with pytest.raises(UsageError, match="expected at least 1 layer on each device"):
        check_partition((0,), lstm(0), 1)


@PROPERTY
@given(
    layer_costs=costs,
    embedding=st.sampled_from([0.0, 1.0, 12.0]),
    projection=st.sampled_from([0.0, 2.5, 40.0]),
    data=st.data(),
)
def test_balanced_is_as_good_as_the_best_of_all_partitions(
    layer_costs: list[float], embedding: float, projection: float, data: st.DataObject
) -> None:
    layers = len(layer_costs)
    devices = data.draw(st.integers(1, layers + 1))
    found = balanced(lstm(layers), layer_costs, devices, opening=embedding, head=projection)
    check_partition(found, lstm(layers), devices)
    every = every_partition(layers, devices)
    assert found in every
    best = min(slowest(partition, layer_costs, embedding, projection) for partition in every)
    assert slowest(found, layer_costs, embedding, projection) == pytest.approx(best, rel=1e-12)


@PROPERTY
@given(
    layer_costs=st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0, 100.0]), min_size=1, max_size=7),
    embedding=st.sampled_from([0.0, 12.0]),
    projection=st.sampled_from([0.0, 2.5, 40.0]),
    head=st.booleans(),
    data=st.data(),
)
def test_balanced_on_devices_that_differ_is_as_good_as_the_best_of_all_partitions(
    layer_costs: list[float], embedding: float, projection: float, head: bool, data: st.DataObject
) -> None:
    layers = len(layer_costs)
    row = lstm(layers) if head else Row(layers)
    devices = data.draw(st.integers(1, layers + head))
    speeds = data.draw(st.lists(st.floats(0.01, 10.0), min_size=devices, max_size=devices))
    options = {"opening": embedding, "head": projection * head}
    found = balanced(row, layer_costs, devices, **options, speeds=speeds)
    check_partition(found, row, devices)
    every = [each for each in every_partition(layers, devices) if head or each[-1]]
    best = min(slowest(each, layer_costs, embedding, projection * head, speeds) for each in every)
    assert slowest(found, layer_costs, embedding, projection * head, speeds) == pytest.approx(best, rel=1e-12)


@PROPERTY
@given(layer_costs=costs, speed=st.floats(0.1, 1e14), data=st.data())
def test_devices_of_one_speed_get_what_equal_devices_get(
    layer_costs: list[float], speed: float, data: st.DataObject
) -> None:
    devices = data.draw(st.integers(1, len(layer_costs)))
    noise = data.draw(st.lists(st.floats(0.971, 1.0), min_size=devices, max_size=devices))
    speeds = relative_speeds([speed * each for each in noise])
    assert speeds == (1.0,) * devices
    row = lstm(len(layer_costs))
    assert balanced(row, layer_costs, devices, speeds=speeds) == balanced(row, layer_costs, devices)


def test_a_slow_device_gets_fewer_layers() -> None:
    assert balanced(lstm(8), [1.0] * 8, 4, speeds=[1.0, 1.0, 0.5, 1.0]) == (2, 2, 1, 3)
    assert balanced(lstm(9), [1.0] * 9, 3, speeds=[1.0, 0.5, 3.0]) == (2, 1, 6)
    assert balanced(lstm(8), [1.0] * 8, 2, speeds=[1.0, 1e-6]) == (8, 0)
    assert balanced(HEADLESS, [1.0] * 3, 2, speeds=[1.0, 1e-6]) == (2, 1)
    assert balanced(lstm(8), [1.0] * 8, 2, head=4.0, speeds=[1.0, 3.0]) == (3, 5)


def test_a_layer_too_dear_for_a_slow_device_goes_to_the_one_before() -> None:
    """Two layers take the first two devices longer than three: the second one would have the dear layer."""
    assert balanced(HEADLESS, [1.0, 100.0, 1.0], 2, speeds=[10.0, 0.1]) == (2, 1)
    assert balanced(Row(4), [1.0, 100.0, 1.0, 1.0], 3, speeds=[10.0, 0.1, 0.1]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("measured", "speeds"),
    [
        ((), ()),
        ((5.0,), (1.0,)),
        ((100.0, 97.5, 99.0), (1.0, 1.0, 1.0)),
        ((50.0, 100.0), (0.5, 1.0)),
        ((100.0, 96.0), (1.0, 0.96)),
        # the two slow ones are one kind, and so are the two fast ones
        ((200.0, 99.0, 100.0, 198.0), (1.0, 0.5, 0.5, 1.0)),
        # each is near the next one, and the last one far from the first
        ((100.0, 98.0, 96.0, 94.0), (1.0, 1.0, 0.96, 0.96)),
    ],
)
def test_speeds_that_measuring_cannot_tell_apart_are_equal(
    measured: tuple[float, ...], speeds: tuple[float, ...]
) -> None:
    assert relative_speeds(measured) == pytest.approx(speeds, rel=1e-12)


def test_balanced_takes_layers_from_the_device_with_the_projection() -> None:
    assert balanced(lstm(8), [1.0] * 8, 2) == (4, 4)
    assert balanced(lstm(8), [1.0] * 8, 2, head=4.0) == (6, 2)
    assert balanced(lstm(8), [1.0] * 8, 2, head=9.0) == (8, 0)
    assert balanced(lstm(8), [1.0] * 8, 2, opening=2.0) == (3, 5)


def test_balanced_gives_one_device_more_than_layers_the_projection_alone() -> None:
    assert balanced(lstm(8), [1.0] * 8, 9, head=3.0) == (*(1,) * 8, 0)


def test_balanced_refuses_two_devices_more_than_layers() -> None:
    with pytest.raises(UsageError, match="10 devices for 8 LSTM layers"):
        balanced(lstm(8), [1.0] * 8, 10)


def test_balanced_by_computed_operations_weighs_the_projection_against_layers() -> None:
    """Hidden 64, vocabulary 64 x 16: the projection weighs as much as 2 LSTM layers (8 x hidden x hidden)."""
    workload = LSTMOutline(layers=8, hidden=64, vocab=64 * 16, batch=8, sequence_length=4)
    assert computed_balanced(workload, workload.row, 2) == balanced(lstm(8), [1.0] * 8, 2, head=2.0) == (5, 3)
    assert computed_balanced(workload, workload.row, 5) == (2, 2, 2, 2, 0)


HEADLESS = Row(3)


def test_a_model_without_a_head_has_a_layer_on_each_device() -> None:
    assert even(HEADLESS, 2) == (2, 1)
    assert explicit("1,1,1", HEADLESS, 3) == (1, 1, 1)
    with pytest.raises(UsageError, match=r"at least 1 layer on each device$"):
        explicit("2,1,0", HEADLESS, 3)
    with pytest.raises(
        UsageError, match=r"4 devices for 3 layers: expected at most 3; use --gpus 3 or cut the model"
    ):
        even(HEADLESS, 4)
    with pytest.raises(UsageError, match="4 devices for 3 layers"):
        balanced(HEADLESS, [1.0] * 3, 4)
    with pytest.raises(UsageError, match="2 devices for 1 layer: "):
        even(Row(1), 2)


def test_balanced_without_a_head_leaves_no_device_empty() -> None:
    assert balanced(HEADLESS, [1.0, 1.0, 9.0], 3) == (1, 1, 1)
    assert balanced(HEADLESS, [9.0, 1.0, 1.0], 2) == (1, 2)
    assert balanced(HEADLESS, [1.0, 9.0, 1.0], 1) == (3,)
