from pipebench.models.layout import Shape, graph_of
from pipebench.simulate.devices import device_texts, talking


def test_neighbours_of_a_chain_talk_and_all_with_the_first_and_last_where_they_share() -> None:
    assert talking(graph_of(Shape(3), 1, 1)) == {(0, 1), (1, 2)}
    assert talking(graph_of(Shape(1), 1, 1)) == set()
    assert talking(graph_of(Shape(3, "all"), 1, 1)) == {(0, 1), (1, 2), (0, 2)}


def test_what_each_device_has() -> None:
    chain = graph_of(Shape(2), 1, 1)
    assert device_texts(chain, softmax=False) == ["stage 0", "stage 1"]
    assert device_texts(chain, softmax=True) == ["stage 0", "stage 1 + softmax"]
    assert device_texts(graph_of(Shape(2, 1), 1, 1), softmax=True) == ["stage 0", "stage 1", "softmax + loss"]
    assert device_texts(graph_of(Shape(2, "all"), 1, 1), softmax=True) == [
        "stage 0 + softmax 1/2 + loss",
        "stage 1 + softmax 1/2",
    ]
