"""Which result do people like best: a blind ranking in a browser, and what it says with how much certainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearsight.lazy import face

if TYPE_CHECKING:
    from clearsight.study.bradley_terry import Interval, bootstrap, intervals, opinions, wins, worths
    from clearsight.study.design import REFERENCE, Design, Ranking, Trial, balanced
    from clearsight.study.folder import Study, create
    from clearsight.study.panel import Panel, simulated
    from clearsight.study.report import Report, analyse
    from clearsight.study.screening import Rules, Screened, screen
    from clearsight.study.server import application
    from clearsight.study.store import Store

__all__ = [
    "REFERENCE",
    "Design",
    "Interval",
    "Panel",
    "Ranking",
    "Report",
    "Rules",
    "Screened",
    "Store",
    "Study",
    "Trial",
    "analyse",
    "application",
    "balanced",
    "bootstrap",
    "create",
    "intervals",
    "opinions",
    "screen",
    "simulated",
    "wins",
    "worths",
]

_HOMES = {
    "REFERENCE": "design",
    "Design": "design",
    "Interval": "bradley_terry",
    "Panel": "panel",
    "Ranking": "design",
    "Report": "report",
    "Rules": "screening",
    "Screened": "screening",
    "Store": "store",
    "Study": "folder",
    "Trial": "design",
    "analyse": "report",
    "application": "server",
    "balanced": "design",
    "bootstrap": "bradley_terry",
    "create": "folder",
    "intervals": "bradley_terry",
    "opinions": "bradley_terry",
    "screen": "screening",
    "simulated": "panel",
    "wins": "bradley_terry",
    "worths": "bradley_terry",
}


__getattr__ = face(__name__, _HOMES, needs=("choix", "sqlmodel", "starlette", "uvicorn"), what="a study", extra="study")
