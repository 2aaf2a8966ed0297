"""Trained models on disk: a shipped name, a local folder, a hub id and a file of MatConvNet are loaded the same way.

A folder holds config.json, model.safetensors, figures.json and a card (README.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from safetensors.torch import load_model, save_file
from torch import Tensor, nn

import clearsight.restorers  # noqa: F401  (fills the registry)
from clearsight.errors import UnknownNameError, WeightsError, reason
from clearsight.images.files import atomically
from clearsight.joint.views import Recognizing, Restoring
from clearsight.recognizers.loading import PACKAGED, load_foreign
from clearsight.registry import JOINT, RECOGNIZERS, RESTORERS, Entry, Registry
from clearsight.weights import matconvnet

__all__ = ["Stored", "load", "load_recognizer", "round_", "save", "shipped", "weightless"]

_HOME = Path(__file__).parent
_FOREIGN = {".pt", ".pth", ".torchscript", ".onnx"}
_RESTORING, _RECOGNIZING = (RESTORERS, JOINT), (RECOGNIZERS, JOINT)


@dataclass(frozen=True, slots=True)
class Stored:
    """A folder with a trained model in it.

    Attributes:
        folder: where it lies.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name, which for a shipped model is the name people type."""
        return self.folder.name

    def config(self) -> dict[str, Any]:
        """``architecture``, the registered name, and the arguments of its constructor.

        Raises:
            WeightsError: there is no readable config.json.
        """
        return self._json("config.json")

    def figures(self) -> dict[str, Any]:
        """What the training run measured; ``summary`` is the line that ``clearsight models`` prints."""
        return self._json("figures.json")

    def _json(self, file: str) -> dict[str, Any]:
        try:
            content = json.loads((self.folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = None
        if not isinstance(content, dict):
            raise WeightsError(
                f"{self.folder} holds no readable {file}: expected a folder that `clearsight train` exported, "
                "with config.json, figures.json and model.safetensors"
            )
        return content


def shipped(*registries: Registry) -> Iterator[Stored]:
    """The models that come with clearsight, by name: those of these registries, or else those that restore."""
    stored = (Stored(path.parent) for path in sorted(_HOME.glob("*/config.json")))
    wanted = registries or _RESTORING
    return (one for one in stored if any(one.config()["architecture"] in registry for registry in wanted))


def weightless() -> Iterator[Entry]:
    """The restorers that need no weights, by name."""
    return (entry for entry in RESTORERS.values() if not issubclass(entry.cls, PyTorchModelHubMixin))


def _find(name: str, registries: Sequence[Registry], others: Sequence[str] = ()) -> Stored:
    known = {stored.name: stored for stored in shipped(*registries)}
    if name in known:
        return known[name]
    if Path(name).is_dir():
        return Stored(Path(name))
    if name.startswith("hf:"):
        return Stored(_download(name))
    if "/" in name:
        raise WeightsError(
            f"there is no folder {name}: expected a shipped name, a folder, or hf:owner/name[@revision] for a model on "
            "the hub"
        )
    raise UnknownNameError(registries[0].kind, name, [*known, *others])


def _download(name: str) -> Path:
    parts = re.fullmatch(r"hf:([^/@\s]+/[^/@\s]+)(?:@(\S+))?", name)
    if parts is None:
        raise WeightsError(f"{name} names no model on the hub: expected hf:owner/name or hf:owner/name@revision")
    hub_id, revision = parts.groups()
    try:
        wanted = ["*.json", "*.safetensors", "README.md"]
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=wanted))
    except Exception as error:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise WeightsError(f"{name} cannot be had from the hub: {first}") from None


def load(name: str | Path) -> nn.Module:
    """Load a trained restorer, in evaluation mode, on the CPU; of a joint model, the half that restores.

    Args:
        name: a shipped model's or a classical method's name (``clearsight models``), a folder,
            ``hf:owner/name[@revision]`` on the hub, or a ``.mat`` file: a DnCNN or FFDNet that MatConvNet saved.

    Returns:
        The restorer, with what its training measured in the attribute ``figures``.

    Raises:
        UnknownNameError: no shipped model and no folder has that name.
        WeightsError: the folder is incomplete, its weights belong to another architecture, or the file is no such
            network.
        MissingExtraError: the file is one of MATLAB 7.3, and h5py is not installed.
    """
    if Path(name).suffix.lower() == ".mat" and not Path(name).is_dir():
        return matconvnet.load(Path(name))
    without = {entry.name: entry for entry in weightless()}
    if name in without:
        return cast(nn.Module, without[str(name)].cls())
    model, joint = _load(_find(str(name), _RESTORING, list(without)), _RESTORING)
    return _with_figures(Restoring(model), model) if joint else model


def load_recognizer(name: str | Path) -> nn.Module:
    """Load a trained recognizer, in evaluation mode, on the CPU; of a joint model, the half that recognizes.

    Args:
        name: a name from ``clearsight recognizers``, a folder, ``hf:owner/name[@revision]`` on the hub, or what
            :func:`clearsight.recognizers.load_foreign` takes: a TorchScript or ONNX file, ``torchvision:NAME``.

    Returns:
        The recognizer; one of clearsight's own with what its training measured in the attribute ``figures``.

    Raises:
        UnknownNameError: no shipped recognizer and no folder has that name.
        WeightsError: the folder is incomplete, or its weights belong to another architecture; or the file is of no
            known kind.
        ModelError: what is in the file is no recognizer.
        MissingExtraError: it comes in a package that is not installed.
    """
    if name in PACKAGED:
        return PACKAGED[str(name)].load()
    if str(name).startswith("torchvision:") or Path(name).suffix.lower() in _FOREIGN or Path(name).is_file():
        return load_foreign(name)
    model, joint = _load(_find(str(name), _RECOGNIZING, list(PACKAGED)), _RECOGNIZING)
    return _with_figures(Recognizing(model), model) if joint else model


def _with_figures(half: nn.Module, model: nn.Module) -> nn.Module:
    half.figures = model.figures
    return half.eval()


def _load(stored: Stored, registries: Sequence[Registry]) -> tuple[nn.Module, bool]:
    """The model, and whether it is a joint one."""
    config = stored.config()
    architecture = config.pop("architecture", None)
    registry = next((one for one in registries if isinstance(architecture, str) and architecture in one), None)
    if registry is None:
        raise WeightsError(
            f"{stored.folder} is of architecture {architecture!r}, no {registries[0].kind}; known are "
            f"{', '.join(name for one in registries for name in one)}"
        )
    if not (stored.folder / "model.safetensors").is_file():
        raise WeightsError(f"{stored.folder} holds no model.safetensors, only its configuration")
    cls = registry[architecture].cls
    try:
        model: nn.Module = cls(**config)
        load_model(model, stored.folder / "model.safetensors", strict=True)
    except Exception as error:  # a constructor may raise anything at arguments that are not its own
        raise WeightsError(f"the weights in {stored.folder} do not fit {architecture}: {reason(error)}") from None
    model.figures = stored.figures()  # type: ignore[assignment]
    return model.eval(), registry is JOINT


def round_(model: nn.Module) -> None:
    """Round a model's weights, in place, to what :func:`save` stores, so that figures are of what is shipped."""
    for parameter in filter(_is_matrix, model.parameters()):
        parameter.data = parameter.data.half().float()


