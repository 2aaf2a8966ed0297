"""The little language of degradations: ``gaussian(sigma=0..55/255) | jpeg(quality=60)``."""

from __future__ import annotations

import inspect
import re

from clearsight.degradations.ranges import parse_number
from clearsight.degradations.step import Pipeline, Step
from clearsight.errors import DegradationSyntaxError, InvalidArgumentError, UnknownNameError
from clearsight.registry import DEGRADATIONS

__all__ = ["parse"]

_CALL = re.compile(r"\s*(?P<name>[\w-]+)\s*(?:\((?P<arguments>[^()]*)\))?\s*")
_NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?(/[\d.]+)?", re.IGNORECASE)


def _value(text: str) -> str | float | int | bool:
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if ".." in text or not _NUMBER.fullmatch(text):
        return text
    number = parse_number(text)
    return int(number) if number.is_integer() else number


def _step(text: str) -> Step:
    call = _CALL.fullmatch(text)
    if call is None:
        raise DegradationSyntaxError(f"expected name(key=value, …), such as gaussian(sigma=25/255), got {text.strip()!r}")
    cls = DEGRADATIONS[call["name"]].cls
    known = inspect.signature(cls).parameters
    arguments = {}
    for pair in filter(str.strip, (call["arguments"] or "").split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise DegradationSyntaxError(f"expected key=value in {text.strip()!r}, got {pair.strip()!r}")
        if key not in known:
            raise UnknownNameError(f"argument of {call['name']}", key, known)
        arguments[key] = _value(value)
    missing = [n for n, p in known.items() if p.default is p.empty and n not in arguments]
    if missing:
        raise InvalidArgumentError(f"{call['name']} needs {' and '.join(missing)}: {call['name']}({missing[0]}=…)")
    step: Step = cls(**arguments)
    return step


def parse(text: str) -> Pipeline:
    """Read the string that makes a degradation; the inverse of ``str``.

    Numbers may be fractions (``25/255``) and ranges (``0..55/255``); steps are joined by ``|``.

    Raises:
        DegradationSyntaxError: the text does not parse.
        UnknownNameError: it names a degradation or an argument that does not exist.
        InvalidArgumentError: an argument is missing or out of range.

    Example:
        >>> str(parse("gaussian( sigma = 0..55/255 )|quantize"))
        'gaussian(sigma=0..55/255) | quantize'
    """
    return Pipeline(tuple(_step(part) for part in text.split("|")))
