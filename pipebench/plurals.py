"""So many of a thing, in words."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Such as ``1 chunk``, ``8 chunks``.

    Args:
        number: of them.
        one: what one of them is called.
        many: what several are called; default: ``one`` with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
