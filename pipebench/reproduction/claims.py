"""What is claimed of 2014, with its source: the only place where the paper's figures stand. Pure."""

from typing import Literal, NamedTuple

Reading = Literal["talk", "paper"]

TALK = 3.5
PAPER_ONE_GPU = 1700.0  # words/s, source and target words together
PAPER_EIGHT_GPUS = 6300.0
PAPER = "Sutskever, Vinyals and Le 2014, arXiv 1409.3215"
PAIRS = 12e6  # of sentences, section 3.1
SOURCE_WORDS = 304e6  # English
TARGET_WORDS = 348e6  # French


class Claim(NamedTuple):
    """A claim in words, where it stands, and the speed-up that it is."""

    reading: Reading
    text: str
    source: str
    ratio: float


CLAIMS: dict[Reading, Claim] = {
    "talk": Claim(
        "talk",
        "one layer on each of 8 GPUs: 3.5x as fast as one GPU",
        "I. Sutskever, talk at NeurIPS 2024 on sequence to sequence learning",
        TALK,
    ),
    "paper": Claim(
        "paper",
        "4 GPUs with a layer each and 4 that share the softmax: 6,300 words/s, one GPU 1,700",
        f"{PAPER}, section 3.5",
        PAPER_EIGHT_GPUS / PAPER_ONE_GPU,
    ),
}
