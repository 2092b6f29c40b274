"""Files with models, written into the working folder as a user would write them."""

from pathlib import Path

GOOD = """
import pipebench
import torch
from torch import nn

drawn = torch.rand(3).tolist()
again = []

def batch(size, generator):
    return torch.randn(size, 3, generator=generator), torch.randn(size, 3, generator=generator)

def loss(output, target):
    return (output - target).square().sum()

def make(**changes):
    return pipebench.Model(**({"layers": [nn.Linear(3, 3)], "loss": loss, "batch": batch} | changes))

def build():
    again.append(torch.rand(3).tolist())
    return make()

m = make()
"""


def written(text: str, name: str = "blocks.py") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
