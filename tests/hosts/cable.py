"""A cable between two network interfaces: every frame takes so long, and so many bytes a second go through.

Usage: python cable.py PORT PORT DELAY_S [BYTES_PER_S]

Run it in a namespace that has both ports. It stands in for a kernel's netem, which not every one has.
"""

import ctypes
import fcntl
import heapq
import select
import socket
import struct
import sys
import time
from itertools import count

_MOST = 1 << 17  # bytes of a frame
_OUTGOING = 4  # a frame of our own, as AF_PACKET shows it too
_SIOCETHTOOL = 0x8946
_OFFLOADS = (
    0x15,
    0x17,
    0x19,
    0x1F,
    0x21,
    0x24,
    0x2C,
)  # checksums, scatter, segmentation: rx tx sg tso ufo gso gro


class Value(ctypes.Structure):
    _fields_ = (("command", ctypes.c_uint32), ("data", ctypes.c_uint32))


def without_offloads(interface: str) -> None:
    """Frames leave whole and with their checksums, as on a wire; what an interface cannot do is off already."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for command in _OFFLOADS:
            value = Value(command, 0)
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(probe.fileno(), _SIOCETHTOOL, request)
            except OSError:
                continue


def opened(interface: str) -> socket.socket:
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        port.setsockopt(socket.SOL_SOCKET, option, 1 << 25)
    port.bind((interface, 0))
    port.setblocking(False)
    return port


def carry(first: socket.socket, second: socket.socket, delay_s: float, bytes_per_s: float) -> None:
    """For ever."""
    across = {first: second, second: first}
    free_s = dict.fromkeys(across, 0.0)  # when a direction has sent what came before
    due: list[tuple[float, int, socket.socket, bytes]] = []
    order = count()
    while True:
        wait_s = max(due[0][0] - time.monotonic(), 0.0) if due else None
        ready, _, _ = select.select(list(across), [], [], wait_s)
        for port in ready:
            while True:
                try:
                    frame, where = port.recvfrom(_MOST)
                except BlockingIOError:
                    break
                if where[2] == _OUTGOING:
                    continue
                now = time.monotonic()
                free_s[port] = max(free_s[port], now) + len(frame) / bytes_per_s
                heapq.heappush(due, (free_s[port] + delay_s, next(order), across[port], frame))
        now = time.monotonic()
        while due and due[0][0] <= now:
            _, _, port, frame = heapq.heappop(due)
            port.send(frame)


if __name__ == "__main__":
    if sys.argv[1] == "--without-offloads":
        without_offloads(sys.argv[2])
    else:
        rate = float(sys.argv[4]) if len(sys.argv) > 4 else float("inf")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        carry(opened(sys.argv[1]), opened(sys.argv[2]), float(sys.argv[3]), rate)
