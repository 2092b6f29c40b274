import sys

import record
from megatron.core.pipeline_parallel import schedules

folder, schedule = sys.argv[1:]
record.install(folder, range(1, 3))
for number in range(4):  # the first is no recorded one, and so is the last
    getattr(schedules, schedule)(num_microbatches=3, forward_only=False)
    if number == 1:
        getattr(schedules, schedule)(num_microbatches=3, forward_only=True)
