"""What goes wrong with an image, seeded, batched, on any device; see ``clearsight degradations``."""

from clearsight.degradations.blur import Blur
from clearsight.degradations.camera import Camera
from clearsight.degradations.codec import Jpeg, Quantize
from clearsight.degradations.correlated import Correlated, Grain
from clearsight.degradations.corruptions import (
    CORRUPTIONS,
    HELD_OUT,
    Brightness,
    Contrast,
    Defocus,
    Elastic,
    Fog,
    Frost,
    Glass,
    Impulse,
    Motion,
    Pixelate,
    Saturate,
    Shot,
    Snow,
    Spatter,
    Zoom,
)
from clearsight.degradations.document import Document
from clearsight.degradations.fourier import Fourier, ZeroFilled, sampling_probabilities
from clearsight.degradations.impulse import RandomImpulse, SaltAndPepper
from clearsight.degradations.language import parse
from clearsight.degradations.marks import PenStrokes, Stamp
from clearsight.degradations.masks import Block, Erase, LowerHalf
from clearsight.degradations.noise import Bernoulli, Gaussian, Poisson, Speckle
from clearsight.degradations.paper import BleedThrough, Faded, Fold, Stain
from clearsight.degradations.ranges import Range, format_number, parse_number
from clearsight.degradations.readout import Banding, HotPixels
from clearsight.degradations.resample import Area, Bicubic
from clearsight.degradations.scanning import Fax, LowResolution, OutOfFocus, Shadow, Shaken
from clearsight.degradations.step import Either, OneByOne, Pipeline, Step
from clearsight.degradations.strokes import Strokes
from clearsight.degradations.text import Text

__all__ = [
    "CORRUPTIONS",
    "HELD_OUT",
    "Area",
    "Banding",
    "Bernoulli",
    "Bicubic",
    "BleedThrough",
    "Block",
    "Blur",
    "Brightness",
    "Camera",
    "Contrast",
    "Correlated",
    "Defocus",
    "Document",
    "Either",
    "Elastic",
    "Erase",
    "Faded",
    "Fax",
    "Fog",
    "Fold",
    "Fourier",
    "Frost",
    "Gaussian",
    "Glass",
    "Grain",
    "HotPixels",
    "Impulse",
    "Jpeg",
    "LowResolution",
    "LowerHalf",
    "Motion",
    "OneByOne",
    "OutOfFocus",
    "PenStrokes",
    "Pipeline",
    "Pixelate",
    "Poisson",
    "Quantize",
    "RandomImpulse",
    "Range",
    "SaltAndPepper",
    "Saturate",
    "Shadow",
    "Shaken",
    "Shot",
    "Snow",
    "Spatter",
    "Speckle",
    "Stain",
    "Stamp",
    "Step",
    "Strokes",
    "Text",
    "ZeroFilled",
    "Zoom",
    "format_number",
    "parse",
    "parse_number",
    "sampling_probabilities",
]
