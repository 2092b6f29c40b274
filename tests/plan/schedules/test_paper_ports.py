from pipebench.plan.schedules.paper_ports import PaperPorts


def test_a_message_waits_for_both_ports_and_the_one_posted_first_goes_first() -> None:
    """0 > 1, then 0 > 2 and 3 > 1, which wait for a port of it each, then 3 > 2, which waits for nobody."""
    ports = PaperPorts([0, 0, 3, 3], [1, 2, 1, 2], 4)
    assert [ports.post(message) for message in range(4)] == [True, False, False, True]
    assert list(ports.over(0)) == []  # 2 and 3 are busy with the last one
    assert list(ports.over(3)) == [1, 2]


def test_messages_of_one_pair_go_in_the_order_in_which_they_were_posted() -> None:
    ports = PaperPorts([0, 0, 0], [1, 1, 1], 2)
    assert [ports.post(message) for message in (2, 0, 1)] == [True, False, False]
    assert list(ports.over(2)) == [0]
    assert list(ports.over(0)) == [1]
    assert list(ports.over(1)) == []
    assert ports.post(2)
