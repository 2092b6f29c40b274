from pipebench.config.divisors import divisor_above, largest_divisor


def test_the_nearest_divisors_below_and_above() -> None:
    for size in range(1, 65):
        for limit in range(1, 70):
            divisors = [value for value in range(1, size + 1) if size % value == 0]
            assert largest_divisor(size, limit) == max(value for value in divisors if value <= limit)
            if limit <= size:
                assert divisor_above(size, limit) == min(value for value in divisors if value >= limit)


def test_a_large_size_takes_no_time() -> None:
    assert largest_divisor(10**9 + 7, 10**6) == 1
    assert divisor_above(10**9 + 7, 2) == 10**9 + 7
