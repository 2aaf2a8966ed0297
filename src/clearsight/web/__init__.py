"""The page: drop an image, move the slider, download; the same files and the same sentences as the command's."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from clearsight.errors import MissingExtraError

if TYPE_CHECKING:
    from clearsight.web.limits import Limits
    from clearsight.web.server import application, serve
    from clearsight.web.users import read_users
    from clearsight.web.worker import Worker

__all__ = ["Limits", "Worker", "application", "read_users", "serve"]

_HOMES = {
    "Limits": "limits",
    "Worker": "worker",
    "application": "server",
    "read_users": "users",
    "serve": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clearsight.web' has no attribute {name!r}")
    if not find_spec("gradio"):
        raise MissingExtraError("the page", "web")
    return getattr(import_module(f"clearsight.web.{_HOMES[name]}"), name)
