"""Matrix products of split parts, by the library that is fastest here.

    packed   oneDNN, weights in its own blocked layout, made once a step; by operations that torch keeps private
    onednn   oneDNN, by torch's public ``to_mkldnn``: each product copies its operands
    blas     torch's BLAS, or the GPU's: any type, any device

On AMD processors oneDNN takes half the time of MKL. The private operations may change with any version of torch. So all
three are tried first, on a small case and at the size of a layer. Those that are missing, give wrong numbers or raise
errors are left out.

A weight given to oneDNN must be a dense matrix or the transpose of one. For the transpose of only some columns of a
matrix oneDNN uses a loop that is a thousand times slower.

Shape suffixes: N rows, K summed over, M columns of the result.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

from pipebench.models.private_operations import NOT_THERE, are_right
from pipebench.models.projection import can_use_onednn

Product = Callable[[Tensor], Tensor]  # [N, K] -> [N, M], by a weight that is fixed

_ROUNDS = 5
_GAIN = 1.03  # less is noise, and the more public way stays


class Products(Protocol):
    """A library's products."""

    name: ClassVar[str]

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:
        """Make ``x -> x weight^T + bias``, valid until the weight changes; ``rows``: how many x usually has."""

    def summed(self, left_NK: Tensor, right_NM: Tensor) -> Tensor:
        """``left^T right`` [K, M], new, of dense matrices."""

    def add_summed(self, total_KM: Tensor, left_NK: Tensor, right_NM: Tensor) -> None:
        """Add ``left^T right`` to a total [K, M], in place."""


class Blas:
    """torch's usual products."""

    name: ClassVar[str] = "blas"

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:  # noqa: ARG002 - the protocol's
        """See ``Products``."""
        return lambda x_NK: linear(x_NK, weight_MK, bias_M)

    def summed(self, left_NK: Tensor, right_NM: Tensor) -> Tensor:
        """See ``Products``."""
        return torch.mm(left_NK.t(), right_NM)

    def add_summed(self, total_KM: Tensor, left_NK: Tensor, right_NM: Tensor) -> None:
        """See ``Products``; in one pass over the total."""
        total_KM.addmm_(left_NK.t(), right_NM)


class Onednn:
    """oneDNN's products, by torch's public functions alone."""

    name: ClassVar[str] = "onednn"

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:  # noqa: ARG002 - the protocol's
        """See ``Products``."""
        weight_MK = weight_MK.contiguous()
        return lambda x_NK: linear(x_NK.to_mkldnn(), weight_MK, bias_M).to_dense()

    def summed(self, left_NK: Tensor, right_NM: Tensor) -> Tensor:
        """See ``Products``."""
        return linear(left_NK.t().contiguous().to_mkldnn(), right_NM.t().contiguous()).to_dense()

    def add_summed(self, total_KM: Tensor, left_NK: Tensor, right_NM: Tensor) -> None:
        """See ``Products``."""
        total_KM.add_(self.summed(left_NK, right_NM))


class Packed:
    """oneDNN's products, by private functions: no copies, and the weight in the layout that oneDNN's kernels read."""

    name: ClassVar[str] = "packed"

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:
        """See ``Products``."""
        multiply = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
        packed = torch.ops.mkldnn._reorder_linear_weight(weight_MK, rows)  # noqa: SLF001
        return lambda x_NK: multiply(x_NK, packed, bias_M, "none", [], "")

    def summed(self, left_NK: Tensor, right_NM: Tensor) -> Tensor:
        """See ``Products``."""
        multiply = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
        result: Tensor = multiply(left_NK.t(), right_NM.t(), None, "none", [], "")
        return result

    def add_summed(self, total_KM: Tensor, left_NK: Tensor, right_NM: Tensor) -> None:
        """See ``Products``; oneDNN's own product-and-add would write a new total, which is no faster."""
        total_KM.add_(self.summed(left_NK, right_NM))


LIBRARIES: tuple[Products, ...] = (Blas(), Onednn(), Packed())  # the most public first


def found_products(library: Products) -> dict[str, bool]:
    """Which library was found to be the fastest, in a form to send to later launches, so that all use the same one."""
    return {f"{each.name}_products": each is library for each in LIBRARIES if each.name != Blas.name}


