"""Checks that a ``pipebench.Model`` is filled in as it should be. None of the user's code is called."""

from collections.abc import Sequence

from torch import nn

from pipebench.errors import UsageError
from pipebench.models.own.last_word import a
from pipebench.models.own.model import Model


def check_fields(model: Model) -> None:
    """Check each field.

    Raises:
        UsageError: A field is of the wrong kind or out of its range.
    """
    _check_layers(model.layers)
    for field in ("loss", "batch"):
        _check_callable(field, getattr(model, field), optional=False)
    for field in ("items", "optimizer"):
        _check_callable(field, getattr(model, field), optional=True)
    _check_number("batch_size", model.batch_size, least=1)
    _check_number("batch_dimension", model.batch_dimension, least=0)
    if model.time_dimension is not None:
        _check_number("time_dimension", model.time_dimension, least=0)
    if model.time_dimension == model.batch_dimension:
        raise UsageError(
            f"time_dimension and batch_dimension are both {model.batch_dimension}; they must differ"
        )
    _check_text("unit", model.unit)
    if model.name is not None:
        _check_text("name", model.name)


def _check_layers(layers: object) -> None:
    if not isinstance(layers, Sequence | nn.Sequential | nn.ModuleList) or isinstance(layers, str | bytes):
        raise UsageError(f"layers is {a(layers)}; a list of layers or an nn.Sequential is needed")
    if isinstance(layers, nn.Sequential) and type(layers).forward is not nn.Sequential.forward:
        raise UsageError(f"layers is {a(layers)} with a forward of its own; give a list of its layers")
    if not len(layers):
        raise UsageError("layers is empty; at least one layer is needed")
    for index, layer in enumerate(layers):
        if not callable(layer):
            kinds = "a module or a function that makes one"
            raise UsageError(f"layers[{index}] is {a(layer)}; {kinds} is needed")


def _check_callable(field: str, value: object, *, optional: bool) -> None:
    if not callable(value) and not (optional and value is None):
        raise UsageError(f"{field} is {a(value)}; a function is needed{' or None' if optional else ''}")


def _check_number(field: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{field} is {a(value)}; a whole number from {least} is needed")
    if value < least:
        raise UsageError(f"{field} is {value}; a whole number from {least} is needed")


def _check_text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise UsageError(f"{field} is {a(value)}; a short text on one line is needed")
    if not value.strip() or not value.isprintable() or len(value) > 200:
        raise UsageError(f"{field} is empty, too long or not on one line; a short text is needed")
