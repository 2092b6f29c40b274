from pipebench.runtime.launch import abba


def test_blocks_run_abba() -> None:
    letters = {"baseline": "A", "pipeline": "B"}
    assert "".join(letters[kind] for kind in abba(2)) == "ABBA"
    assert "".join(letters[kind] for kind in abba(3)) == "ABBAAB"
    assert "".join(letters[kind] for kind in abba(1)) == "AB"
