"""What a pipeline's speed-up is made of. Schema version 1, as ``schema``.

    devices 8.00  x overlap 0.68  x unequal 0.81  x ...  x unexplained 1.00  =  speed-up 3.44

Factors multiply, in their order, up to what was measured.
"""

from pipebench.records.schema import Name, Part, Positive


class WaterfallStep(Part, frozen=True):
    """One factor of a speed-up: below 1 it is lost, above 1 won; ``what`` says to what, in words.

    The first step is ``devices`` with their number, the last one ``unexplained``; the product of all is the speed-up.
    ``remedy`` is what may help, and ``gain`` how many times as fast the step is at most if it does.
    """

    step: Name
    factor: Positive
    what: str
    remedy: str | None = None
    gain: Positive | None = None
