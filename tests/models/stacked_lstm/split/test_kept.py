from pipebench.models.stacked_lstm.split.kept import Kept, Pool


def pool(chunks: int, made: list[Kept]) -> Pool:
    def make() -> Kept:
        made.append(Kept([], None, chunks))
        return made[-1]

    return Pool(make, microbatches=3)


def test_memory_is_a_microbatch_s_until_its_last_chunk_s_w() -> None:
    made: list[Kept] = []
    built = pool(2, made)
    first = built.of(0)
    built.done(0)
    assert built.of(0) is first
    assert built.of(1) is not first
    built.done(0)
    first.after = []
    assert built.of(2) is first
    assert (first.after, first.left) == (None, 2)
    assert len(made) == 2


def test_microbatches_one_after_another_need_the_memory_of_one() -> None:
    made: list[Kept] = []
    built = pool(1, made)
    for microbatch in (0, 1, 2, 0):
        built.of(microbatch)
        built.done(microbatch)
    assert len(made) == 1
