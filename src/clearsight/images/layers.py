"""Which channels of an OpenEXR file belong together, by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clearsight.images.picture import Meaning

__all__ = ["MAPS", "Layer", "chosen", "layers_of", "maps_of"]

_MEANINGS: Mapping[str, Meaning] = {
    "r": "red",
    "red": "red",
    "g": "green",
    "green": "green",
    "b": "blue",
    "blue": "blue",
    "y": "grey",
    "a": "premultiplied alpha",
    "alpha": "premultiplied alpha",
}
_COLOUR: tuple[Meaning, ...] = ("red", "green", "blue")
_BEAUTY = ("combined", "beauty", "rgba", "rgb", "color", "colour", "c", "main")
"""What renderers call the finished picture among their layers."""

MAPS: Mapping[str, tuple[str, ...]] = {
    "albedo": ("denoisingalbedo", "denoisealbedo", "albedo"),
    "normal": ("denoisingnormal", "denoisenormal", "shnormal", "shadingnormal", "normal", "normals", "nn", "ns", "n"),
}
"""What renderers call the layers that guide a denoiser, in small letters alone; the first that is there is taken."""

_AXES = ("rgb", "xyz")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """Channels that are one picture: red, green, blue or grey, with or without alpha; or a single channel.

    Attributes:
        part: the number of its part.
        part_name: what that part is called; empty where there is one part only.
        prefix: what stands before the last dot of the channels' names.
        channels: the name of each channel, by its meaning.
        alone: whether it is a single channel that is no luminance, such as depth.
    """

    part: int
    part_name: str
    prefix: str
    channels: Mapping[Meaning, str]
    alone: bool = False

    @property
    def colour(self) -> bool:
        """Whether it is red, green and blue."""
        return "red" in self.channels

    @property
    def guides(self) -> bool:
        """Whether it says what surfaces are seen, as :func:`maps_of` finds them."""
        return any(_bare(self.prefix or self.part_name) in names for names in MAPS.values())

    @property
    def dotted(self) -> str:
        """What its channels' names begin with."""
        return f"{self.prefix}." if self.prefix else ""

    @property
    def name(self) -> str:
        """What it is called: its prefix, else its part, else its channels."""
        if self.alone:
            return self._within(self.channels["grey"])
        if self.prefix or self.part_name:
            return self._within(self.prefix)
        return "".join(self.channels.values())

    @property
    def names(self) -> tuple[str, ...]:
        """All that it answers to."""
        channels = "".join(name.removeprefix(self.dotted) for name in self.channels.values())
        plain = (self.channels["grey"],) if self.alone else (self.prefix or channels, self._within(channels))
        return (self.name, *plain)

    def _within(self, name: str) -> str:
        known = not self.part_name or name == self.part_name or name.startswith(f"{self.part_name}.")
        return name if known else f"{self.part_name}.{name}".rstrip(".")


def layers_of(parts: Sequence[str], channels: Sequence[Sequence[str]]) -> list[Layer]:
    """The layers of a file: colour and luminance first, in the file's order, single channels behind them.

    A ``Y`` beside an ``X`` is a coordinate, no luminance.

    Args:
        parts: the name of each part.
        channels: the names of the channels of each part that can be restored.

    Example:
        >>> [layer.name for layer in layers_of([""], [["B", "G", "R", "Z", "diffuse.B", "diffuse.G", "diffuse.R"]])]
        ['RGB', 'diffuse', 'Z']
    """
    found: list[Layer] = []
    for number, (part, names) in enumerate(zip(parts, channels, strict=True)):
        prefixes = dict.fromkeys(name.rpartition(".")[0] for name in names)
        for prefix in sorted(prefixes, key=bool):
            inside = [name for name in names if name.rpartition(".")[0] == prefix]
            found += _inside(number, part if len(parts) > 1 else "", prefix, inside)
    return sorted(found, key=lambda layer: layer.alone)


def chosen(layers: Sequence[Layer], wanted: str | None) -> Layer | None:
    """The layer of that name; or the first that is a picture: without a prefix, or what renderers call it, or any.

    A single channel may be named by its prefix where that has no other.
    """
    if wanted is not None:
        only = [layer for layer in layers if layer.prefix == wanted]
        return next((layer for layer in layers if wanted in layer.names), only[0] if len(only) == 1 else None)
    pictures = [layer for layer in layers if not layer.alone]
    return min(pictures, key=_rank, default=None)


def maps_of(parts: Sequence[str], channels: Sequence[Sequence[str]]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """The layers of a file that say what surfaces are seen: of each the number of its part and its three channels.

    Args:
        parts: the name of each part.
        channels: the names of the channels of each part.

    Example:
        >>> maps_of([""], [["ViewLayer.Denoising Albedo.B", "ViewLayer.Denoising Albedo.G",
        ...                 "ViewLayer.Denoising Albedo.R", "nn.X", "nn.Y", "nn.Z"]])["normal"]
        (0, ('nn.X', 'nn.Y', 'nn.Z'))
    """
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    for number, (part, names) in enumerate(zip(parts, channels, strict=True)):
        for prefix in dict.fromkeys(name.rpartition(".")[0] for name in names):
            bases = {name.rpartition(".")[2].lower(): name for name in names if name.rpartition(".")[0] == prefix}
            axes = next((axes for axes in _AXES if set(axes) <= bases.keys()), None)
            if axes is not None:
                found.setdefault(_bare(prefix or part), (number, tuple(bases[axis] for axis in axes)))
    chosen_names = {kind: next((name for name in names if name in found), None) for kind, names in MAPS.items()}
    return {kind: found[name] for kind, name in chosen_names.items() if name is not None}


def _bare(name: str) -> str:
    """The last part of a dotted name, its letters alone."""
    return "".join(filter(str.isalpha, name.rpartition(".")[2])).lower()


def _inside(part: int, part_name: str, prefix: str, names: Sequence[str]) -> list[Layer]:
    """The picture among the channels of one prefix, if there is one, and all others each alone."""
    bases = {name.rpartition(".")[2].lower(): name for name in names}
    meant = {_MEANINGS[base]: name for base, name in bases.items() if base in _MEANINGS}
    grey = "grey" in meant and "x" not in bases
    picture: tuple[Meaning, ...] = _COLOUR if meant.keys() >= set(_COLOUR) else ("grey",) if grey else ()
    together = {
        meaning: meant[meaning] for meaning in (*picture, "premultiplied alpha") if picture and meaning in meant
    }
    made = [Layer(part=part, part_name=part_name, prefix=prefix, channels=together)] if picture else []
    others = [name for name in names if name not in together.values()]
    return made + [
        Layer(part=part, part_name=part_name, prefix=prefix, channels={"grey": name}, alone=True) for name in others
    ]


def _rank(layer: Layer) -> tuple[bool, bool, bool]:
    last = (layer.prefix or layer.part_name).lower().rpartition(".")[2]
    crypto = last.startswith("crypto")
    return crypto, bool(layer.prefix), last not in _BEAUTY
