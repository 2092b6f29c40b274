"""A model is found by its reference, and what its file imports is imported as a script of the user's would."""

import hashlib
import os
import pickle
import sys
from pathlib import Path

import pytest
import torch

from pipebench import Model
from pipebench.models.own.loading import load, load_source
from tests.models.own.model_files import GOOD, written

pytestmark = pytest.mark.usefixtures("imports_undone")


@pytest.mark.parametrize("name", ["m", "build"])
@pytest.mark.parametrize(
    "place", ["blocks.py", "./blocks.py", "blocks", "deep/er/blocks.py", "deep.er.blocks"]
)
def test_a_model_is_found(place: str, name: str) -> None:
    written(GOOD, f"{place.replace('.', '/').removesuffix('/py').lstrip('/')}.py")
    found = load_source(f"{place}:{name}", seed=3)
    assert isinstance(found.model, Model)
    assert found.name == f"blocks:{name}"
    assert found.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert found.path.samefile(found.path.parent / "blocks.py")


def test_a_name_of_its_own() -> None:
    written(f"{GOOD}\nnamed = make(name='tiny blocks')")
    assert load_source("blocks.py:named", seed=1).name == "tiny blocks"


def test_torch_is_seeded_before_the_file_and_before_the_function() -> None:
    written(GOOD)
    torch.manual_seed(5)
    expected = torch.rand(3).tolist()
    load("blocks.py:build", seed=5)
    module = sys.modules["blocks"]
    assert module.drawn == expected
    assert module.again == [expected]


def test_siblings_are_found_now_and_later() -> None:
    written("width = 3", "deep/sibling.py")
    written("width = 4", "deep/later_sibling.py")
    written(
        f"import sibling\n{GOOD}\ndef late():\n    import later_sibling\n    return make()", "deep/blocks.py"
    )
    load("deep/blocks.py:late", seed=1)
    assert sys.path[0] == str(Path("deep").resolve())
    load("deep/blocks.py:late", seed=1)
    assert sys.path.count(str(Path("deep").resolve())) == 1


def test_classes_of_the_file_can_be_pickled_and_be_dataclasses() -> None:
    text = "from dataclasses import dataclass\n@dataclass\nclass Box:\n    size: 'int' = 3\nbox = Box()\n"
    written(text + GOOD)
    load("blocks.py:m", seed=1)
    box = sys.modules["blocks"].box
    assert pickle.loads(pickle.dumps(box)) == box


@pytest.mark.parametrize("stem", ["random", "torch", "pipebench", "profile", "__main__", "my.blocks"])
def test_no_other_module_is_shadowed(stem: str) -> None:
    before = sys.modules.get(stem)
    written(f"me = __name__\n{GOOD}", f"{stem}.py")
    load(f"{stem}.py:m", seed=1)
    assert sys.modules.get(stem) is before
    name = f"pipebench_own_{stem.replace('.', '_')}"
    assert sys.modules[name].me == name


def test_a_changed_file_is_never_taken_from_a_cache() -> None:
    path = written(GOOD.replace("Linear(3, 3)", "Linear(3, 4)"))
    stamp = path.stat()
    assert load("blocks.py:m", seed=1).layers[0].out_features == 4
    written(GOOD.replace("Linear(3, 3)", "Linear(3, 5)"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert load("blocks.py:m", seed=1).layers[0].out_features == 5


def test_a_file_name_with_colons() -> None:
    written(GOOD, "a:b.py")
    assert load("a:b.py:m", seed=1)
