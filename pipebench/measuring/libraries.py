"""Which libraries compute the products of a launch: on all ranks those that rank 0 found, or the run before."""

from collections.abc import Mapping

import msgspec
import torch

from pipebench.engine.gathering import spread_text
from pipebench.engine.stages import find_libraries
from pipebench.launching import messages
from pipebench.models.network import Network
from pipebench.models.registry import network_for

Found = dict[str, bool]


def agreed(
    network: Network, job: messages.Job, rank: int, device: torch.device | None
) -> tuple[Network, Found]:
    """This rank's network with the libraries of rank 0, and what these are. Collective.

    Each rank would find its own by times, which differ by noise. A library that does not work on this rank is not used
    here all the same.

    Args:
        network: of this rank, as the job makes it.
        job: of the launch.
        rank: of this process.
        device: of this rank.
    """
    if rank == 0 and job.config.cell == "split":
        find_libraries(network, job.config.microbatches, device)
    found = msgspec.json.decode(
        spread_text(msgspec.json.encode(network.found) if rank == 0 else None), type=Found
    )
    if rank == 0 or found == (job.config.found or {}) or found.items() <= network.found.items():
        return network, found
    return network_for(msgspec.structs.replace(job.config, found=found), job.data), found


def differ(found: Mapping[str, bool], told: Mapping[str, bool], cell: str) -> bool:
    """Whether split cells use other libraries than those that were told.

    Args:
        found: of the network, once its stages are made.
        told: what the run found before, or rank 0 just now.
        cell: how backwards are computed: ``fused`` or ``split``.
    """
    return cell == "split" and any(found.get(name, best) != best for name, best in told.items())
