"""Megatron-core's own schedules on two CPU ranks, recorded: its layers, kernels and optimizer have no part in it.

pip install --no-deps --target megatron-core megatron-core==0.16.1
PYTHONPATH=megatron-core:.. torchrun --nproc-per-node 2 on_cpu.py plain     # or interleaved
"""

import sys

import torch
import torch.distributed as dist
from torch import nn

WIDTH, LENGTH, ROWS, MICROBATCHES = 256, 32, 4, 4  # a microbatch is LENGTH x ROWS x WIDTH


def zeros(*size, make=torch.zeros, device=None, **given):
    return make(*size, device="cpu" if device == "cuda" else device, **given)


torch.zeros = zeros  # the schedules ask CUDA for these three things
torch.cuda.current_device = lambda: torch.device("cpu")
torch.cuda.synchronize = lambda: None

import record  # noqa: E402
from megatron.core import parallel_state  # noqa: E402
from megatron.core.enums import ModelType  # noqa: E402
from megatron.core.model_parallel_config import ModelParallelConfig  # noqa: E402
from megatron.core.pipeline_parallel import get_forward_backward_func  # noqa: E402


class Chunk(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.model_type, self.given = config, ModelType.encoder_or_decoder, None
        self.layers = nn.Sequential(
            *[layer for _ in range(6) for layer in (nn.Linear(WIDTH, WIDTH), nn.Tanh())]
        )

    def set_input_tensor(self, given):
        [self.given] = given

    def forward(self, first):
        return self.layers(first if self.given is None else self.given)


def configured(chunks):
    config = ModelParallelConfig(
        pipeline_model_parallel_size=2,
        virtual_pipeline_model_parallel_size=chunks,
        pipeline_dtype=torch.float32,
        deallocate_pipeline_outputs=True,
    )
    config.hidden_size, config.cuda_graph_impl, config.cuda_graph_scope = WIDTH, "none", []
    config.fine_grained_activation_offloading = False
    return config


def forward_step(data, model):
    return model(next(data)), lambda output: (output.square().mean(), {})


def data():
    while True:
        yield torch.randn(LENGTH, ROWS, WIDTH)


def main(schedule):
    chunks = {"plain": None, "interleaved": 2}[schedule]
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    parallel_state.initialize_model_parallel(
        pipeline_model_parallel_size=2, virtual_pipeline_model_parallel_size=chunks
    )
    model = [Chunk(configured(chunks)) for _ in range(chunks or 1)]
    record.install("spans", range(2, 6))
    for _ in range(6):
        get_forward_backward_func()(
            forward_step_func=forward_step,
            data_iterator=[data() for _ in model],
            model=model,
            num_microbatches=MICROBATCHES,
            seq_length=LENGTH,
            micro_batch_size=ROWS,
        )
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
