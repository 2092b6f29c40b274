"""What the process that loaded the user's layers tells of them, so that others can plan without loading them. Pure."""

import msgspec

from pipebench.models.edges import Edge


class OwnLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer, measured on a slice of the batch as the run will cut it.

    ``parameters`` counts numbers; ``parameters_bytes`` includes the buffers. ``gradients_bytes`` is of the parameters
    that are trained, ``optimizer_bytes`` of the optimizer's state after an update. ``saved_bytes`` is what a slice's
    forward keeps for its backward, apart from parameters and the layer's input. ``output`` is what the layer gives to
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
    whole_output: Edge | None = None  # for the whole batch at once; None where a slice is the whole batch


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The user's model with this run's batch, dtype and slices.

    ``reference`` is what ``--model`` was given; ``name`` is for records; ``sha256`` is of the source file's bytes.
    ``items`` has the number of items of each fixed batch in turn, and ``input_sha256`` is of these batches' bytes.
    ``time_length`` is ``None`` if the model is not cut along time. ``input`` describes a slice of the batch's input.
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
    learning_rate: float | None = None  # the optimizer's, if it has one for all parameters
    momentum: float | None = None
    draw_s: float = 0.0  # how long drawing the fixed batches took
    notices: tuple[str, ...] = ()
    linear_layers: int | None = (
        None  # how many layers' weights could have their gradients later; None if not counted
    )
