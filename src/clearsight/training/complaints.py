"""What jsonargparse says about a recipe, in one sentence."""

from __future__ import annotations

import re

__all__ = ["complaint"]

_KEY = re.compile(r'Parser key "(?P<key>.+)":')
_CLASS = re.compile(r"Problem with given class_path '(?P<path>.+)':")
_NOISE = re.compile(
    r"Does not validate|Subtypes:|Errors:|Expected a <class 'NoneType'>|Given value|Subclass types expect"
    r"|a class path \(str\)|a dict with"
)
_LONGEST = 300


def complaint(error: Exception) -> str:
    r"""The key that is wrong and why, out of the nested report of everything that was tried.

    Example:
        >>> complaint(ValueError("Problem with given class_path 'a.Net':\n    Option 'width' is not accepted"))
        "a.Net: Option 'width' is not accepted"
    """
    keys, paths, said = [], [], []
    for line in (line.strip().removeprefix("- ") for line in str(error).splitlines()):
        if key := _KEY.fullmatch(line):
            keys.append(key["key"])
        elif path := _CLASS.fullmatch(line):
            paths.append(path["path"])
        elif not _NOISE.match(line):
            said.append(line)
    parts = [".".join(keys), *paths[-1:], " ".join(" ".join(said).split())]
    return ": ".join(filter(None, parts))[:_LONGEST]
