"""``python -m pipebench`` is the ``pipebench`` command."""

from pipebench.cli import main

if __name__ == "__main__":
    main()
