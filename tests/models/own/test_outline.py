import pytest

from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.outline import MemoryBytes, Slice, whole, whole_memory
from pipebench.models.own.description import Description, OwnLayer
from pipebench.models.own.outline import OwnOutline


def layer(name: str, size: int) -> OwnLayer:
    return OwnLayer(
        name=name,
        parameters=size,
        parameters_bytes=4 * size,
        gradients_bytes=2 * size,
        optimizer_bytes=8 * size,
        saved_bytes=100 * size,
        stateful=False,
        slice_s=0.001 * size,
        output=Edge((TensorSpec((4, size), "float32", gradient=True),)),
        whole_output=Edge((TensorSpec((32, size), "float32", gradient=True),)),
    )


OUTLINE = OwnOutline(
    Description(
        reference="mine.py:m",
        name="mine:m",
        sha256="0" * 64,
        unit="samples",
        layers=(layer("Linear", 1), layer("Block", 2), layer("Block", 3), layer("Linear", 4)),
        batch=32,
        time_length=None,
        microbatches=8,
        chunks=1,
        input=Edge((TensorSpec((4, 5), "float32", gradient=False),)),
        items=(32.0,) * 4,
        input_sha256="0" * 64,
        optimizer="",
    )
)


def test_it_is_a_row_of_layers_without_a_head() -> None:
    assert OUTLINE.row == (4, "layers", "", "")
    assert whole(OUTLINE) == Slice(0, 4, opens=True, closes=True)
    assert (OUTLINE.batch, OUTLINE.time, OUTLINE.positions) == (32, None, 32)
    assert OUTLINE.forms == ("chain", "chain-microbatches")


@pytest.mark.parametrize(
    ("first", "end", "text"),
    [
        (0, 1, "0 Linear"),
        (0, 2, "0 Linear + 1 Block"),
        (1, 4, "1-2 Block + 3 Linear"),
        (0, 4, "0 Linear + 1-2 Block + 3 Linear"),
    ],
)
def test_a_part_says_what_it_holds(first: int, end: int, text: str) -> None:
    assert OUTLINE.text(Slice(first, end, opens=first == 0, closes=end == 4)) == text


def test_parameters_lead_to_their_layers() -> None:
    assert OUTLINE.where(["1.weight", "2.inner.bias"]) == "1-2 Block"
    assert OUTLINE.where([]) == ""


def test_bytes_are_those_that_were_measured_in_proportion_to_the_slice() -> None:
    middle = Slice(1, 3, opens=False, closes=False)
    assert OUTLINE.memory(middle, 7) == MemoryBytes(20, 10, 40, 7)
    kept = 100 * 5 + 4 * 1 * 4  # what the layers save, and the input of a slice
    assert OUTLINE.saved_bytes(middle, 8) == kept
    assert OUTLINE.saved_bytes(middle, 1) == 8 * kept
    assert OUTLINE.input_bytes(middle, 8) == 16
    assert OUTLINE.input_bytes(whole(OUTLINE), 8) == 0  # the batch is kept anyway
    assert whole_memory(OUTLINE).saved_tensors == 8 * 100 * 10


def test_seconds_are_those_of_a_slice_for_all_slices() -> None:
    assert OUTLINE.step_s(Slice(1, 3, opens=False, closes=False), 85e9) == pytest.approx(8 * 0.005)
    assert OUTLINE.step_flops(whole(OUTLINE)) is None


def test_an_edge_is_that_of_the_slices_or_of_the_whole_batch() -> None:
    part = Slice(0, 3, opens=True, closes=False)
    assert OUTLINE.edge(part, 8, 1).tensors[0].shape == (4, 3)
    assert OUTLINE.edge(part, 1, 1).tensors[0].shape == (32, 3)
    with pytest.raises(AssertionError):
        OUTLINE.edge(part, 4, 1)
