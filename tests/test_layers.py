"""Imports go down only, and what starts in a blink never sees torch.

cli > render, experiment > runtime > records > timing > plan > errors
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import pipebench

ROOT = Path(pipebench.__file__).parent

# What must not be imported, whether at module level or inside a function.
FORBIDDEN = {
    "errors": {"*"},
    "names": {"*"},
    "references": {"*"},
    "copies": {"*"},
    "origins": {"runtime", "render", "cli", "models", "experiment", "records", "ab"},
    "left_out": {"runtime", "render", "cli", "models", "experiment", "records", "ab"},
    "pasting": {"*"},
    "collection": {"*"},
    "config_file": {"runtime", "render", "cli", "models", "experiment", "records", "plan", "timing"},
    "places": {"plan", "timing", "records", "runtime", "models", "render", "cli", "experiment"},
    "plan": {"timing", "records", "runtime", "models", "render", "cli", "experiment"},
    "timing": {"records", "runtime", "models", "render", "cli", "experiment"},
    "statistics": {"*"},
    "templates": {"timing", "records", "runtime", "models", "render", "cli", "experiment"},
    "records": {"runtime", "render", "cli", "experiment"},
    "models": {"runtime", "render", "cli", "experiment", "records", "config", "partition", "timing"},
    "partition": {"runtime", "render", "cli", "experiment", "records"},
    "config": {"runtime", "render", "cli", "experiment", "records"},
    "resolving": {"runtime", "render", "cli", "experiment", "records"},
    "fitting": {"runtime", "render", "cli", "experiment", "records"},
    "describing": {"render", "cli", "experiment"},
    "memory_sizes": {"runtime", "render", "cli", "experiment", "records", "models", "plan", "timing"},
    "tolerances": {"*"},
    "warning_codes": {"*"},
    "leash": {"*"},
    "refusals": {"runtime", "render", "cli", "models", "experiment", "records"},
    "rendezvous": {"runtime", "render", "cli", "models", "experiment", "records", "plan", "timing"},
    "encodings": {"*"},
    "divisors": {"*"},
    "listener": {"*"},
    "ending": {"runtime", "render", "cli", "models", "experiment"},
    "reasons": {"*"},
    "devices": {"runtime", "render", "cli", "experiment"},
    "accuracy": {"runtime", "render", "cli", "models", "experiment"},
    "budget": {"runtime", "render", "cli", "experiment"},
    "comparison": {"runtime", "render", "cli", "models", "experiment"},
    "diagnosis": {"runtime", "render", "cli", "experiment"},
    "foreign": {"runtime", "render", "cli", "experiment", "models", "comparison"},
    "summary": {"runtime", "render", "cli", "models", "experiment"},
    "telemetry": {"runtime", "render", "cli", "models", "experiment", "records"},
    "runtime": {"render", "cli", "experiment"},
    "experiment": {"render", "cli"},
    "local_link": {"render", "cli", "experiment"},
    "ab": {"render", "cli", "runtime", "models", "experiment"},
    "guard": {"render", "cli", "runtime", "models", "experiment"},
    "reproduction": {"render", "cli"},
    "render": {"runtime", "cli", "experiment"},
}

# No torch at module level, directly or through what is imported there.
PURE = (
    *(
        "plan",
        "timing",
        "statistics",
        "records",
        "partition",
        "config",
        "resolving",
        "tolerances",
        "warning_codes",
        "budget",
        "summary",
    ),
    *("errors", "telemetry", "runtime.launcher", "runtime.messages", "runtime.process"),
    *("models.text", "models.pairs", "models.edges", "models.outline", "models.kind", "models.registry"),
    *("models.stacked_lstm.outline", "models.stacked_lstm.kind"),
    *(
        "models.own.model",
        "models.own.last_word",
        "models.own.description",
        "models.own.outline",
        "models.own.kind",
    ),
    *("comparison", "experiment", "cli", "render", "dry_run", "simulation", "signals", "recording"),
    "recorded_config",
    *("devices", "accuracy", "ab", "guard", "templates", "leash", "diagnosis", "rendezvous", "local_link"),
    *(
        "divisors",
        "fitting",
        "describing",
        "memory_sizes",
        "reasons",
        "listener",
        "ending",
        "encodings",
        "supervision",
        "names",
        "references",
        "copies",
        "origins",
        "left_out",
        "pasting",
        "collection",
        "config_file",
        "places",
        "reproduction",
        "foreign",
    ),
    *("runtime.faults", "runtime.heartbeat", "runtime.allocator", "runtime.torch_check", "refusals"),
)


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


def layer_of(module: str) -> str:
    """``pipebench.plan.graph`` -> ``plan``; the package itself is ``pipebench``."""
    return module.split(".")[1] if "." in module else module


def layers_imported(module: str) -> set[str]:
    """The layers of pipebench that a module imports, its own and the package's version left out."""
    found = {layer_of(target) for target in imports(module) if target.split(".")[0] == "pipebench"}
    return found - {layer_of(module), "pipebench"}


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


def pure_modules() -> list[str]:
    return [
        module
        for module in MODULES
        if any(f"{module}.".startswith(f"pipebench.{pure}.") for pure in PURE) or module == "pipebench"
    ]


@pytest.mark.parametrize("module", pure_modules())
def test_pure_module_imports_no_torch(module: str) -> None:
    assert way_to_torch(module) == []


def test_torch_is_found_where_it_is() -> None:
    """The search itself works: the executor imports torch, and so does whoever imports the executor."""
    assert way_to_torch("pipebench.runtime.executor")[-1].startswith("torch")
    assert len(way_to_torch("pipebench.runtime.emulator")) >= 2


@pytest.mark.parametrize("name", PURE)
def test_every_pure_part_is_there(name: str) -> None:
    assert f"pipebench.{name}" in MODULES


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_imports_go_down_only(layer: str) -> None:
    modules = [module for module in MODULES if layer_of(module) == layer]
    assert modules
    for module in modules:
        found = layers_imported(module)
        wrong = found if FORBIDDEN[layer] == {"*"} else found & FORBIDDEN[layer]
        assert not wrong, f"{module} imports {sorted(wrong)}"


@pytest.mark.parametrize(
    ("layer", "below"), [("plan", {"errors", "collection"}), ("timing", {"plan", "errors", "collection"})]
)
def test_plan_and_timing_stand_on_little(layer: str, below: set[str]) -> None:
    modules = [module for module in MODULES if layer_of(module) == layer]
    assert {found for module in modules for found in layers_imported(module)} == below


def test_layers_have_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        graph.setdefault(layer_of(module), set()).update(layers_imported(module))
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"layers import each other: {error.args[1]}")
    assert order.index("errors") < order.index("plan") < order.index("timing") < order.index("records")
    assert order.index("records") < order.index("runtime") < order.index("experiment") < order.index("cli")


def test_only_the_command_line_imports_itself_and_render() -> None:
    for module in MODULES:
        if layer_of(module) not in {"cli", "__main__"}:
            assert "cli" not in layers_imported(module), module
        if layer_of(module) not in {"cli", "render"}:
            assert "render" not in layers_imported(module), module


def test_no_module_is_called_utils() -> None:
    words = {"utils", "util", "helpers", "misc", "common"}
    assert [module for module in MODULES if set(module.split(".")) & words] == []


@pytest.mark.parametrize(
    "module",
    ["pipebench.cli", "pipebench.experiment", "pipebench.runtime.launcher", "pipebench.timing.simulator"],
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
