"""How a user explains a part of a recording by itself: one replica, or some steps. Pure.

No option does that. A table can be cut, files can be left out, and steps of a trace can be recorded again.
"""

from collections.abc import Sequence

from pipebench.foreign.rows import Recording

_MOST = 5  # steps or files that are named


def replica_alone(recording: Recording, replica: int) -> str:
    """What to do so that only the steps of one replica are explained."""
    own = {row.file for row in recording.rows if row.replica == replica}
    alone = f"to explain replica {replica} alone"
    if any(row.file in own and row.replica != replica for row in recording.rows):
        return f"{alone}, make a table of its rows: those with {replica} in the column replica"
    return f"{alone}, name only its files: {_listed([recording.files[file].path for file in sorted(own)])}"


def steps_apart(recording: Recording, steps: Sequence[int]) -> str:
    """What to do so that these steps are explained by themselves, and all others too."""
    of = f"{'step' if len(steps) == 1 else 'steps'} {_listed([str(step) for step in steps])}"
    if recording.files[0].kind == "spans":
        return f"make two tables, one with the rows of {of} (column step) and one with all others, and explain each"
    return (
        f"record {of} and some usual steps in traces of their own (schedule=, with wait and active, of "
        "torch.profiler), and explain each"
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
