from pipebench.models.layout import Shape, graph_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.render.picture import drawn, picture
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate


def lines(
    schedule: str, graph: Graph, *, width: int, backward: float = 1.0, transfer: float = 0.0
) -> list[str]:
    timeline = simulate(SCHEDULES[schedule].plan(graph), UniformCosts(1, backward), latency_only(transfer))
    return picture(timeline, width=width, plain=True).plain.splitlines()


def test_gpipe_is_drawn_as_in_its_docstring() -> None:
    # 10 units in 10 columns: "0 |", then 10 columns, then "|"
    assert lines("gpipe", Graph(2, 4), width=14)[:2] == ["0 |FFFF..BBBB|", "1 | FFFFBBBB |"]


def test_a_device_that_has_a_piece_of_the_softmax_beside_its_layers_has_one_line() -> None:
    drawn = lines("gpipe", graph_of(Shape(2, "all"), 2, 1), width=20)
    assert [line[:3] for line in drawn[:3]] == ["0 |", "1 |", "   "]
    assert {len(line) for line in drawn[:2]} == {20}
    assert [line[:3] for line in lines("gpipe", graph_of(Shape(1, 2), 2, 1), width=20)[:3]] == [
        "0 |",
        "1 |",
        "2 |",
    ]


def test_1f1b_is_drawn_as_in_its_docstring() -> None:
    assert lines("1f1b", Graph(3, 4), width=16)[:3] == [
        "0 |FFF..BFB.B.B|",
        "1 | FF.BFBFB.B |",
        "2 |  FBFBFBFB  |",
    ]


def test_the_wavefront_is_drawn_as_in_its_docstring() -> None:
    assert lines("wavefront", Graph(2, 1, 3), width=12)[:2] == ["0 |FFF..BBB|", "1 | FFFBBB |"]


def test_transfer_is_told_from_waiting() -> None:
    # 0F0 0-1, on the way 1-3, 1F0 3-4, 1B0 4-5, on the way 5-7, 0B0 7-8
    assert lines("gpipe", Graph(2, 1), width=12, transfer=2.0)[:2] == ["0 |F....~~B|", "1 |   FB   |"]


def test_work_around_the_actions_is_drawn() -> None:
    graph = Graph(1, 1)
    costs = MeasuredCosts(dict.fromkeys(graph.actions(), 4.0), before={0: 1.0}, after={0: 1.0})
    drawn = picture(simulate(SCHEDULES["gpipe"].plan(graph), costs), width=14, plain=True).plain
    assert drawn.splitlines()[0] == "0 |+FFFFBBBB+|"


def test_the_norm_of_all_gradients_is_drawn_as_the_update_that_it_is_for() -> None:
    # 0F0 0-1, 1F0 1-2, 1B0 2-3, 0B0 3-4; 1NORM 3-4, 0NORM 4-5, 0TOTAL 5-6, then both take note of it
    graph = Graph(2, 1, clips=True)
    costs = MeasuredCosts(dict.fromkeys(graph.actions(), 1.0), after={0: 1.0, 1: 1.0})
    drawn = picture(simulate(SCHEDULES["gpipe"].plan(graph), costs), width=12, plain=True).plain
    assert drawn.splitlines()[:2] == ["0 |F..B++++|", "1 | FB+..++|"]


def test_every_sign_is_in_the_legend_and_the_scale_ends_with_the_makespan() -> None:
    drawn = lines("gpipe", Graph(2, 4), width=80)
    assert drawn[2].endswith("10.0 s")
    assert drawn[3].split()[::2][:5] == ["F", "B", ".", "~", "+"]
    assert all(len(line) <= 80 for line in drawn)


def test_the_weights_half_of_a_backward_has_a_sign_of_its_own() -> None:
    plan = plan_from_csv("0F0,0F1,0I0,0I1,0W0-1\n1F0,1I0,1F1,1I1,1W0-1\n")
    timeline = simulate(plan, UniformCosts(1, backward_input=1, backward_weight=1))
    drawn = picture(timeline, width=110, plain=True).plain.splitlines()
    assert picture(timeline, width=11, plain=True).plain.splitlines()[0] == "0 |FF.B.BWW|"
    assert drawn[1].count("W") > 0
    assert drawn[3].startswith("F forward   B backward   W backward, weights   . waiting")
    assert "░ backward, weights" in picture(timeline, width=100).plain


def test_no_weights_half_is_named_where_there_is_none() -> None:
    assert "weights" not in "".join(lines("gpipe", Graph(2, 4), width=80))


def test_of_many_devices_the_first_the_last_and_some_between_are_drawn() -> None:
    assert drawn(8, 8) == list(range(8))
    assert drawn(3, None) == [0, 1, 2]
    assert drawn(16, 8) == [0, 2, 4, 6, 9, 11, 13, 15]
    timeline = simulate(SCHEDULES["gpipe"].plan(Graph(16, 4)), UniformCosts(1, 1), latency_only(0))
    rows = picture(timeline, width=60, plain=True, most=4).plain.splitlines()
    assert [row[:4] for row in rows[:4]] == [" 0 |", " 5 |", "10 |", "15 |"]
    assert rows[4].startswith("    0")


def test_a_note_stands_on_the_axis_where_there_is_room() -> None:
    timeline = simulate(SCHEDULES["gpipe"].plan(Graph(2, 4)), UniformCosts(1, 1), latency_only(0))
    wide, narrow = (
        picture(timeline, width=width, plain=True, note="virtual time").plain.splitlines()[2]
        for width in (40, 20)
    )
    assert wide == "   0        virtual time         10.0 s"
    assert narrow == "   0         10.0 s"
