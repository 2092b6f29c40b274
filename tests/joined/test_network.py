import pytest

from pipebench.joined.network import address_towards, interface_of


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1")])
def test_the_way_to_itself(host: str, address: str) -> None:
    assert address_towards(host) in (address, "::1")
    assert interface_of(address) in ("lo", "lo0")


def test_a_name_that_nobody_knows_leads_nowhere() -> None:
    assert address_towards("no-such-host.invalid") == ""
    assert interface_of("") is None


def test_an_address_of_another_machine_is_on_no_interface() -> None:
    assert interface_of("192.0.2.77") is None
    assert interface_of("2001:db8::77") is None
