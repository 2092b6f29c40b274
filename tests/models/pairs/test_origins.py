import pytest

from pipebench.errors import UsageError
from pipebench.models.pairs.catalogs import Catalogs
from pipebench.models.pairs.files import ParallelFiles
from pipebench.models.pairs.origins import origin_of
from pipebench.models.pairs.successors import Successors
from tests.models.pairs.building import Asked


def test_each_origin_is_asked_for_by_its_options() -> None:
    assert isinstance(origin_of(Asked()), Successors)
    assert isinstance(origin_of(Asked(pairs="fr")), Catalogs)
    assert isinstance(origin_of(Asked(source="a", target="b")), ParallelFiles)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(source="a"), "--source a: the two files go together; add --target FILE"),
        (Asked(target="b"), "--target b: the two files go together; add --source FILE"),
        (
            Asked(pairs="fr", source="a"),
            "--pairs: expected no --source and --target beside it; use one or the other",
        ),
        (
            Asked(pairs="fr", target="a"),
            "--pairs: expected no --source and --target beside it; use one or the other",
        ),
        (Asked(pairs="a/b"), "--pairs 'a/b': expected a language such as fr or pt_BR"),
        (
            Asked(source="a", target="\n"),
            "--target '\\n': expected a name in printable UTF-8; rename the file",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        origin_of(asked)
    assert str(caught.value) == message


def test_more_is_read_for_larger_batches_and_vocabularies() -> None:
    few, many = (
        origin_of(Asked(source="a", target="b", batch=4096, sequence_length=100, source_vocab=number))
        for number in (100, 10_000_000)
    )
    assert isinstance(few, ParallelFiles)
    assert isinstance(many, ParallelFiles)
    assert few._source.file.most_bytes == few._target.file.most_bytes == 16 * 4 * 4096 * 101
    assert many._source.file.most_bytes == 2_560_000_000
