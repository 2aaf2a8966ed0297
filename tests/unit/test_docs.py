"""The documents say what the runs said and what the code is, and link to what is there."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import typer.main
import yaml

from clearsight.cli.main import app
from clearsight.registry import RESTORERS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = sorted(DOCS.rglob("*.md"))
VERBS = typer.main.get_command(app)
PAGES = [*sorted(ROOT.glob("*.md")), *SITE]
PACKAGES = {path.parent.name for path in (ROOT / "src" / "clearsight").glob("*/__init__.py")}
PUBLIC = sorted(PACKAGES - {"cli"} | {"contracts", "errors", "registry"})


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The code of a language in a page."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def with_blocks(language: str) -> pytest.MarkDecorator:
    """For each page that has code of a language."""
    return pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, language)], ids=name_of)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """A script of docs/, which finds its neighbours as it does when it is run."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module(request.param)


scripts = pytest.mark.parametrize("script", ["charts", "diagram", "tables"], indirect=True)


def generated(script: ModuleType) -> dict[Path, str]:
    if script.__name__ == "tables":
        return {page: script.filled(page.read_text(encoding="utf-8")) for page in script.PAGES}
    return script.charts() if script.__name__ == "charts" else {script.FILE: script.diagram()}


@scripts
def test_what_is_generated_is_up_to_date(script: ModuleType) -> None:
    files = generated(script)
    stale = [name_of(path) for path, text in files.items() if path.read_text(encoding="utf-8") != text]
    assert files
    assert not stale, f"run python docs/{script.__name__}.py"


def test_commands_of_results_name_no_path_of_a_machine() -> None:
    results = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "results").rglob("*.json")]
    commands = [result["command"] for result in results if "command" in result]
    assert len(commands) > 50
    assert [command for command in commands if re.search(r"(?<!\S)/(?!usr/share/)", command)] == []


