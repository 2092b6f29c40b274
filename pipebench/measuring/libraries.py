"""Which libraries compute the products of a launch, next to those that its run found."""

from collections.abc import Mapping

from pipebench.config.run_config import RunConfig


def differ(found: Mapping[str, bool], config: RunConfig) -> bool:
    """Whether the split cells here use other libraries than those that the launch was told.

    Args:
        found: of the network, once its stages are made.
        config: what the launch was told; its own ``found`` is ``None`` if no launch has found anything yet.
    """
    told = config.found or {}
    return config.cell == "split" and any(found.get(name, best) != best for name, best in told.items())
