"""Records the steps of a Megatron pipeline. Before pretrain(...): record.install("spans", range(20, 30))."""

from functools import wraps

from megatron.core import parallel_state
from megatron.core.pipeline_parallel import schedules
from spans import Spans  # examples/spans.py, beside this file

SCHEDULES = (
    "forward_backward_pipelining_without_interleaving",
    "forward_backward_pipelining_with_interleaving",
)


def install(folder, steps):  # steps: which of them, counted from 0; leave the first ones out
    recorder = Recorder(folder, steps)
    for name in SCHEDULES:
        setattr(schedules, name, recorder.step(getattr(schedules, name)))
    schedules.forward_step = recorder.forward(schedules.forward_step)
    schedules.backward_step = recorder.backward(schedules.backward_step)


class Recorder:
    def __init__(self, folder, steps):
        self.folder, self.steps, self.number = folder, steps, 0
        self.spans, self.recording, self.made = None, False, {}

    def step(self, schedule):
        @wraps(schedule)
        def run(*args, **kwargs):
            if kwargs.get("forward_only"):  # evaluation is no step
                return schedule(*args, **kwargs)
            number, self.number = self.number, self.number + 1
            if number not in self.steps or not writes():
                return schedule(*args, **kwargs)
            rank = parallel_state.get_pipeline_model_parallel_rank()
            self.spans = self.spans or Spans(self.folder, parallel_state.get_data_parallel_rank(), rank)
            with self.spans.recorded(number):
                self.recording = True
                try:
                    return schedule(*args, **kwargs)
                finally:
                    self.recording = False
                    self.made.clear()

        return run

    def forward(self, forward_step):
        @wraps(forward_step)
        def run(*args, **kwargs):
            if not self.recording:
                return forward_step(*args, **kwargs)
            chunk = kwargs.get("vp_stage") or 0
            ranks = parallel_state.get_pipeline_model_parallel_world_size()
            what = chunk * ranks + self.spans.device, kwargs["current_microbatch"]
            with self.spans.timed("F", *what):
                output, tokens = forward_step(*args, **kwargs)
            self.made[id(output)] = output, what  # kept, so that no other object gets its id
            return output, tokens

        return run

    def backward(self, backward_step):
        @wraps(backward_step)
        def run(input_tensor, output_tensor, *args, **kwargs):
            if not self.recording:
                return backward_step(input_tensor, output_tensor, *args, **kwargs)
            _, what = self.made.pop(id(output_tensor))  # a backward is told no number: whose output is it?
            with self.spans.timed("B", *what):
                return backward_step(input_tensor, output_tensor, *args, **kwargs)

        return run


def writes():  # ranks that share a layer or a sequence work side by side: one of them is enough
    return (
        parallel_state.get_tensor_model_parallel_rank() == 0
        and parallel_state.get_context_parallel_rank() == 0
    )
