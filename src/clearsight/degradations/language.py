"""The little language of degradations: ``gaussian(sigma=0..55/255) or poisson(peak=20) | jpeg(quality=60)``."""

from __future__ import annotations

import inspect
import re

from clearsight.degradations.step import Either, Pipeline, Step
from clearsight.errors import DegradationSyntaxError, InvalidArgumentError, UnknownNameError
from clearsight.registry import DEGRADATIONS

__all__ = ["parse"]

_OR = re.compile(r"\s+or\s+")
_CALL = re.compile(r"(?P<name>[\w-]+)\s*(?:\((?P<arguments>[^()]*)\))?")


def _arguments(text: str, call: str) -> dict[str, str]:
    arguments: dict[str, str] = {}
    for pair in filter(str.strip, text.split(",")):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise DegradationSyntaxError(f"expected key=value in {call!r}, got {pair.strip()!r}")
        if key in arguments:
            raise DegradationSyntaxError(f"{key} is given twice in {call!r}")
        arguments[key] = value
    return arguments


def _step(text: str) -> Step:
    first, *others = [_call(choice) for choice in _OR.split(text)]
    return Either(tuple(Pipeline((step,)) for step in (first, *others))) if others else first


def _call(text: str) -> Step:
    call = _CALL.fullmatch(text)
    if call is None:
        raise DegradationSyntaxError(f"expected a degradation such as gaussian(sigma=25/255), got {text!r}")
    name, cls = call["name"], DEGRADATIONS[call["name"]].cls
    arguments = _arguments(call["arguments"] or "", text)
    known = inspect.signature(cls).parameters
    for key in arguments:
        if key not in known:
            raise UnknownNameError(f"argument of {name}", key, known)
    missing = [n for n, p in known.items() if p.default is p.empty and n not in arguments]
    if missing:
        raise InvalidArgumentError(f"{name} needs {' and '.join(missing)}: {name}({missing[0]}=…)")
    step: Step = cls(**arguments)
    return step


def parse(text: str) -> Pipeline:
    """Read the string that makes a degradation; the inverse of ``str``.

    Numbers may be fractions (``25/255``) and ranges (``0..55/255``); steps are joined by ``|``. ``a or b`` is one of
    the two, drawn for each image.

    Raises:
        DegradationSyntaxError: the text does not parse.
        UnknownNameError: it names a degradation or an argument that does not exist.
        InvalidArgumentError: an argument is missing or out of range.

    Example:
        >>> str(parse("gaussian( sigma = 0..55/255 )|quantize"))
        'gaussian(sigma=0..55/255) | quantize'
    """
    return Pipeline(tuple(_step(part.strip()) for part in text.split("|")))
