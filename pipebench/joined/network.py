"""Which of this machine's addresses and network interfaces leads to another machine."""

import ipaddress
import socket
import struct
from contextlib import closing
from pathlib import Path

_PORT = 9  # discard: nothing is sent, a route is looked up
_SIOCGIFADDR = 0x8915


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
    for name in (name for _, name in socket.if_nameindex()):
        if wanted in _addresses(name):
            return name
    return None


def _addresses(interface: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return [*_of_version_4(interface), *_of_version_6(interface)]


def _of_version_4(interface: str) -> list[ipaddress.IPv4Address]:
    """The first one; loopback has many, one of which is as good as another."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows

        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
            asked = struct.pack("256s", interface.encode()[:15])
            found = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, asked)
    except (ImportError, OSError):
        return []
    return [ipaddress.IPv4Address(found[20:24])]


def _of_version_6(interface: str) -> list[ipaddress.IPv6Address]:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [ipaddress.IPv6Address(int(row[0], 16)) for row in rows if row[-1] == interface]
