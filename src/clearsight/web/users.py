"""Who may use the page."""

from __future__ import annotations

import hmac
import tomllib
from collections.abc import Callable
from pathlib import Path

from clearsight.errors import InvalidArgumentError
from clearsight.text import read_text

__all__ = ["read_users"]


def read_users(path: Path) -> Callable[[str, str], bool]:
    """Read names and passwords, ``[users]`` and then ``name = "password"`` lines; keep the file to yourself.

    Returns:
        Whether a name and a password belong together.

    Raises:
        InvalidArgumentError: the file is missing or no such file.
    """
    try:
        users = tomllib.loads(read_text(path, InvalidArgumentError)).get("users")
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgumentError(f"{path} is no TOML ({error}): mend it") from None
    known = users if isinstance(users, dict) and all(isinstance(p, str) and p for p in users.values()) else {}
    if not known:
        raise InvalidArgumentError(f'{path} names nobody: expected a table [users] with lines like anna = "password"')

    def belong(name: str, password: str) -> bool:
        right = known.get(name, "")
        return hmac.compare_digest(right.encode(), password.encode()) and bool(right)

    return belong
