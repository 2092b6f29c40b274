"""DeepSpeed's own pipeline engine on two CPU ranks, recorded.

pip install deepspeed==0.19.8
DS_ACCELERATOR=cpu PYTHONPATH=.. torchrun --nproc-per-node 2 on_cpu.py
"""

import deepspeed
import record
import torch
from deepspeed.pipe import PipelineModule
from torch import nn

WIDTH, ROWS, MICROBATCHES = 256, 64, 4  # ROWS a microbatch


def data():
    while True:
        yield torch.randn(ROWS, WIDTH), torch.randn(ROWS, WIDTH)


def main():
    torch.set_num_threads(1)
    deepspeed.init_distributed(dist_backend="gloo")
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(8)]
    model = PipelineModule(layers=layers, num_stages=2, loss_fn=nn.MSELoss(), partition_method="uniform")
    sizes = {"train_micro_batch_size_per_gpu": ROWS, "gradient_accumulation_steps": MICROBATCHES}
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=sizes)
    record.install("spans", range(2, 6))
    batches = data()
    for _ in range(6):
        engine.train_batch(batches)


if __name__ == "__main__":
    main()
