"""The page: drop an image, move the slider, download; the same files and the same sentences as the command's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearsight.lazy import face

if TYPE_CHECKING:
    from clearsight.web.limits import Limits
    from clearsight.web.server import application
    from clearsight.web.users import read_users
    from clearsight.web.worker import Worker

__all__ = ["Limits", "Worker", "application", "read_users"]

_HOMES = {
    "Limits": "limits",
    "Worker": "worker",
    "application": "server",
    "read_users": "users",
}


__getattr__ = face(__name__, _HOMES, needs=("gradio",), what="the page", extra="web")