def known_products(found: Mapping[str, bool], hidden: int, batch: int) -> Products | None:
    """The library that an earlier launch or another rank found; ``None`` if none was looked for.

    If that library gives wrong numbers or raises an error here, torch's usual products are used instead.

    Args:
        found: see ``found_products``.
        hidden: features of a layer.
        batch: sequences of a microbatch.
    """
    if not found.keys() >= found_products(LIBRARIES[0]).keys():
        return None
    chosen = next((each for each in LIBRARIES if found.get(f"{each.name}_products")), LIBRARIES[0])
    return chosen if chosen is LIBRARIES[0] or _works(chosen, hidden, batch) else LIBRARIES[0]


def fastest_products(
    hidden: int,
    batch: int,
    dtype: torch.dtype,
    device: torch.device,
    *,
    clock: Callable[[], float] = time.thread_time,
) -> Products:
    """The library to use for layers of this size; its ``name`` says which it is.

    Args:
        hidden: features of a layer.
        batch: sequences of a microbatch.
        dtype: of the parameters.
        device: of the parameters.
        clock: seconds of this thread.
    """
    if not can_use_onednn(dtype, device):
        return LIBRARIES[0]
    works = [library for library in LIBRARIES if _works(library, hidden, batch)]
    timed_s = _times_s(works, hidden, batch, clock)
    best, best_s = LIBRARIES[0], float("inf")
    for library, seconds in zip(works, timed_s, strict=True):
        if seconds * _GAIN < best_s:
            best, best_s = library, seconds
    return best


def _works(library: Products, hidden: int, batch: int) -> bool:
    """Whether a library is right on small cases, and runs at the size of a layer."""
    return are_right(_small_cases(library)) and _runs(library, hidden, batch)


@torch.no_grad()
def _runs(library: Products, hidden: int, batch: int) -> bool:
    """Whether each kind of product runs at the size of a layer; an operation may refuse one that is not small."""
    both_NK, gates_NG = torch.ones(batch, 2 * hidden), torch.ones(batch, 4 * hidden)
    weight_GK = torch.ones(4 * hidden, 2 * hidden)
    try:
        library.by(weight_GK, weight_GK[:, 0].contiguous(), batch)(both_NK)
        library.by(weight_GK.t(), None, batch)(gates_NG)
        library.add_summed(library.summed(both_NK, gates_NG), both_NK, gates_NG)
    except NOT_THERE:
        return False
    return True


def _small_cases(library: Products) -> Iterator[tuple[Tensor, Tensor]]:
    """A small case of each kind of product, found and expected.

    With a bias, with a transposed weight, summed over rows, and added to a total.
    """
    draw = torch.Generator().manual_seed(1)
    x_NK, weight_MK, bias_M = (torch.randn(*shape, generator=draw) for shape in ((5, 7), (12, 7), (12,)))
    exact_NM = x_NK.double() @ weight_MK.double().t()
    yield library.by(weight_MK, bias_M, 5)(x_NK), exact_NM + bias_M
    yield library.by(weight_MK.t().contiguous().t(), None, 5)(x_NK), exact_NM
    summed_KM = library.summed(x_NK, exact_NM.float())
    yield summed_KM, x_NK.double().t() @ exact_NM
    total_KM = summed_KM.clone()
    library.add_summed(total_KM, x_NK, exact_NM.float())
    yield total_KM, summed_KM.double() * 2


@torch.no_grad()
def _times_s(libraries: list[Products], hidden: int, batch: int, clock: Callable[[], float]) -> list[float]:
    """The shortest time of a time step's product with each library; they are tried in turn."""
    weight_MK = torch.ones(4 * hidden, 2 * hidden)
    x_NK = torch.ones(batch, 2 * hidden)
    products = [library.by(weight_MK, weight_MK[:, 0].contiguous(), batch) for library in libraries]
    best_s = [float("inf")] * len(products)
    for _ in range(_ROUNDS + 1):  # the first round warms up: it is never the fastest
        for number, product in enumerate(products):
            begun = clock()
            product(x_NK)
            best_s[number] = min(best_s[number], clock() - begun)
    return best_s
