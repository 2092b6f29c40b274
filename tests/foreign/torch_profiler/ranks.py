"""A rank of examples/torch-pipelining that also times each action by itself.

    ranks.py SCHEDULE PORT SCHEDULE PORT ...

It writes what it measured as ``SCHEDULE/measuredN.json``, beside the trace: operation, start and end of each action, in
seconds of a clock that all processes of the host share.
"""

import json
import os
import sys
import time
from pathlib import Path

from torch.distributed.pipelining.stage import _PipelineStageBase

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "torch-pipelining"))
import record

measured = []


def timing(name, operation):
    original = getattr(_PipelineStageBase, name)

    def timed(self, *args, **kwargs):
        start = time.perf_counter()
        try:
            return original(self, *args, **kwargs)
        finally:
            measured.append((operation, start, time.perf_counter()))

    setattr(_PipelineStageBase, name, timed)


timing("forward_one_chunk", "F")
timing("backward_one_chunk", "B")
timing("backward_weight_one_chunk", "W")
here = Path.cwd()
for schedule, port in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    os.chdir(here / schedule)
    os.environ["MASTER_PORT"] = port
    measured.clear()
    record.main(schedule)
    Path(f"measured{os.environ['RANK']}.json").write_text(json.dumps(measured))
