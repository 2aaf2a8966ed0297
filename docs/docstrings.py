"""What the docstrings write for people who read them in the source, made Markdown for those who read the site."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, GriffeLoader, Object

__all__ = ["Docstrings"]

_ROLE = re.compile(r":(?:class|func|meth|data):`~?([\w.]+)`")
_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)
_TABLE = re.compile(r"^ *=+ +=[= ]*\n(?:.*\n)+? *=+ +=[= ]*\n.*?^ *=+ +=[= ]*$", re.MULTILINE | re.DOTALL)


class Docstrings(Extension):
    """Cross-references become links, tables drawn with ``=`` are set as they stand, examples are code."""

    def on_object(self, *, obj: Object, loader: GriffeLoader, **kwargs: Any) -> None:
        """Translate the docstring of one thing."""
        if obj.docstring:
            words = _TABLE.sub(_as_it_stands, obj.docstring.value)
            words = _EXAMPLE.sub(r"\1Examples:", words)
            obj.docstring.value = _ROLE.sub(lambda role: _link(role[1], obj), words)


def _as_it_stands(table: re.Match[str]) -> str:
    indent = re.match(" *", table[0])
    fence = f"{indent[0] if indent else ''}```"
    return f"{fence}text\n{table[0]}\n{fence}"


def _link(name: str, thing: Object) -> str:
    """A link to what a name means where it is written; code alone where the site does not show that."""
    try:
        path = thing.resolve(name)
    except Exception:
        path = name
    return f'<autoref identifier="{path}" optional><code>{name.rpartition(".")[2]}</code></autoref>'
