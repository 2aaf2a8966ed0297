"""A study in the browser: raters come in, put pictures in order, and go on where they stopped."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from clearsight.study import page
from clearsight.study.design import Ranking
from clearsight.study.folder import Study
from clearsight.study.store import Store

__all__ = ["application"]

_COOKIE = "rater"
_MONTH = 31 * 24 * 3600
_LARGEST = 10_000
"""Bytes of a form."""


class _Pages:
    """What is answered to whom; nothing that leaves here says which method is which."""

    def __init__(self, study: Study, store: Store) -> None:
        self._study, self._store, self._design = study, store, study.design

    async def welcome(self, request: Request) -> Response:
        """Whoever was here before goes on."""
        token = request.cookies.get(_COOKIE, "")
        if self._store.rater(token) is not None:
            return _to(token)
        trials = len(self._design.images) + self._design.repeats
        return HTMLResponse(page.welcome(trials, len(self._design.methods)))

    async def enter(self, request: Request) -> Response:
        """Somebody begins."""
        token = self._store.enter()
        response = _to(token)
        response.set_cookie(_COOKIE, token, max_age=_MONTH, httponly=True, samesite="strict")
        return response

    async def rate(self, request: Request) -> Response:
        """The next trial of a rater, or the answer to it."""
        token = request.path_params["token"]
        rater = self._store.rater(token)
        if rater is None:
            return _refused("Nobody rates at this address: begin anew, or open the address that you were given.", 404)
        if request.method == "POST":
            return await self._keep(request, token, rater)
        number, trials = self._store.rated(rater), self._design.trials(rater)
        if number >= len(trials):
            return HTMLResponse(page.finished(len(trials)))
        shown = trials[number]
        files = [self._study.stimuli[shown.image][method] for method in shown.places]
        return HTMLResponse(page.trial(number, len(trials), files), headers={"Cache-Control": "no-store"})

    async def _keep(self, request: Request, token: str, rater: int) -> Response:
        """An answer that was sent twice counts once."""
        number, trials = self._store.rated(rater), self._design.trials(rater)
        sent, order = await _answer(request)
        if sent is None or sorted(order) != [*range(len(self._design.methods))]:
            return _refused("Pick every picture once, the best first, and send the page again.", 400)
        if sent == number < len(trials):
            shown = trials[number]
            ranking = Ranking(rater, shown.image, tuple(shown.places[i] for i in order), shown.repeat)
            self._store.add(ranking, number)
        return _to(token)


async def _answer(request: Request) -> tuple[int | None, list[int]]:
    """The number of the trial and the pictures in order; nothing where the form is not one of ours."""
    if int(request.headers.get("content-length", _LARGEST + 1)) > _LARGEST:
        return None, []
    form = parse_qs((await request.body()).decode("ascii", "replace"))
    try:
        return int(form["trial"][0]), [int(text) for text in form["order"][0].split(",")]
    except (KeyError, ValueError):
        return None, []


def _to(token: str) -> RedirectResponse:
    return RedirectResponse(f"/rate/{token}", 303)


def _refused(sentence: str, status: int) -> Response:
    return HTMLResponse(page.refused(sentence), status)


def application(study: Study, store: Store) -> Starlette:
    """The pages of a study, for any ASGI server."""
    pages = _Pages(study, store)
    routes = [
        Route("/", pages.welcome),
        Route("/raters", pages.enter, methods=["POST"]),
        Route("/rate/{token}", pages.rate, methods=["GET", "POST"]),
        Mount("/pictures", StaticFiles(directory=study.pictures)),
    ]
    return Starlette(routes=routes)
