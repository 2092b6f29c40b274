"""pipebench measures, explains, predicts and guards pipeline parallelism."""

from pipebench.models.own.model import Model

__version__ = "0.1.0"

__all__ = ["Model", "__version__"]
