"""What a layer holds and hands on, measured on one slice of the batch."""

import time
from collections.abc import Iterable
from itertools import chain
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pipebench.errors import UsageError
from pipebench.models.fingerprints import hashes
from pipebench.models.own.description import OwnLayer
from pipebench.models.own.last_word import a, blamed, one_line
from pipebench.models.own.layers import state_of
from pipebench.models.own.model import Model
from pipebench.models.own.running import Runner
from pipebench.models.own.values import Value, edge_of, mapped, shapes, tensors_of

_TIMES = 2


class Measured(NamedTuple):
    """A layer, what it gives to the next one, and its optimizer (``None`` where nothing is trained)."""

    layer: OwnLayer
    outputs: list[Value]
    optimizer: "OptimizerFacts | None"


class OptimizerFacts(NamedTuple):
    """The class of the user's optimizer, and what it says of itself."""

    name: str
    learning_rate: float | None
    momentum: float | None


def measure_layer(model: Model, name: str, runner: Runner, pieces: list[Value]) -> Measured:
    """Run a layer on chunks of the first microbatch in turn, in training mode, with gradients.

    Args:
        model: its optimizer is made and stepped once.
        name: the layer's.
        runner: the layer.
        pieces: the input of each chunk; tensors that require a gradient are leaves.

    Raises:
        UsageError: The layer raises in its forward or backward, uses a parameter that is not its own, or gives chunks
            different shapes; or the optimizer does not work.
    """
    _check_backward(runner, pieces[0])
    outputs, saved_bytes = _outputs(runner, pieces)
    slice_s = _seconds(runner, pieces[0])
    optimizer, optimizer_bytes = None, 0
    parameters = list(runner.module.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if model.optimizer is not None and trained:
        optimizer, optimizer_bytes = _optimizer(model, trained, runner.text)
    layer = OwnLayer(
        name=name,
        parameters=sum(parameter.numel() for parameter in parameters),
        parameters_bytes=_bytes(chain(parameters, runner.module.buffers())),
        gradients_bytes=_bytes(trained),
        optimizer_bytes=optimizer_bytes,
        saved_bytes=saved_bytes,
        stateful=runner.stateful,
        slice_s=slice_s,
        output=edge_of(outputs[0]),
    )
    return Measured(layer, [mapped(output, handed_on) for output in outputs], optimizer)


def _seconds(runner: Runner, piece: Value) -> float:
    """CPU seconds of a forward and a backward of a slice, once it is warm; an estimate, not a result."""
    best, before = inf, hashes(state_of(runner.module))
    met: list[list[Tensor]] = []  # kept alive, so that no later tensor gets the address of one of them
    for _ in range(_TIMES):
        begun = time.thread_time()
        output, _ = runner.run(piece)
        met.append(_foreign(runner, piece, output))
        ends = [tensor for tensor in tensors_of(output) if tensor.requires_grad]
        if ends:
            torch.autograd.backward(ends, [torch.zeros_like(tensor) for tensor in ends])
        best = min(best, time.thread_time() - begun)
    runner.module.zero_grad()
    _check_lasting(runner, met)
    after = hashes(state_of(runner.module))
    changed = next((name for name in after if after[name] != before.get(name)), None)
    if changed is not None:
        raise UsageError(
            f"{runner.text} changes its {changed} in a forward or a backward: slices would change it more often than "
            "the whole batch does; keep it as it is in training (no counters, no hooks that write)"
        )
    return best


def _outputs(runner: Runner, pieces: list[Value]) -> tuple[list[Value], int]:
    """The output for each chunk, and the most bytes that a chunk's forward saves."""
    state, outputs, most = None, list[Value](), 0
    for piece in pieces:
        saved = _Saved(chain(runner.module.parameters(), runner.module.buffers(), tensors_of(piece)))
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(saved.keep, _same):
            output, state = runner.run(piece, _cut_off(state))
        _check_leaves(runner, output)
        most = max(most, saved.bytes)
        outputs.append(output)
        if shapes(output) != shapes(outputs[0]):
            raise UsageError(
                f"{runner.text} gives the shape {shapes(outputs[0])} for the first chunk and {shapes(output)} for"
                " another one; all slices must give one shape"
            )
    return outputs, most


class _Saved:
    """Counts the storages that autograd keeps, each once; those of ``known`` tensors are not counted."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        self._known = {_storage(tensor) for tensor in known}
        self._kept: dict[int, int] = {}

    def keep(self, tensor: Tensor) -> Tensor:
        """Count the tensor and return it; autograd calls this as a hook."""
        key = _storage(tensor)
        if key not in self._known:
            self._kept[key] = max(self._kept.get(key, 0), _storage_bytes(tensor))
        return tensor

    @property
    def bytes(self) -> int:
        """The bytes of all that was counted."""
        return sum(self._kept.values())


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _storage(tensor: Tensor) -> int:
    """The address of a tensor's storage; of the tensor itself if it has none (in oneDNN's own layout)."""
    return tensor.untyped_storage()._cdata if tensor.layout == torch.strided else id(tensor)  # noqa: SLF001


def _storage_bytes(tensor: Tensor) -> int:
    if tensor.layout == torch.strided:
        return tensor.untyped_storage().nbytes()
    return tensor.numel() * tensor.element_size()


def _cut_off(state: Any) -> Any:
    """The state with its tensors as leaves, as a run carries it from chunk to chunk."""
    if isinstance(state, tuple):
        return tuple(_cut_off(part) for part in state)
    return handed_on(state) if isinstance(state, Tensor) else None


def handed_on(tensor: Tensor) -> Tensor:
    """The tensor without its graph; it requires a gradient if it did before."""
    return tensor.detach().requires_grad_(tensor.requires_grad)


def _check_leaves(runner: Runner, output: Value) -> None:
    """Refuse a layer that computes with a parameter that is not its own."""
    known = {_storage(parameter) for parameter in runner.module.parameters()}
    for leaf in _leaves(tensors_of(output)):
        if isinstance(leaf, nn.Parameter) and _storage(leaf) not in known:
            raise UsageError(
                f"{runner.text} computes with a parameter of the shape {list(leaf.shape)} that is none of its own: it"
                " would not be trained, or it is shared with another layer; make it a parameter of this layer alone"
            )


def _foreign(runner: Runner, piece: Value, output: Value) -> list[Tensor]:
    """The leaves with a gradient that are neither the layer's parameters nor its input; some layers make such."""
    known = {_storage(tensor) for tensor in (*runner.module.parameters(), *tensors_of(piece))}
    return [leaf for leaf in _leaves(tensors_of(output)) if _storage(leaf) not in known]


