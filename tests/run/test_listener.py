from pipebench.launching.messages import Progress
from pipebench.launching.phases import Phase
from pipebench.run.listener import Doing


def test_the_whole_comes_first_and_the_smallest_part_last() -> None:
    doing = Doing("launch 1 of 6", Progress(Phase.RACE, 0.2, "chain x4").words)
    assert doing.text == "launch 1 of 6: racing baselines: chain x4"
    assert (doing.whole, doing.smallest) == ("launch 1 of 6", "chain x4")


def test_a_whole_may_have_no_parts_and_a_colon() -> None:
    doing = Doing("reading C: words.txt")
    assert doing.text == doing.smallest == doing.whole == "reading C: words.txt"
    assert Doing.of(Progress(Phase.LAYERS, 0.0).words).text == "measuring layers"
