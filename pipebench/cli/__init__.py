"""The ``pipebench`` command: parse, call one function, print; no logic."""

from pipebench.cli.main import main

__all__ = ["main"]
