"""When each forward and backward of a rank began and ended, in the table that ``pipebench explain --from`` reads."""

import csv
import gzip
import time
from contextlib import contextmanager
from pathlib import Path

import torch

HEADER = ("step", "replica", "device", "operation", "stage", "microbatch", "start_s", "end_s")


class HostClock:  # for CPUs; of a GPU it would tell when the host had put work into its queue, not when that ran
    def now(self):
        return time.time()

    def seconds(self, moment):
        return moment


class GpuClock:  # an event happens when the GPU comes to it, behind all that its current stream was given before
    def __init__(self):
        torch.cuda.synchronize()  # so that the first event happens now, and one time is known on both clocks
        self.zero = self.now()
        self.zero.synchronize()
        self.zero_s = time.time()

    def now(self):
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, event):
        event.synchronize()  # two events have a distance only once both have happened
        return self.zero_s + self.zero.elapsed_time(event) / 1000


class Spans:  # of one rank, in a file of its own
    def __init__(self, folder, replica, device):
        self.replica, self.device, self.step = replica, device, None
        self.path = Path(folder, f"replica{replica}-device{device}.csv.gz")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._append([HEADER])

    @contextmanager
    def recorded(self, step):  # a new clock each step: far from its zero an event's time is coarse
        self.step, self.moments = step, []
        self.clock = GpuClock() if torch.cuda.is_available() else HostClock()
        yield
        rows = [(*what, *map(self.clock.seconds, between)) for what, between in self.moments]
        self._append((step, self.replica, self.device, *row) for row in rows)
        self.step = None

    @contextmanager
    def timed(self, operation, stage, microbatch):
        begin = self.clock.now()
        yield
        self.moments.append(((operation, stage, microbatch), (begin, self.clock.now())))

    def _append(self, rows):
        with gzip.open(self.path, "at", newline="") as file:
            csv.writer(file).writerows(rows)
