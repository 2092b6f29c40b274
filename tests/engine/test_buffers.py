import torch

from pipebench.engine.buffers import Buffers
from pipebench.engine.stage import Payload
from pipebench.models.edges import Edge, Steps, TensorSpec, tensors_of
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import Message, messages_of

# Activations and figures of 4 steps at most, of 2 sentences.
EDGE = Edge(
    (
        TensorSpec((4, 2, 3), "float32", gradient=True, axis=0),
        TensorSpec((3, 8), "float64", gradient=False, axis=1),
    ),
    steps=4,
)
EDGES = {(0, 1): EDGE}
MESSAGES = messages_of(Graph(2, 2, 2, clips=True))
CPU = torch.device("cpu")
SHORT: Steps = ((3, 2), (1, 1))


def addresses(found: dict[Message, Payload]) -> list[int]:
    return [tensor.data_ptr() for payload in found.values() for tensor in payload]


def test_each_message_has_tensors_of_its_own_as_large_as_the_longest_slice() -> None:
    whole = Buffers(EDGES, MESSAGES, CPU).of(None)
    assert list(whole) == MESSAGES
    for message, payload in whole.items():
        expected = [(spec.shape, spec.dtype) for spec in tensors_of(EDGES, message)]
        assert [(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in payload] == expected
    assert len(set(addresses(whole))) == len(addresses(whole)) == 2 * 4 + 4 + 2


def test_a_step_of_shorter_slices_has_the_beginning_of_the_same_memory() -> None:
    buffers = Buffers(EDGES, MESSAGES, CPU)
    whole, short = buffers.of(None), buffers.of(SHORT)
    assert addresses(short) == addresses(whole)
    for message, payload in short.items():
        expected = [spec.shape for spec in tensors_of(EDGES, message, SHORT)]
        assert [tuple(tensor.shape) for tensor in payload] == expected
        assert all(tensor.is_contiguous() for tensor in payload)
    shapes = {str(m.producer): [tuple(t.shape) for t in p] for m, p in short.items()}
    assert shapes["0F0"] == [(3, 2, 3), (3, 6)]
    assert shapes["0F1.1"] == [(1, 2, 3), (3, 2)]
    assert shapes["1B0.1"] == [(2, 2, 3)]
    assert shapes["1NORM"] == shapes["0TOTAL"] == [(1,)]


def test_the_longest_slices_take_all_of_it() -> None:
    buffers = Buffers(EDGES, MESSAGES, CPU)
    longest = buffers.of(((4, 4), (4, 4)))
    for message, payload in buffers.of(None).items():
        assert [t.shape for t in longest[message]] == [t.shape for t in payload]


def test_steps_that_were_met_before_make_nothing_new() -> None:
    buffers = Buffers(EDGES, MESSAGES, CPU)
    first = buffers.of(SHORT)
    assert buffers.of(((1, 1), (3, 2))) is not first
    assert buffers.of(((3, 2), (1, 1))) is first
    assert buffers.of(None) is buffers.of(None)


def test_what_arrives_in_one_message_leaves_the_others_alone() -> None:
    found = Buffers(EDGES, MESSAGES, CPU).of(SHORT)
    for number, payload in enumerate(found.values()):
        for tensor in payload:
            tensor.fill_(number)
    assert all((t == number).all() for number, payload in enumerate(found.values()) for t in payload)
