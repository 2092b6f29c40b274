import pytest

from pipebench.render.svg.plot import Plot, pitch_of


@pytest.mark.parametrize(
    ("devices", "pitch"), [(1, 24), (8, 24), (26, 24), (64, 10), (640, 1), (1024, 1), (10_000, 1)]
)
def test_lanes_become_lower_with_more_devices(devices: int, pitch: float) -> None:
    assert pitch_of(devices) == pytest.approx(pitch)


def test_time_goes_from_left_to_right_and_devices_go_down() -> None:
    plot = Plot(100, 300, 50, 24, 2, end_s=4.0)
    assert [plot.x(moment) for moment in (0.0, 1.0, 4.0)] == [100, 150, 300]
    assert plot.wide(1.0, 2.0) == 50
    assert [plot.y(0), plot.y(1), plot.bottom] == [50, 74, 98]
    assert plot.height == 20


@pytest.mark.parametrize(("pitch", "height"), [(12, 8), (10, 8.5), (2, 2)])
def test_lanes_have_room_between_them_while_there_is_any(pitch: float, height: float) -> None:
    assert Plot(0, 1, 0, pitch, 2, 1.0).height == height


def test_a_step_of_no_time_has_its_place_at_the_left() -> None:
    assert Plot(100, 300, 50, 24, 2, end_s=0.0).x(0.0) == 100
