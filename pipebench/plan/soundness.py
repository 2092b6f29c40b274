"""Whether a plan is sound, computed in arrays. ``check`` asks this first, since most plans are sound.

Importing this module imports numpy.
"""

import numpy as np

from pipebench.plan.actions import SENDS
from pipebench.plan.ends import Ends
from pipebench.plan.flat import Flat, flat_of
from pipebench.plan.numbers import NONE, Whole, are
from pipebench.plan.plan import Plan


def is_sound(plan: Plan) -> bool:
    """Whether the plan runs each action once, on its device and after its inputs, and its transfers match, if any."""
    flat = flat_of(plan)
    if len(flat.lengths) != plan.graph.devices or not _is_complete(flat) or not _is_in_order(flat):
        return False
    return bool(flat.computes.all()) or _match(flat)


def _is_complete(flat: Flat) -> bool:
    """Whether the plan has each action of the graph once, on its device, and no other action."""
    places, numbers = flat.units
    if (numbers == NONE).any() or (flat.numbering.devices[numbers] != flat.device[places]).any():
        return False
    times = np.bincount(numbers, minlength=flat.numbering.total)
    return bool((times == flat.numbering.exist).all())


def _is_in_order(flat: Flat) -> bool:
    """Whether each action stands after its inputs on the same device, or in a cell with them."""
    of, (consumer, producer) = flat.numbering.devices, flat.numbering.inputs
    late = flat.place[producer] > flat.place[consumer]
    return not (late & (of[producer] == of[consumer])).any()


def _match(flat: Flat) -> bool:
    """Whether each message has one send and one receive, both on the right device and in place.

    Between two devices all sends and all receives must have the same order.
    """
    places = np.flatnonzero(~flat.computes)
    columns = flat.columns.where(~flat.computes)
    message = Ends(flat.numbering).message(columns)
    if (message == NONE).any():
        return False
    of, (consumer, producer) = flat.numbering.devices, flat.numbering.messages
    sends = are(columns, SENDS)
    sent, received = places[sends], places[~sends]
    sent_is, received_is = message[sends], message[~sends]
    times = [np.bincount(each, minlength=len(consumer)) for each in (sent_is, received_is)]
    return bool(
        (times[0] == 1).all()
        and (times[1] == 1).all()
        and (of[producer][sent_is] == flat.device[sent]).all()
        and (of[consumer][received_is] == flat.device[received]).all()
        and (flat.place[producer[sent_is]] < sent).all()
        and (flat.place[consumer[received_is]] > received).all()
        and (_by_pair(flat, sent_is) == _by_pair(flat, received_is)).all()
    )


def _by_pair(flat: Flat, messages: Whole) -> Whole:
    """The messages grouped by sender and receiver, in the order of the plan within each group."""
    of, (consumer, producer) = flat.numbering.devices, flat.numbering.messages
    pair = of[producer] * flat.numbering.graph.devices + of[consumer]
    return messages[np.argsort(pair[messages], kind="stable")]
