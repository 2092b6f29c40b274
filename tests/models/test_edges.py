from pipebench.models.edges import SHARE_OF_NORM, Edge, TensorSpec, bytes_of, tensors_of, usual_bytes
from pipebench.plan.actions import REDUCTIONS
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import messages_of

HIDDEN = TensorSpec((2, 3), "float32", gradient=True)
MASK = TensorSpec((2, 3), "bool", gradient=False)
TABLE = TensorSpec((5,), "float64", gradient=True)
EDGES = {(0, 1): Edge((HIDDEN, MASK), packed=True), (1, 2): Edge((TABLE,))}


def test_bytes_are_numbers_times_their_size() -> None:
    assert [spec.bytes for spec in (HIDDEN, MASK, TABLE)] == [24, 6, 40]
    assert EDGES[0, 1].forward_bytes == 30
    assert EDGES[0, 1].gradients == (HIDDEN,)
    assert EDGES[0, 1].backward_bytes == 24
    assert TensorSpec((), "int64", gradient=False).bytes == 8


def test_a_message_has_the_tensors_of_the_edge_that_it_crosses() -> None:
    found = {
        str(message.producer): (tensors_of(EDGES, message), bytes_of(EDGES, message))
        for message in messages_of(Graph(3, 1))
    }
    assert found == {
        "0F0": ((HIDDEN, MASK), 30),
        "1F0": ((TABLE,), 40),
        "1B0": ((HIDDEN,), 24),
        "2B0": ((TABLE,), 40),
    }


def test_the_usual_size_is_the_mean_over_all_directions() -> None:
    assert usual_bytes(EDGES) == round((30 + 24 + 40 + 40) / 4)
    assert usual_bytes({}) == 0


# Of slices of 4 steps at most: one tensor has a place for each, one for each of 2 sentences at each, one for neither.
LONG = Edge(
    (
        TensorSpec((4, 2, 3), "float32", gradient=True, axis=0),
        TensorSpec((3, 8), "float64", gradient=False, axis=1),
        TensorSpec((8,), "float64", gradient=True, sent=False, axis=0),
        MASK,
    ),
    steps=4,
)


def test_an_edge_of_fewer_steps_has_less_of_what_grows_with_them() -> None:
    short = LONG.at(3)
    assert [spec.shape for spec in short.tensors] == [(3, 2, 3), (3, 6), (6,), (2, 3)]
    assert short.steps == 3
    assert (short.forward_bytes, short.backward_bytes) == (72 + 144 + 6, 72 + 48)
    assert [(s.dtype, s.gradient, s.sent, s.axis) for s in short.tensors] == [
        (s.dtype, s.gradient, s.sent, s.axis) for s in LONG.tensors
    ]
    assert short.at(1) == LONG.at(1)
    assert LONG.at(4) is LONG.at(None) is LONG


def test_an_edge_that_is_the_same_for_all_slices_stays_as_it_is() -> None:
    assert EDGES[0, 1].at(3) is EDGES[0, 1]
    assert HIDDEN.at(1, 4) is HIDDEN


def test_a_message_is_as_long_as_its_slice() -> None:
    """Two microbatches of two chunks, each of another length."""
    steps = ((4, 3), (2, 1))
    found = {
        str(message.producer): [spec.shape for spec in tensors_of({(0, 1): LONG}, message, steps)]
        for message in messages_of(Graph(2, 2, 2))
    }
    for (microbatch, chunk), length in {(0, 0): 4, (0, 1): 3, (1, 0): 2, (1, 1): 1}.items():
        slice_ = f"{microbatch}.{chunk}" if chunk else f"{microbatch}"
        assert found[f"0F{slice_}"] == [(length, 2, 3), (3, 2 * length), (2, 3)]
        assert found[f"1B{slice_}"] == [(length, 2, 3), (2 * length,)]
    message = messages_of(Graph(2, 2, 2))[0]
    whole = bytes_of({(0, 1): LONG}, message)
    assert bytes_of({(0, 1): LONG}, message, ((1, 1), (1, 1))) == 24 + 48 + 6 < whole == 96 + 192 + 6


def test_what_is_sent_of_the_norm_is_one_number_whatever_the_edges_are() -> None:
    graph = Graph(3, 2, clips=True)
    messages = [m for m in messages_of(graph) if m.producer.operation in REDUCTIONS]
    assert [f"{m.producer}>{m.consumer}" for m in messages] == [
        *("1NORM>0TOTAL", "2NORM>0TOTAL", "0TOTAL>1CLIP", "0TOTAL>2CLIP")
    ]
    for message in messages:
        assert tensors_of({}, message) == tensors_of({}, message, ((1,), (1,))) == (SHARE_OF_NORM,)
        assert bytes_of({}, message) == 8
