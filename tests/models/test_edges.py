from pipebench.models.edges import Edge, TensorSpec, bytes_of, tensors_of, usual_bytes
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
