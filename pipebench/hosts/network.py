"""Which of this machine's addresses and network interfaces leads to another machine."""

import ipaddress
import socket
import struct
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_PORT = 9  # discard: nothing is sent, a route is looked up
_SIOCGIFCONF, _IFREQ_BYTES, _MOST_INTERFACES = 0x8912, 40, 1024  # of Linux on 64 bits


def address_towards(host: str) -> str:
    """This machine's address as the other one sees it; empty where no route is known."""
    try:
        found = socket.getaddrinfo(host, _PORT, type=socket.SOCK_DGRAM)
    except OSError:
        return ""
    for family, kind, protocol, _, there in found:
        try:
            with closing(socket.socket(family, kind, protocol)) as probe:
                probe.connect(there)
                return str(probe.getsockname()[0]).partition("%")[0]
        except OSError:
            continue
    return ""


def interface_of(address: str) -> str | None:
    """The interface that has an address of this machine; ``None`` where that cannot be told."""
    if not address:
        return None
    wanted = ipaddress.ip_address(address)
    found = _of_version_4() if wanted.version == 4 else _of_version_6()
    for name, there in found:  # loopback has more addresses than it lists
        if there == wanted or (there.is_loopback and wanted.is_loopback):
            return name
    return None


def _of_version_4() -> Iterator[tuple[str, ipaddress.IPv4Address]]:
    """Every interface's addresses, not only the first of each."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows

        room = array("B", bytes(_MOST_INTERFACES * _IFREQ_BYTES))
        start, size = room.buffer_info()
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            told = fcntl.ioctl(probe.fileno(), _SIOCGIFCONF, struct.pack("iL", size, start))
    except (ImportError, OSError):
        return
    (filled,) = struct.unpack_from("i", told)
    for at in range(0, filled, _IFREQ_BYTES):
        name = bytes(room[at : at + 16]).split(b"\0")[0].decode(errors="replace")
        # an address may have a label such as eth0:1
        yield name.partition(":")[0], ipaddress.IPv4Address(bytes(room[at + 20 : at + 24]))


def _of_version_6() -> Iterator[tuple[str, ipaddress.IPv6Address]]:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return
    for row in map(str.split, lines):
        yield row[-1], ipaddress.IPv6Address(int(row[0], 16))