@pytest.mark.parametrize("script", ["generated"], indirect=True)
def test_a_check_tells_what_is_out_of_date(script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(script, "ROOT", tmp_path)
    files = {tmp_path / "old.md": "new", tmp_path / "same.md": "same"}
    for path in files:
        path.write_text("same", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["tables.py", "--check"])
    with pytest.raises(SystemExit, match=r"^old\.md: out of date; run python tables\.py$"):
        script.settle(files, None)
    monkeypatch.setattr(sys, "argv", ["tables.py"])
    script.settle(files, None)
    assert [path.read_text(encoding="utf-8") for path in files] == ["new", "same"]


@pytest.mark.parametrize("script", ["tables"], indirect=True)
def test_a_table_that_cannot_be_written_is_an_error(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=r"no table is named sped; there is: .*adaptation, architectures, "):
        script.filled("<!-- table: sped -->\n<!-- end -->")
    monkeypatch.setattr(script, "result_file", lambda run: tmp_path / f"{run}.json")
    with pytest.raises(SystemExit, match=r"the table speed needs results/speed\.json: run python benchmarks/speed\.py"):
        script.filled("<!-- table: speed -->\n<!-- end -->")


@pytest.mark.parametrize("script", ["diagram"], indirect=True)
def test_the_diagram_leaves_out_what_follows_and_goes_around_boxes(script: ModuleType) -> None:
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert script.essential(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert script.rows(graph) == [["a"], ["b"], ["c"]]
    boxes = [(100.0, 0.0), (100.0, 50.0), (100.0, 100.0)]
    way = script.route(boxes[0], boxes[2], boxes)
    assert (way[0][0], way[-1][0]) == (100, 100)
    assert [x for x, _ in way[1:-1]] == [100 + script.HALF_BOX + script.CLEARANCE] * 2


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [page.parent / link for link in links if "://" not in link]
    assert [str(target) for target in inside if not target.exists()] == []
    if page in SITE:
        assert [str(target) for target in inside if DOCS not in target.resolve().parents] == []


def test_every_page_is_in_the_menu() -> None:
    menu = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    def leaves(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        for inner in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            yield from leaves(inner)

    assert sorted(leaves(menu)) == sorted(str(page.relative_to(DOCS)) for page in SITE)


@pytest.mark.parametrize("part", PUBLIC)
def test_every_public_part_has_a_page(part: str) -> None:
    assert f"::: clearsight.{part}\n" in (DOCS / "api" / f"{part}.md").read_text(encoding="utf-8")


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each call of clearsight in a page, from the verb on."""
    for block in blocks(page, "sh"):
        lines = [line.partition(" #")[0] for line in block.replace("\\\n", " ").splitlines()]
        for call in (call for line in lines for call in re.split("&&|;", line)):
            words = shlex.split(call.replace("python -m clearsight", "clearsight"))
            if words[:1] == ["clearsight"]:
                yield words[1:]


@with_blocks("sh")
def test_commands_are_those_there_are(page: Path) -> None:
    for words in commands(page):
        assert_known(words)


def assert_known(words: list[str]) -> None:
    """Verb and options are some that there are."""
    command = VERBS
    while hasattr(command, "commands"):
        command, *words = command.commands[words[0]], *words[1:]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    given = {word for word in words if re.fullmatch("--?[a-z][a-z_-]*", word)}
    assert given <= known, command.name


def test_every_verb_shows_an_example_that_there_is() -> None:
    whole = VERBS
    verbs = [verb for one in whole.commands.values() for verb in getattr(one, "commands", {one.name: one}).values()]
    for verb in verbs:
        words = shlex.split(verb.epilog.removeprefix("Example: "))
        assert words[0] == "clearsight"
        assert verb.name in words[1:3]
        assert_known(words[1:])


@with_blocks("python")
def test_python_imports_what_there_is(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("clearsight"):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "clearsight":
                assert hasattr(importlib.import_module("clearsight"), node.attr)


def classes(content: object) -> Iterator[tuple[str, dict[str, object]]]:
    """What a recipe makes: import path and arguments."""
    if isinstance(content, dict):
        if "class_path" in content:
            yield content["class_path"], content.get("init_args", {})
        content = list(content.values())
    for inner in content if isinstance(content, list) else ():
        yield from classes(inner)


@with_blocks("yaml")
def test_recipes_name_classes_and_arguments_that_there_are(page: Path) -> None:
    for block in blocks(page, "yaml"):
        for path, arguments in classes(yaml.safe_load(block)):
            module, _, name = path.rpartition(".")
            if module.startswith("clearsight"):
                known = inspect.signature(getattr(importlib.import_module(module), name)).parameters
                assert arguments.keys() <= known.keys(), path


PROGRAMS = [*sorted((ROOT / "benchmarks").glob("*.py")), *sorted((ROOT / "examples").glob("*.py"))]


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
def test_programs_find_what_they_import(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are run by hand, so that nobody else would notice."""
    monkeypatch.syspath_prepend(program.parent)
    assert importlib.import_module(program.stem).__doc__


NUMBER = re.compile(r"\d+\.\d+")


@pytest.mark.parametrize("script", ["gallery"], indirect=True)
@pytest.mark.parametrize("name", ["noisy_photograph", "strokes_over_digits", "half_digits", "enlarged", "own_restorer"])
def test_the_gallery_says_what_its_code_gives(script: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of its examples that take seconds."""
    monkeypatch.setattr(RESTORERS, "_entries", dict(RESTORERS._entries))
    said = script.PAGE.read_text(encoding="utf-8").split(f"(gallery/{name}.webp)\n\n")[1].split("\n")[0]
    found = script.scores(getattr(script, name)())
    assert NUMBER.sub("#", found) == NUMBER.sub("#", said)
    assert [*map(float, NUMBER.findall(found))] == pytest.approx([*map(float, NUMBER.findall(said))], abs=0.2)
