from tests.cli.conftest import pipebench

__all__ = ["pipebench"]
