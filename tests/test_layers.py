"""The rooms of the house: each imports only from rooms below it, and what starts in a blink never sees torch."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import pipebench
from tests.pages import ROOT as REPOSITORY

ROOT = Path(pipebench.__file__).parent

# What each room imports, wherever in a file the import stands. Of a room only rooms above it in this list are named: so
# there is no circle. A new room, or a new way from one room to another, is entered here; one that is gone is taken out.
ROOMS = {
    "errors": "",
    "warning_codes": "",
    "plurals": "",
    "statistics": "",
    "system": "errors",
    "provenance": "errors system",
    "plan": "errors system",
    "timing": "errors system plan",
    "models": "errors warning_codes plurals system provenance plan",
    "templates": "errors system models",
    "config": "errors system plan timing models",
    "records": "errors plurals statistics system plan timing models",
    "telemetry": "system timing",
    "diagnosis": "errors warning_codes plurals system plan timing models config records",
    "launching": "errors warning_codes system plan timing models config records telemetry",
    "engine": "errors system plan timing models telemetry launching",
    "measuring": "errors system provenance plan timing models config records launching engine",
    "simulate": "errors plan timing models config records telemetry",
    "comparison": "errors warning_codes plurals statistics system plan models config records telemetry diagnosis",
    "foreign": "errors warning_codes plurals system plan timing records diagnosis",
    "run": "errors plurals system plan timing models config records telemetry diagnosis launching",
    "reproduction": "errors plurals system plan timing models config records diagnosis launching run",
    "ab": "errors statistics system provenance models config records comparison run",
    "guard": "errors warning_codes plurals system provenance records telemetry comparison run ab",
    "hosts": "errors system telemetry launching measuring",
    "render": "errors warning_codes plurals statistics system plan timing models config records diagnosis comparison "
    "run reproduction",
    "cli": "errors warning_codes plurals system plan timing models templates config records diagnosis launching "
    "simulate comparison foreign run reproduction ab guard hosts render",
}

# torch may be imported at module level in these rooms alone, and there not by these modules.
WITH_TORCH = {
    "engine": {"interleaving"},
    "measuring": {"allocator", "blocks", "launch", "torch_check"},
    "models": {
        *(
            "edges",
            "kind",
            "layout",
            "outline",
            "partition",
            "references",
            "registry",
            "shards",
            "tolerances",
            "word_outline",
        ),
        *("text", "pairs", "stacked_lstm.kind", "stacked_lstm.outline", "seq2seq.kind", "seq2seq.outline"),
        *("transformer.kind", "transformer.outline"),
        *("own.description", "own.kind", "own.last_word", "own.model", "own.outline"),
    },
}


def name_of(path: Path) -> str:
    """``pipebench/plan/graph.py`` -> ``pipebench.plan.graph``."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def targets(node: ast.stmt) -> Iterator[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        assert node.module is not None
        yield node.module
        submodules = (f"{node.module}.{alias.name}" for alias in node.names)
        yield from (name for name in submodules if name in MODULES)


def run_on_import(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported: no function bodies, no ``if TYPE_CHECKING``."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from run_on_import(node.orelse)
            continue
        for block in ("body", "orelse", "finalbody"):
            yield from run_on_import(getattr(node, block, []))
        for handler in getattr(node, "handlers", []):
            yield from run_on_import(handler.body)


@cache
def imports(module: str) -> frozenset[str]:
    """All that a module imports, anywhere in it."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    return frozenset(target for node in ast.walk(tree) for target in targets(node))


@cache
def imports_when_imported(module: str) -> frozenset[str]:
    """What is imported with a module, the packages that it lies in included."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    named = {target for node in run_on_import(tree.body) for target in targets(node)}
    parents = {".".join(name.split(".")[:depth]) for name in named for depth in range(1, name.count(".") + 2)}
    return frozenset(named | parents)


def room_of(module: str) -> str:
    """``pipebench.plan.graph`` -> ``plan``; the package itself is ``pipebench``."""
    return module.split(".")[1] if "." in module else module


def rooms_imported(module: str) -> set[str]:
    """The rooms of pipebench that a module imports, its own and the package's version left out."""
    found = {room_of(target) for target in imports(module) if target.split(".")[0] == "pipebench"}
    return found - {room_of(module), "pipebench"}


def way_to_torch(module: str) -> list[str]:
    """How a module's import reaches torch, empty if it does not."""
    ways = {module: [module]}
    queue = [module]
    while queue:
        current = queue.pop()
        for target in imports_when_imported(current):
            if target.split(".")[0] == "torch":
                return [*ways[current], target]
            if target in MODULES and target not in ways:
                ways[target] = [*ways[current], target]
                queue.append(target)
    return []


def is_pure(module: str) -> bool:
    room, name = room_of(module), ".".join(module.split(".")[2:])
    return room not in WITH_TORCH or any(f"{name}.".startswith(f"{pure}.") for pure in WITH_TORCH[room])


@pytest.mark.parametrize("module", [module for module in MODULES if is_pure(module)])
def test_pure_module_imports_no_torch(module: str) -> None:
    assert way_to_torch(module) == []


def test_torch_is_found_where_it_is() -> None:
    """The search itself works: the executor imports torch, and so does whoever imports the executor."""
    assert way_to_torch("pipebench.engine.executor")[-1].startswith("torch")
    assert len(way_to_torch("pipebench.engine.emulator")) >= 2


@pytest.mark.parametrize("module", [f"{room}.{name}" for room, names in WITH_TORCH.items() for name in names])
def test_every_pure_module_is_there(module: str) -> None:
    assert f"pipebench.{module}" in MODULES


def test_every_room_is_entered() -> None:
    assert {room_of(module) for module in MODULES} == {*ROOMS, "pipebench", "__main__"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_is_entered(room: str) -> None:
    entered = set(ROOMS[room].split())
    found = {
        target: module for module in MODULES if room_of(module) == room for target in rooms_imported(module)
    }
    new = {target: module for target, module in found.items() if target not in entered}
    assert not new, f"imports that ROOMS does not list, and a module that has each: {new}"
    assert not entered - found.keys(), "ROOMS lists imports that nothing has"


def test_imports_go_down_only() -> None:
    rooms = list(ROOMS)
    for place, room in enumerate(rooms):
        assert set(ROOMS[room].split()) <= set(rooms[:place]), room


def test_the_picture_of_the_house_is_the_house() -> None:
    """ARCHITECTURE has a line for each room, which begins with its name; what a room imports stands below it."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Rooms")[1].split("\n## ")[0]
    drawn = re.findall(r"^    (\w+)  ", text, re.MULTILINE)
    assert sorted(drawn) == sorted(ROOMS)
    for place, room in enumerate(drawn):
        assert set(ROOMS[room].split()) <= set(drawn[place + 1 :]), room


def test_no_module_is_called_utils() -> None:
    words = {"utils", "util", "helpers", "misc", "common"}
    assert [module for module in MODULES if set(module.split(".")) & words] == []


@pytest.mark.parametrize(
    "module",
    [
        "pipebench.cli",
        "pipebench.run.experiment",
        "pipebench.launching.launcher",
        "pipebench.timing.simulator",
    ],
)
def test_importing_an_entry_point_leaves_torch_alone(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'scipy', 'matplotlib'}} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["simulate", "--stages", "2", "--json"]])
def test_commands_that_measure_nothing_leave_torch_alone(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom pipebench.cli.main import run\n"
        f"code = run({arguments!r})\nprint(code, 'torch' in sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout
    assert ended.stderr.split() == ["0", "False"]
