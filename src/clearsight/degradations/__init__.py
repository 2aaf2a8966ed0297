"""What goes wrong with an image, seeded, batched, on any device; see ``clearsight degradations``."""

from clearsight.degradations.blur import Blur
from clearsight.degradations.camera import Camera
from clearsight.degradations.codec import Jpeg, Quantize
from clearsight.degradations.correlated import Correlated, Grain
from clearsight.degradations.fourier import Fourier, sampling_probabilities
from clearsight.degradations.impulse import RandomImpulse, SaltAndPepper
from clearsight.degradations.language import parse
from clearsight.degradations.masks import Block, Erase, LowerHalf
from clearsight.degradations.noise import Bernoulli, Gaussian, Poisson, Speckle
from clearsight.degradations.ranges import Range, format_number, parse_number
from clearsight.degradations.readout import Banding, HotPixels
from clearsight.degradations.resample import Area, Bicubic
from clearsight.degradations.step import Either, Pipeline, Step
from clearsight.degradations.strokes import Strokes
from clearsight.degradations.text import Text

__all__ = [
    "Area",
    "Banding",
    "Bernoulli",
    "Bicubic",
    "Block",
    "Blur",
    "Camera",
    "Correlated",
    "Either",
    "Erase",
    "Fourier",
    "Gaussian",
    "Grain",
    "HotPixels",
    "Jpeg",
    "LowerHalf",
    "Pipeline",
    "Poisson",
    "Quantize",
    "RandomImpulse",
    "Range",
    "SaltAndPepper",
    "Speckle",
    "Step",
    "Strokes",
    "Text",
    "format_number",
    "parse",
    "parse_number",
    "sampling_probabilities",
]
