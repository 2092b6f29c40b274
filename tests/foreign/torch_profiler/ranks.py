"""A rank of examples/torch-pipelining that also times each action by itself: ``ranks.py SCHEDULE``.

It writes what it measured as ``measuredN.json`` in its folder: operation, start and end of each action, in seconds of a
clock that all processes of the host share.
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
record.main(sys.argv[1])
Path(f"measured{os.environ['RANK']}.json").write_text(json.dumps(measured))
