"""What the tests of the Transformer start from: a small model, and the same one made of torch's own layers."""

from typing import Any

import torch
from torch import Tensor, nn

from pipebench.config.run_config import RunConfig
from pipebench.models.transformer.network import Transformer
from pipebench.models.transformer.outline import TransformerOutline
from tests.builders import run_config

SMALL = TransformerOutline(
    layers=3, hidden=12, heads=2, vocab=19, batch=4, sequence_length=8, dtype="float64"
)


def asked_for(outline: TransformerOutline, **options: Any) -> RunConfig:
    """A run of such a model, on one device, with drawn words."""
    sizes = ("layers", "hidden", "heads", "vocab", "batch", "sequence_length", "dtype")
    given = {name: getattr(outline, name) for name in sizes} | {"gpus": 1, "microbatches": 1}
    return run_config(**(given | {"model": "transformer", "preset": None, "synthetic": True} | options))


def words(outline: TransformerOutline, seed: int = 0) -> tuple[Tensor, Tensor]:
    """[B, T] and the flat targets, some of them padding."""
    generator = torch.Generator().manual_seed(seed)
    shape = (outline.batch, outline.sequence_length)
    targets = torch.randint(outline.vocab, shape, generator=generator)
    return torch.randint(3, outline.vocab, shape, generator=generator), targets.flatten()


def with_torch_s_layers(model: Transformer, outline: TransformerOutline, words_BT: Tensor) -> Tensor:
    """The hidden numbers [B, T, H] before the projection, by ``nn.TransformerEncoderLayer`` and a mask."""
    named = dict(model.named())
    hidden, steps = outline.hidden, words_BT.shape[1]
    x_BTH = named["embedding.weight"][words_BT] + named["positions.weight"][:steps]
    mask_TT = nn.Transformer.generate_square_subsequent_mask(steps, dtype=x_BTH.dtype)
    for number in range(outline.layers):
        layer = nn.TransformerEncoderLayer(
            hidden,
            outline.heads,
            4 * hidden,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
            dtype=x_BTH.dtype,
        )
        ours = {
            name.removeprefix(f"blocks.{number}."): value
            for name, value in named.items()
            if name.startswith(f"blocks.{number}.")
        }
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.zero_()  # its linear layers have a bias
            weight = torch.cat((ours["attention.query.weight"], ours["attention.key_value.weight"]))
            layer.self_attn.in_proj_weight.copy_(weight)
            layer.self_attn.out_proj.weight.copy_(ours["attention.output.weight"])
            layer.linear1.weight.copy_(ours["up.weight"])
            layer.linear2.weight.copy_(ours["down.weight"])
            for theirs, name in ((layer.norm1, "attention_norm"), (layer.norm2, "mlp_norm")):
                theirs.weight.copy_(ours[f"{name}.weight"])
                theirs.bias.copy_(ours[f"{name}.bias"])
        x_BTH = layer(x_BTH, src_mask=mask_TT)
    norm = nn.functional.layer_norm(x_BTH, (hidden,), named["norm.weight"], named["norm.bias"])
    assert isinstance(norm, Tensor)
    return norm
