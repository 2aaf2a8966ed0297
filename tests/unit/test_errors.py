"""The page of errors is whole, and its messages say what to do."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from clearsight import errors

PACKAGE = Path(errors.__file__).parent


def public_classes() -> set[str]:
    return {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__ and not name.startswith("_")
    }


def test_the_page_lists_every_error() -> None:
    assert errors.__all__ == sorted(public_classes())


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_one_root_and_a_docstring(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, errors.ClearsightError)
    assert error.__doc__
    assert error.__doc__.strip().partition("\n")[0].endswith((".", "lists them."))


def test_no_other_module_has_errors_of_its_own() -> None:
    elsewhere = [
        f"{path.relative_to(PACKAGE)}: {node.name}"
        for path in PACKAGE.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Exception"))
    ]
    assert elsewhere == []


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.InvalidArgumentError, ValueError),
        (errors.UnknownNameError, LookupError),
        (errors.MissingExtraError, ImportError),
        (errors.ImageReadError, OSError),
        (errors.ImageWriteError, OSError),
    ],
)
def test_errors_are_also_what_python_would_raise(error: type, builtin: type) -> None:
    assert issubclass(error, builtin)


def test_a_missing_extra_tells_how_to_install_it() -> None:
    assert "pip install 'clearsight[bm3d]'" in str(errors.MissingExtraError("BM3D", "bm3d"))


def test_an_unknown_name_suggests_or_lists() -> None:
    assert str(errors.UnknownNameError("model", "dnccn", ["ffdnet", "dncnn"])).endswith("did you mean 'dncnn'?")
    assert str(errors.UnknownNameError("model", "x", ["ffdnet", "dncnn"])).endswith("there is: dncnn, ffdnet.")
    assert str(errors.UnknownNameError("model", "x", [])).endswith("there is: none.")


def test_a_batch_error_counts_and_keeps_its_failures() -> None:
    error = errors.BatchError([("a.png", "truncated"), ("b.png", "empty")], total=5)
    assert str(error) == "2 of 5 files failed"
    assert error.failures == [("a.png", "truncated"), ("b.png", "empty")]
