"""pipebench measures, explains, predicts and guards pipeline parallelism."""

__version__ = "0.1.0"

__all__ = ["__version__"]
