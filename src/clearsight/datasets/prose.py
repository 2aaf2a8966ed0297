"""Sentences to print: old books, of which none is in two parts, and what forms are filled in with."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

__all__ = ["entry", "invented", "sentences"]

_PARTS = {"train": (0, 1, 2, 4), "val": (3,), "test": (5, 6)}
"""Which of each seven sentences."""


@cache
def sentences(part: str) -> tuple[str, ...]:
    """Sentences of English books that are in the public domain everywhere, for ``"train"``, ``"val"`` or ``"test"``."""
    lines = files("clearsight.datasets").joinpath("prose.txt").read_text("utf-8").splitlines()
    return tuple(line for number, line in enumerate(lines) if number % 7 in _PARTS[part])


def _amount(rng: random.Random) -> str:
    return f"{rng.randint(0, 99_999):,}.{rng.randint(0, 99):02d}"


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1950, 2029)
    return rng.choice((f"{day:02d}.{month:02d}.{year}", f"{year}-{month:02d}-{day:02d}", f"{month}/{day}/{year}"))


def _number(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(0, 3)))
    return f"{letters}{'-' if letters else ''}{rng.randint(1000, 9_999_999)}"


def _name(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, weights=_FREQUENCIES, k=rng.randint(3, 9))).capitalize()


def _address(rng: random.Random) -> str:
    return f"{rng.randint(1, 250)} {_name(rng)} {rng.choice(('Street', 'Road', 'Lane', 'Square'))}, {_name(rng)}"


def _mail(rng: random.Random) -> str:
    return f"{_name(rng).lower()}@{_name(rng).lower()}.{rng.choice(('com', 'org', 'net', 'edu'))}"


_FREQUENCIES = (8, 2, 3, 4, 12, 2, 2, 6, 7, 1, 1, 4, 3, 7, 8, 2, 1, 6, 6, 9, 3, 1, 2, 1, 2, 1)
"""Of the letters a to z in English, about."""

_FIELDS: Sequence[tuple[str, Callable[[random.Random], str]]] = (
    ("Name", _name),
    ("Date", _date),
    ("Invoice No.", _number),
    ("Order", _number),
    ("Total", _amount),
    ("Amount due", _amount),
    ("Address", _address),
    ("E-mail", _mail),
    ("Reference", _number),
    ("Received on", _date),
)


def entry(rng: random.Random) -> str:
    """A line of a form: what is asked for, and an answer.

    Example:
        >>> entry(random.Random(1))
        'Invoice No.: 4280348'
    """
    asked, answer = rng.choice(_FIELDS)
    return f"{asked}: {answer(rng)}"


_KINDS: Sequence[Callable[[random.Random], str]] = (
    lambda rng: _name(rng).lower(),
    _name,
    lambda rng: _name(rng).upper(),
    _number,
    _amount,
    lambda rng: "".join(rng.choices(string.ascii_letters + string.digits + string.punctuation, k=rng.randint(1, 8))),
)


def invented(rng: random.Random, letters: int) -> str:
    """Made-up words, numbers and signs, at most so many letters: what can only be read letter by letter.

    Example:
        >>> invented(random.Random(1), 20)
        'Tseljos atisaj 3jDc'
    """
    line = rng.choice(_KINDS)(rng)[:letters]
    while len(longer := f"{line} {rng.choice(_KINDS)(rng)}") <= letters:
        line = longer
    return line
