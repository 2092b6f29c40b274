"""CUDA_VISIBLE_DEVICES as the driver reads it."""

import pytest

from pipebench.telemetry.visible_gpus import visible

UUIDS = ["GPU-0abc-def", "GPU-1abc-def", "GPU-2abc-def", "GPU-2abd-def"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, [0, 1, 2, 3]),
        ("", []),
        (" ", []),
        ("0", [0]),
        ("2,0", [2, 0]),
        (" 2,\t1 ", [2, 1]),
        ("-1", []),
        ("1,-1,0", [1]),
        ("1,7,0", [1]),
        ("7,1", []),
        ("1,,0", [1]),
        (",1", []),
        ("1,", [1]),
        ("1,1", []),
        ("0,1,0", []),
        ("0,01", [0, 1]),
        ("01,1", []),
        ("0,9,0", [0]),  # the list has ended before
        ("+1", [1]),
        ("-0", [0]),
        ("1abc,2nd", [1, 2]),
        ("1 2", [1]),
        ("0x1", [0]),
        ("1.9", [1]),
        ("1:2", [1]),
        ("abc", []),
        ("all", []),
        ("NoDevFiles", []),
        ("99999999999999999999999", []),
        ("\u0661", []),  # a digit, and not one of C's
        ("\u00a01", []),  # nor its white space
        ("00000000000000000000000000001", [1]),
        ("GPU-1abc-def", [1]),
        ("GPU-1", [1]),
        ("GPU-1,GPU-0", [1, 0]),
        ("GPU-1, GPU-0", [1]),  # white space is no part of a UUID's beginning
        ("GPU-2ab", []),  # two begin so
        ("GPU-2abd,GPU-2ab", [3]),
        ("GPU-", []),
        ("GPU-1,GPU-1abc", []),
        ("GPU-9,GPU-1", []),
        ("GPU-1,GPU-9", [1]),
        ("GPU-1,0", [1]),
        ("0,GPU-1", [0]),
        ("gpu-1", []),
        ("1abc-def", [1]),  # no UUID without its beginning: the number 1
        ("MIG-x", ["MIG-x"]),
        ("MIG-x,MIG-y", ["MIG-x", "MIG-y"]),
        ("MIG-x,MIG-x", []),
        ("MIG-z,MIG-x", []),
        ("MIG-x,GPU-1", ["MIG-x"]),
    ],
)
def test_a_list_is_read_as_the_driver_reads_it(asked: str | None, expected: list[int | str]) -> None:
    assert visible(asked, UUIDS, {"MIG-x", "MIG-y"}.__contains__) == expected


H100 = "GPU-91c6248a-a480-018f-84bb-376353a8c5dd"

# The driver's own count (cuDeviceGetCount; 0 where cuInit fails) on a machine with one H100, driver 580.159.04.
SHOWS_IT = (
    *(
        None,
        "0",
        "00",
        "0 ",
        " 0",
        "\t0",
        "+0",
        "-0",
        "0x0",
        "0b0",
        "0.0",
        "0,",
        "0,,",
        "0,-1",
        "0,1",
        "0,99",
    ),
    *("0abc", "0 abc", "0,abc", "0;", "0-0", "0:0", "0\n", "4294967296"),
    *(H100, H100[:20], H100.upper(), f"{H100},0", f"0,{H100}", f"{H100} ", f"{H100}x", f"{H100},"),
)
HIDES_IT = (
    *(
        "",
        ",0",
        " ,0",
        "0,0",
        "-1",
        "-1,0",
        "1,0",
        "1",
        "99,0",
        "abc",
        "abc0",
        "a,0",
        "NoDevFiles",
        "none",
        "all",
    ),
    *("void", "'0'", '"0"', "\u0660", "18446744073709551616", "2147483648"),
    *(
        H100.lower(),
        H100[4:],
        "GPU-",
        "GPU-0",
        f"{H100},{H100}",
        f"{H100},{H100[:20]}",
        f" {H100}",
        f"MIG-{H100}",
    ),
    f"MIG-{H100}/0/0",
)


@pytest.mark.parametrize(
    ("asked", "count"), [*((asked, 1) for asked in SHOWS_IT), *((asked, 0) for asked in HIDES_IT)]
)
def test_a_real_driver_shows_as_many(asked: str | None, count: int) -> None:
    assert len(visible(asked, [H100], lambda _: False)) == count


def test_a_gpu_that_does_not_answer_ends_the_list() -> None:
    assert visible("0,1,2", ["GPU-0", None, "GPU-2"], bool) == [0]
    assert visible(None, ["GPU-0", None, "GPU-2"], bool) == [0, 2]
