"""Protocols, tables and figures: how restored images look, and what can still be recognized in them."""

from clearsight.evaluation.gradients import Explanation, Pull, explain
from clearsight.evaluation.protocol import evaluate
from clearsight.evaluation.results import Evaluation, Row, Shown
from clearsight.evaluation.selection import Selection, select

__all__ = ["Evaluation", "Explanation", "Pull", "Row", "Selection", "Shown", "evaluate", "explain", "select"]
