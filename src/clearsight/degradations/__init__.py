"""What goes wrong with an image, seeded, batched, on any device; see ``clearsight degradations``."""

from clearsight.degradations.codec import Quantize
from clearsight.degradations.language import parse
from clearsight.degradations.noise import Gaussian
from clearsight.degradations.ranges import Range, format_number, parse_number
from clearsight.degradations.step import Pipeline, Step

__all__ = ["Gaussian", "Pipeline", "Quantize", "Range", "Step", "format_number", "parse", "parse_number"]
