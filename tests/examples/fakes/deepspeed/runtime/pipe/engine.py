"""What the recorder meets in DeepSpeed 0.19.8: the same names, and a table of functions, which is what it calls."""

from types import MethodType, SimpleNamespace

import peer

from deepspeed.runtime.pipe import schedule

BUFFERS = 2


class PipelineEngine:
    def __init__(self):
        self.stage_id = peer.RANK
        self.grid = SimpleNamespace(get_slice_parallel_rank=lambda: 0, get_data_parallel_id=lambda: 0)

    def train_batch(self, data_iter=None):
        self._exec_schedule(
            [*self._forwards(data_iter), *self._backwards(data_iter), schedule.OptimizerStep()]
        )

    def eval_batch(self, data_iter):
        self._exec_schedule(self._forwards(data_iter))

    def _forwards(self, microbatches):
        for microbatch in range(microbatches):
            if self.stage_id:
                yield schedule.RecvActivation(buffer_id=microbatch % BUFFERS)
            yield schedule.ForwardPass(buffer_id=microbatch % BUFFERS)
            if not self.stage_id:
                yield schedule.SendActivation(buffer_id=microbatch % BUFFERS)

    def _backwards(self, microbatches):
        for microbatch in range(microbatches):
            if not self.stage_id:
                yield schedule.RecvGrad(buffer_id=microbatch % BUFFERS)
            yield schedule.BackwardPass(buffer_id=microbatch % BUFFERS)
            if self.stage_id:
                yield schedule.SendGrad(buffer_id=microbatch % BUFFERS)

    def _exec_forward_pass(self, buffer_id):
        peer.compute("F")

    def _exec_backward_pass(self, buffer_id):
        peer.compute("B")

    def _exec_send_activations(self, buffer_id):
        peer.send("activations")

    def _exec_recv_activations(self, buffer_id):
        peer.receive("activations")

    def _exec_send_grads(self, buffer_id):
        peer.send("gradients")

    def _exec_recv_grads(self, buffer_id):
        peer.receive("gradients")

    def _exec_reduce(self):
        pass

    def _exec_optimizer_step(self, lr_kwargs=None):
        pass

    _INSTRUCTION_MAP = {  # noqa: RUF012
        schedule.OptimizerStep: _exec_optimizer_step,
        schedule.ReduceGrads: _exec_reduce,
        schedule.ReduceTiedGrads: _exec_reduce,
        schedule.ForwardPass: _exec_forward_pass,
        schedule.BackwardPass: _exec_backward_pass,
        schedule.SendActivation: _exec_send_activations,
        schedule.RecvActivation: _exec_recv_activations,
        schedule.SendGrad: _exec_send_grads,
        schedule.RecvGrad: _exec_recv_grads,
    }

    def _exec_schedule(self, pipe_schedule):
        for cmd in pipe_schedule:
            self._exec_instr = MethodType(self._INSTRUCTION_MAP[type(cmd)], self)
            self._exec_instr(**cmd.kwargs)
