import subprocess
import sys
from pathlib import Path

import pytest

from pipebench.hosts.network import address_towards, interface_of
from tests.hosts.hosts import hosts, why_not


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1")])
def test_the_way_to_itself(host: str, address: str) -> None:
    assert address_towards(host) in (address, "::1")
    assert interface_of(address) in ("lo", "lo0")
    assert interface_of("127.0.1.1") in ("lo", "lo0")  # a machine's own name leads there on Debian


def test_a_name_that_nobody_knows_leads_nowhere() -> None:
    assert address_towards("no-such-host.invalid") == ""
    assert interface_of("") is None


def test_an_address_of_another_machine_is_on_no_interface() -> None:
    assert interface_of("192.0.2.77") is None
    assert interface_of("2001:db8::77") is None


@pytest.mark.skipif(why_not() is not None, reason=f"hosts of one's own: {why_not()}")
@pytest.mark.parametrize(("version", "second"), [(4, "10.155.7.9"), (6, "fd00:9c::9")])
def test_each_address_of_an_interface_leads_to_it(version: int, second: str, tmp_path: Path) -> None:
    """Where a machine has several, gloo must be told the interface of the one that leads to the others."""
    ask = "import sys; from pipebench.hosts.network import interface_of as of; print(*map(of, sys.argv[1:]))"
    with hosts(1, version=version) as found:
        name, first = found.names[0], found.addresses[0]
        more = ["nodad"] if version == 6 else []
        added = ["ip", "-n", name, "address", "add", f"{second}/64" if version == 6 else f"{second}/24"]
        subprocess.run([*added, "dev", "eth0", *more], check=True)
        process = found.start(0, [sys.executable, "-c", ask, first, second, "192.0.2.77"], cwd=tmp_path)
        out, err = process.communicate(timeout=30)
    assert out.split() == ["eth0", "eth0", "None"], err
