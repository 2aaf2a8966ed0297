"""Imports point down only, and heavy ones are made late."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import clearsight.errors

PACKAGE = Path(clearsight.errors.__file__).parent
LAYERS = [
    {"errors", "contracts", "registry", "classes", "lazy", "memory", "provenance", "seeds", "text", "vision"},
    {"images"},
    {"degradations", "datasets", "restorers", "recognizers", "boltzmann", "objectives", "metrics", "rendering"},
    {"joint"},
    {"weights"},
    {"training", "inference"},
    {"evaluation", "study"},
    {"guarding", "experiments"},
    {"web"},
    {"cli"},
]
"""Packages of one layer do not import one another, but for the first."""

LEVEL = {part: level for level, layer in enumerate(LAYERS) for part in layer}
EXCEPTIONS = {("restorers.stacked", "boltzmann")}
HOMES = {"lightning": "training", "ray": "inference", "gradio": "web"}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent != PACKAGE or not path.stem.startswith("__")
}


@cache
def parsed(path: Path) -> ast.Module:
    """When a test asks, not while tests are collected, which every process does."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names that are imported anywhere in a tree, ``from a import b`` as ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts(tree: ast.AST) -> set[str]:
    """First names below ``clearsight`` that a tree imports."""
    return {name.split(".")[1] for name in imports(tree) if name.startswith("clearsight.")}


def allowed(module: str, part: str) -> bool:
    own = module.partition(".")[0]
    if part == own or (module, part) in EXCEPTIONS:
        return True
    return LEVEL[part] < LEVEL[own] or LEVEL[own] == LEVEL[part] == 0


def test_every_part_has_its_layer() -> None:
    assert {module.partition(".")[0] for module in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    imported = parts(parsed(MODULES[module])) & set(LEVEL)
    assert sorted(part for part in imported if not allowed(module, part)) == []


@pytest.mark.parametrize(("library", "home"), HOMES.items())
def test_each_framework_stays_in_its_part(library: str, home: str) -> None:
    users = [
        module
        for module, path in MODULES.items()
        if any(name.partition(".")[0] == library for name in imports(parsed(path)))
    ]
    assert [user for user in users if user.partition(".")[0] != home] == []


def test_the_public_face_imports_late() -> None:
    """Outside functions and ``if TYPE_CHECKING`` it imports nothing of clearsight."""
    face = parsed(PACKAGE / "__init__.py")
    early = [node for node in face.body if not isinstance(node, ast.FunctionDef | ast.If) and parts(node)]
    assert [ast.unparse(node) for node in early] == []


@pytest.mark.parametrize("module", ["clearsight", "clearsight.contracts", "clearsight.registry"])
def test_importing_it_imports_no_numerical_library(module: str) -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'skimage', 'PIL', 'lightning'}"
    code = f"import sys, {module}; print(*sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
