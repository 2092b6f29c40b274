"""What a process that has loaded the user's layers tells of them, so that no other one need load them. Pure."""

import msgspec

from pipebench.models.edges import Edge


class OwnLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer, measured on a slice of the batch as the run will cut it.

    ``parameters`` counts numbers; ``parameters_bytes`` has the buffers too; ``gradients_bytes`` is that of the
    parameters that are trained; ``optimizer_bytes`` is the optimizer's state after an update; ``saved_bytes`` what a
    slice's forward keeps for its backward, apart from parameters and the layer's input; ``output`` is what it gives to
    the next one.
    """

    name: str
    parameters: int
    parameters_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    saved_bytes: int
    stateful: bool
    slice_s: float = 0.0  # a forward and a backward of a slice, as measured
    output: Edge
    whole_output: Edge | None = None  # of the whole batch at once, where that is another one


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The user's model with this run's batch, dtype and slices.

    ``reference`` is what ``--model`` was given; ``name`` is for records; ``sha256`` is of the source file's bytes.
    ``items`` are those of each of the fixed batches in turn, ``input_sha256`` is of these batches' bytes.
    ``time_length`` is ``None`` where the model is not cut along time. ``input`` is a slice of the batch's input.
    """

    reference: str
    name: str
    sha256: str
    unit: str
    layers: tuple[OwnLayer, ...]
    batch: int
    time_length: int | None
    microbatches: int
    chunks: int
    input: Edge
    items: tuple[float, ...]
    input_sha256: str
    optimizer: str  # its class's name; empty for plain SGD
    learning_rate: float | None = None  # the optimizer's, where it has one for all parameters
    momentum: float | None = None
    draw_s: float = 0.0  # what drawing the fixed batches took
    notices: tuple[str, ...] = ()