def _check_lasting(runner: Runner, met: list[list[Tensor]]) -> None:
    """Refuse a foreign leaf that is there in every forward: it outlives the forward, but would not be trained."""
    first, *later = ({_storage(leaf) for leaf in leaves} for leaves in met)
    if first.intersection(*later):
        raise UsageError(
            f"{runner.text} computes with a tensor that requires a gradient, outlives the forward and is none of its"
            " parameters: it would not be trained, or it is shared with another layer; make it a parameter of this"
            " layer"
        )


def _check_backward(runner: Runner, piece: Value) -> None:
    """Try a backward, without hooks: with hooks autograd would not see that a tensor it needs was changed in place."""
    with torch.enable_grad():
        output, _ = runner.run(mapped(piece, handed_on))
    tensors = [tensor for tensor in tensors_of(output) if tensor.requires_grad and tensor.grad_fn is not None]
    if tensors:
        with blamed(f"{runner.text}, in the backward"):
            torch.autograd.backward(tensors, [torch.ones_like(tensor) for tensor in tensors])


def _leaves(outputs: Iterable[Tensor]) -> list[Tensor]:
    """The leaves that a backward from these outputs would give a gradient to."""
    queue = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
    seen, found = set(queue), list[Tensor]()
    while queue:
        node = queue.pop()
        if hasattr(node, "variable"):
            found.append(node.variable)
        new = {after for after, _ in node.next_functions if after is not None} - seen
        seen |= new
        queue += new
    return found


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _optimizer(model: Model, trained: list[nn.Parameter], text: str) -> tuple[OptimizerFacts, int]:
    """The facts of the user's optimizer, and the bytes of its state after one update with gradients of 0."""
    optimizer = _made_optimizer(model, trained)
    kept = [parameter.detach().clone() for parameter in trained]
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    with blamed(f"the optimizer's step on {text}"):
        optimizer.step()
    with torch.no_grad():  # put the values back: the whole batch has yet to go through the layer
        for parameter, values in zip(trained, kept, strict=True):
            parameter.copy_(values)
            parameter.grad = None
    states = (value for state in optimizer.state.values() for value in state.values())
    facts = OptimizerFacts(
        one_line(type(optimizer).__name__),
        *(_number(optimizer.defaults.get(name)) for name in ("lr", "momentum")),
    )
    return facts, _bytes(value for value in states if isinstance(value, Tensor))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _made_optimizer(model: Model, trained: list[nn.Parameter]) -> torch.optim.Optimizer:
    assert model.optimizer is not None
    with blamed("optimizer(parameters)"):
        optimizer = model.optimizer(trained)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise UsageError(f"optimizer(parameters) returns {a(optimizer)}; a torch.optim.Optimizer is needed")
    return optimizer
