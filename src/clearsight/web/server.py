"""The page as a server: what it lets in and out, and what it leaves behind, which is nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse

from clearsight.web.limits import Limits
from clearsight.web.worker import Worker

__all__ = ["application"]

_KEPT = 1800.0
"""Seconds that a visitor's files are there for."""

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)
"""A browser asks nobody but this server for anything."""

_ELSEWHERE = ("/gradio_api/file=http", "/gradio_api/proxy=", "/file=http", "/proxy=")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class _Guard:
    """Fetches nothing from elsewhere for anybody, and lets browsers fetch nothing either."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith(_ELSEWHERE):
            refusal = PlainTextResponse("This server fetches nothing from elsewhere: send the file itself.", 403)
            await refusal(scope, receive, send)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = {b"content-security-policy": _POLICY, b"referrer-policy": "no-referrer"}
                message["headers"] = [*message["headers"], *((k, v.encode()) for k, v in more.items())]
            await send(message)

        await self._app(scope, receive, guarded)


@contextmanager
def application(limits: Limits, users: Callable[[str, str], bool] | None = None) -> Iterator[_Guard]:
    """The page for any ASGI server, with its process and its folder, which end with it.

    Args:
        limits: what a visitor may ask for.
        users: whether a name and a password belong together; ``None`` lets everybody in.
    """
    root = Path(tempfile.mkdtemp(prefix="clearsight-"))
    for name in ("GRADIO_TEMP_DIR", "GRADIO_EXAMPLES_CACHE"):
        os.environ[name] = str(root)
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
    worker, ended = Worker(limits.seconds), threading.Event()
    threading.Thread(target=_sweep, args=(root, ended), daemon=True).start()
    threading.Thread(target=worker.start, daemon=True).start()  # while this process imports what is its own
    try:
        import gradio as gr
        from fastapi import FastAPI

        from clearsight.web.page import SCRIPT, STYLE, THEME, page

        app = gr.mount_gradio_app(
            FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
            page(worker, limits, root),
            path="",
            auth=users,
            max_file_size=limits.size,
            blocked_paths=[str(Path.cwd())],
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            theme=THEME,
            css=STYLE,
            js=SCRIPT,
        )
        yield _Guard(app)
    finally:
        ended.set()
        worker.close()
        shutil.rmtree(root, ignore_errors=True)


def _sweep(root: Path, ended: threading.Event) -> None:
    """Remove what is old, now and then."""
    while not ended.wait(60):
        oldest = time.time() - _KEPT
        for path in root.iterdir():
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
