"""A restorer in front of a recognizer that one already has: ``clearsight guard``."""

from clearsight.guarding.planning import parse_budget
from clearsight.guarding.run import Guarded, guard

__all__ = ["Guarded", "guard", "parse_budget"]
