"""Records what a DeepSpeed pipeline executes. Before train_batch(): record.install("spans", range(20, 30))."""

from collections import Counter
from functools import wraps

from deepspeed.runtime.pipe import schedule
from deepspeed.runtime.pipe.engine import PipelineEngine
from spans import Spans  # examples/spans.py, beside this file

OPERATIONS = {
    schedule.ForwardPass: "F",
    schedule.BackwardPass: "B",
    schedule.SendActivation: "SEND_F",
    schedule.RecvActivation: "RECV_F",
    schedule.SendGrad: "SEND_B",
    schedule.RecvGrad: "RECV_B",
    schedule.ReduceTiedGrads: "REDUCE_TIED_GRADIENTS",
    schedule.ReduceGrads: "REDUCE_GRADIENTS",
    schedule.OptimizerStep: "OPTIMIZER",
}


def install(folder, steps):  # steps: which of them, counted from 0; leave the first ones out
    recorder = Recorder(folder, steps)
    PipelineEngine.train_batch = recorder.step(PipelineEngine.train_batch)
    table = PipelineEngine._INSTRUCTION_MAP  # noqa: SLF001 - the engine calls what stands here, whatever its methods are
    for instruction, operation in OPERATIONS.items():
        table[instruction] = recorder.timed(operation, table[instruction])


class Recorder:
    def __init__(self, folder, steps):
        self.folder, self.steps, self.number = folder, steps, 0
        self.spans, self.done = None, None

    def step(self, train_batch):
        @wraps(train_batch)
        def run(engine, *args, **kwargs):
            number, self.number = self.number, self.number + 1
            if number not in self.steps or engine.grid.get_slice_parallel_rank():
                return train_batch(engine, *args, **kwargs)  # one rank of those that share a layer is enough
            replica = engine.grid.get_data_parallel_id()
            self.spans = self.spans or Spans(self.folder, replica, engine.stage_id)
            with self.spans.recorded(number):
                self.done = Counter()
                try:
                    return train_batch(engine, *args, **kwargs)
                finally:
                    self.done = None

        return run

    def timed(self, operation, execute):
        @wraps(execute)
        def run(engine, *args, **kwargs):
            if self.done is None:  # evaluation, or a step that is not asked for
                return execute(engine, *args, **kwargs)
            # A buffer is used again and again, so its id is no microbatch. Each operation takes them in their order.
            microbatch = self.done[operation] if operation in {"F", "B"} else None
            self.done[operation] += 1
            with self.spans.timed(operation, engine.stage_id, microbatch):
                return execute(engine, *args, **kwargs)

        return run
