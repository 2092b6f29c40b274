"""Refuses a parameter that layers share: on one device it would be one parameter, on two it is two."""

import weakref
from typing import NamedTuple

from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.parameter import is_lazy

from pipebench.errors import UsageError
from pipebench.models.own.last_word import one_line


class _Seen(NamedTuple):
    """A parameter of an earlier layer. It is not kept alive, but no other storage gets its storage's address."""

    layer: int
    name: str
    parameter: "weakref.ref[nn.Parameter]"
    storage: StorageWeakRef
    place: range  # of its bytes in the storage


def _storage(parameter: nn.Parameter) -> StorageWeakRef:
    return StorageWeakRef(parameter.untyped_storage())  # type: ignore[no-untyped-call]


def _place(parameter: nn.Parameter) -> range:
    """A parameter's range of bytes in its storage, which may hold other parameters too; one number if it is empty."""
    strides = zip(parameter.shape, parameter.stride(), strict=True)
    last = sum((size - 1) * stride for size, stride in strides) if parameter.numel() else 0
    first, size = parameter.storage_offset(), parameter.element_size()
    return range(first * size, (first + last + 1) * size)


class Sharing:
    """Finds parameters that layers share. It is shown the layers one by one, before anything is converted."""

    def __init__(self) -> None:
        self._by_storage: dict[int, list[_Seen]] = {}
        self._by_identity: dict[int, _Seen] = {}

    def look(self, layer: int, module: nn.Module) -> None:
        """Look at a layer's parameters; sharing within a layer is allowed.

        Raises:
            UsageError: An earlier layer has one of its parameters, or one in the same bytes.
        """
        for name, parameter in module.named_parameters():
            seen = None if is_lazy(parameter) else self._find(parameter)
            if seen is not None and seen.layer != layer:
                raise UsageError(
                    f"layers {seen.layer} and {layer} share a parameter ({seen.layer}.{one_line(seen.name)}): on one"
                    " device it would be one parameter, on two it is two; make a copy, or put both uses into one layer"
                )
            if not is_lazy(parameter):
                self._keep(layer, name, parameter)

    def _keep(self, layer: int, name: str, parameter: nn.Parameter) -> None:
        storage = _storage(parameter)
        seen = _Seen(layer, name, weakref.ref(parameter), storage, _place(parameter))
        self._by_identity[id(parameter)] = seen
        self._by_storage.setdefault(storage.cdata, []).append(seen)

    def _find(self, parameter: nn.Parameter) -> _Seen | None:
        same = self._by_identity.get(id(parameter))
        if same is not None and same.parameter() is parameter:
            return same
        there, place = self._by_storage.get(_storage(parameter).cdata, []), _place(parameter)
        return next(
            (s for s in there if range(max(s.place[0], place[0]), min(s.place[-1], place[-1]) + 1)), None
        )


def is_shared(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules are the same or have a parameter in common."""
    sharing = Sharing()
    try:
        sharing.look(0, one)
        sharing.look(1, other)
    except UsageError:
        return True
    return one is other
