"""Two ranks of a pretended pipeline: RANK is which, and the socket PEER leads to the other one."""

import os
import socket
import time
from collections import Counter

RANK = int(os.environ["RANK"])
FORWARD_S = (0.02, 0.04)  # of a stage on each rank; a backward takes twice as long
_socket = socket.socket(fileno=int(os.environ["PEER"]))
_from_peer, _to_peer = _socket.makefile("r"), _socket.makefile("w")
_come: Counter[str] = Counter()


def compute(operation: str) -> None:
    time.sleep(FORWARD_S[RANK] * (2 if operation == "B" else 1))


def send(result: str) -> None:
    _to_peer.write(f"{result}\n")
    _to_peer.flush()


def receive(result: str) -> None:
    while not _come[result]:
        _come[_from_peer.readline().strip()] += 1
    _come[result] -= 1
