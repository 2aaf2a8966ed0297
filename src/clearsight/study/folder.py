"""A study on disk: what is compared, and every image in every state under a name that says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from torch import Tensor

from clearsight.contracts import Dataset
from clearsight.datasets.pairs import Pair, Pairs, Untouched
from clearsight.degradations.step import Pipeline
from clearsight.errors import DataError, InvalidArgumentError
from clearsight.images.files import atomically, write
from clearsight.images.picture import Picture
from clearsight.inference.engine import Engine
from clearsight.provenance import provenance
from clearsight.study.design import REFERENCE, Design

__all__ = ["Study", "create"]

_FILE, _STIMULI = "study.json", "stimuli"

SIZE = 384
"""Height and width of what is shown of an image, at 100 %, so that four stand beside one another."""


@dataclass(frozen=True, slots=True)
class Study:
    """What is compared, and where it lies.

    Attributes:
        folder: of the study.
        design: images, methods and orders.
        stimuli: image → method → the name of its PNG in the folder of stimuli.
    """

    folder: Path
    design: Design
    stimuli: Mapping[str, Mapping[str, str]]

    @property
    def pictures(self) -> Path:
        """The folder of stimuli."""
        return self.folder / _STIMULI

    @property
    def database(self) -> str:
        """Where ratings go if nobody says otherwise."""
        return f"sqlite:///{self.folder / 'ratings.db'}"

    @classmethod
    def open(cls, folder: Path) -> Study:
        """Read one that :func:`create` has made.

        Raises:
            DataError: it is no study, or its file is damaged.
        """
        path = folder / _FILE
        if not path.is_file():
            raise DataError(f"{folder} is no study, expected {_FILE} in it: make one with clearsight study create")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            images, methods = (tuple(content[key]) for key in ("images", "methods"))
            return cls(folder, Design(images, methods, content["repeats"], content["seed"]), content["stimuli"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}): make the study again") from None


def create(
    dataset: Dataset,
    degradation: Pipeline | Untouched,
    methods: Mapping[str, Engine],
    folder: Path,
    *,
    reference: bool = True,
    repeats: int = 2,
    seed: int = 0,
    report: Callable[[str], None],
) -> Study:
    """Restore every image by every method and write what raters are shown; a study that was interrupted goes on.

    All methods see the same noise, and are told its σ where they take it. What is shown is the centre of the image, at
    most :data:`SIZE` wide and high, in 8 bits. Names of files are drawn from the seed and say nothing of the method.

    Args:
        dataset: clean images, or degraded ones with their clean twins.
        degradation: what is done to them.
        methods: engines by name.
        folder: of the study.
        reference: whether the clean image hides among the methods.
        repeats: as :class:`~clearsight.study.Design`; fewer where there are fewer than twice as many images.
        seed: of noise, orders and names.
        report: is told how far it has come.

    Raises:
        InvalidArgumentError: the folder holds a study already; or as :class:`~clearsight.study.Design`.
        ModelError: a method does not apply.
        DataError: an image cannot be read.
    """
    if (folder / _FILE).exists():
        raise InvalidArgumentError(f"{folder} holds a study already: open it, or name another folder")
    names = tuple(str(dataset[i].name) for i in range(len(dataset)))
    shown = (*methods, *([REFERENCE] if reference else []))
    design = Design(names, shown, min(repeats, len(names) // 2), seed)
    pairs = Pairs(dataset, degradation, seed=seed, with_sigma=degradation.tells_sigma)
    (folder / _STIMULI).mkdir(parents=True, exist_ok=True)
    stimuli = {}
    for number, name in enumerate(names):
        report(f"{name}: {number + 1} of {len(names)}")
        stimuli[name] = _written(pairs[number], methods, design, folder / _STIMULI)
    content = {
        "degradation": str(degradation),
        "seed": seed,
        "repeats": design.repeats,
        "images": names,
        "methods": shown,
        "stimuli": stimuli,
        **provenance(),
    }
    with atomically(folder / _FILE) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Study(folder, design, stimuli)


def _written(pair: Pair, methods: Mapping[str, Engine], design: Design, folder: Path) -> dict[str, str]:
    """The names of one image's states, written where they are not there."""
    clean = pair.sample.x if pair.sample.target is None else pair.sample.target
    files = {method: _file_of(design, pair.sample.name, method) for method in design.methods}
    for method, file in files.items():
        if (folder / file).exists():
            continue
        state = clean if method == REFERENCE else _restored(methods[method], pair)
        if state.shape != clean.shape:
            sizes = " but ".join("×".join(map(str, x.shape[:0:-1])) for x in (state, clean))
            raise InvalidArgumentError(
                f"{method} makes {sizes} is the size of {pair.sample.name}: compare methods that give that size"
            )
        write(_shown(state), folder / file)
    return files


def _restored(engine: Engine, pair: Pair) -> Tensor:
    sigma = None if pair.sigma is None or engine.traits.sigma == "blind" else pair.sigma[None]
    return engine.restore_batch(pair.y[None], sigma)[0]


def _shown(x: Tensor) -> Picture:
    """The centre in 8 bits."""
    top, left = (max(n - SIZE, 0) // 2 for n in x.shape[1:])
    centre = x[:, top : top + SIZE, left : left + SIZE].clamp(0, 1)
    return Picture(pixels=(255 * centre).round().byte().movedim(0, -1).contiguous().numpy())


def _file_of(design: Design, image: str, method: str) -> str:
    return f"{blake2b(f'{design.seed}/{image}/{method}'.encode(), digest_size=12).hexdigest()}.png"