def _is_matrix(tensor: Tensor) -> bool:
    return tensor.ndim > 1


def save(model: nn.Module, folder: str | Path, *, figures: Mapping[str, Any], card: str) -> None:
    """Write a model as a folder that :func:`load` or :func:`load_recognizer` reads.

    Convolutions and matrices are stored in float16, which halves the folder; biases and statistics in full.

    Args:
        model: a registered restorer, recognizer or joint model.
        folder: made if it is not there; files in it are replaced, all at once or none.
        figures: what was measured, as JSON holds it.
        card: the model card, Markdown.

    Raises:
        UnknownNameError: the model's class is not registered.
    """
    folder = Path(folder)
    named = {entry.cls: name for one in (RESTORERS, RECOGNIZERS, JOINT) for name, entry in one.items()}
    if type(model) not in named:
        raise UnknownNameError("model", type(model).__name__, named.values())
    architecture = named[type(model)]
    config = {"architecture": architecture, **model._hub_mixin_config}  # type: ignore[dict-item]
    state = {
        name: (tensor.half() if _is_matrix(tensor) else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    texts = {
        "config.json": json.dumps(config, indent=2) + "\n",
        "figures.json": json.dumps(figures, indent=2) + "\n",
        "README.md": card,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:  # all are written before the first takes its place
        save_file(state, files.enter_context(atomically(folder / "model.safetensors")), metadata={"format": "pt"})
        for name, text in texts.items():
            files.enter_context(atomically(folder / name)).write_text(text, encoding="utf-8")
