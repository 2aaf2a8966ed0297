"""A device that is not there: tensors compute on the CPU, and refuse what an accelerator would refuse.

A tensor on it says that it lies there; an operator takes tensors of one device alone, but for numbers and for indices;
NumPy cannot see it; a generator draws where it lies. Nothing is faster, and floating point is the CPU's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from clearsight import seeds
from clearsight.vision import torchvision

torchvision()  # before Lightning, whose torchmetrics imports it as it is

from lightning.pytorch.accelerators import Accelerator, AcceleratorRegistry  # noqa: E402
from lightning.pytorch.strategies import SingleDeviceStrategy  # noqa: E402
from lightning.pytorch.trainer.connectors.accelerator_connector import _AcceleratorConnector  # noqa: E402

__all__ = ["DEVICE", "accelerator"]

DEVICE = torch.device("meta")
"""Of the one kind that gradients flow on without a driver. What is not made here has no numbers, and is refused."""

CPU = torch.device("cpu")
_aten = torch.ops.aten
_TO = (_aten._to_copy, _aten.to)
_MOVING = (*_TO, _aten.copy_, _aten._local_scalar_dense)
_INDEXING = (_aten.index, _aten.index_put_, _aten.index_put, _aten._index_put_impl_)
_LENIENT = (*_INDEXING, _aten._ctc_loss, _aten._ctc_loss_backward)
"""Take indices, or the letters that are wanted, from anywhere."""


class _There(Tensor):
    """A tensor on the device; what it holds lies on the CPU."""

    @staticmethod
    def __new__(cls, here: Tensor) -> _There:
        there: _There = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, here.shape, here.stride(), here.storage_offset(), dtype=here.dtype, device=DEVICE
        )
        return there

    def __init__(self, here: Tensor) -> None:
        self.here = here

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"There({self.here!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """As what it holds: a checkpoint is read where there is no such device."""
        return self.here.__reduce_ex__(protocol)

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(operator, args, kwargs or {})


def _computed(operator: Any, args: Any, kwargs: Any) -> Any:
    """What an operator gives, there or here."""
    packet, flat = operator.overloadpacket, tree_flatten((args, kwargs))[0]
    tensors = [one for one in flat if isinstance(one, Tensor)]
    asked = next((one for one in flat if isinstance(one, torch.device)), None)
    there = any(isinstance(one, _There) for one in tensors)
    if packet is _aten._has_compatible_shallow_copy_type:
        return all(isinstance(one, _There) is there for one in tensors)
    if there and packet not in _MOVING:
        _check(packet, tensors)
    if packet in _TO and asked is None:
        goes = isinstance(tensors[-1], _There)  # the only one, or the one that is like what is wanted
    elif packet is _aten.copy_:
        goes = isinstance(args[0], _There)
    else:
        goes = there if asked is None else asked.type == DEVICE.type
    here = tree_map_only((_There, torch.device), _here, (args, kwargs))
    found = operator(*here[0], **here[1])
    if packet in _TO:
        same = found is _here(tensors[0]) and goes is isinstance(tensors[0], _There)
        return tensors[0] if same else _There(found) if goes else found
    if not goes or found is None:
        return found
    if operator._schema.is_mutable:  # what was written to is what is given back
        return kwargs.get("out", args[0])
    kept = torch.is_inference_mode_enabled() and any(one.is_inference() for one in tensors)
    with torch.inference_mode(kept):  # or a view of what was made before would be of another kind
        return tree_map_only(Tensor, _There, found)


def _here(one: Any) -> Any:
    return CPU if isinstance(one, torch.device) else one.here if isinstance(one, _There) else one


def _check(packet: Any, tensors: list[Tensor]) -> None:
    assert not any(one.is_meta and not isinstance(one, _There) for one in tensors), f"made of nothing: {packet}"
    concerned = tensors[:1] if packet in _LENIENT else tensors
    if any(not isinstance(one, _There) and one.ndim for one in concerned):
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {DEVICE} and cpu: {packet}")


class _Dispatched(TorchDispatchMode):
    """Makes what is made there."""

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(operator, args, kwargs or {})


class _Called(TorchFunctionMode):
    """What reaches no operator: ``torch.tensor`` with a device, and where a generator draws."""

    def __torch_function__(self, called: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if (generator := kwargs.get("generator")) is not None:
            given = [one for one in args if isinstance(one, Tensor)]
            where = torch.device(kwargs.get("device") or (given[0].device if given else CPU))
            if generator.device.type != where.type:
                raise RuntimeError(f"Expected a generator on {where}, found one on {generator.device}: {called}")
        if called in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return called(*args, **kwargs).to(device)
        if called is Tensor.tolist and isinstance(args[0], _There):
            return args[0].here.tolist()
        if called is Tensor.__format__ and isinstance(args[0], _There):
            return format(args[0].here, args[1])
        if called in (Tensor.__getitem__, Tensor.__setitem__):  # C++ would make an index of a list there, of nothing
            args = (args[0], _index(args[1]), *args[2:])
        return called(*args, **kwargs)


def _index(one: Any) -> Any:
    if isinstance(one, tuple):
        return tuple(map(_index, one))
    return torch.tensor(one) if isinstance(one, list) else one


_Generator = torch.Generator


class _GeneratorThere(_Generator):
    """Draws there what one on the CPU draws."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE


def _generator(device: Any = "cpu") -> torch.Generator:
    return _GeneratorThere() if torch.device(device).type == DEVICE.type else _Generator(device)


_amp = torch.autocast


def _autocast(device_type: str, *args: Any, **kwargs: Any) -> torch.autocast:
    return _amp(CPU.type if device_type == DEVICE.type else device_type, *args, **kwargs)


class _Accelerator(Accelerator):
    """What Lightning asks of one."""

    def setup_device(self, device: torch.device) -> None:
        """Nothing has to be done."""

    def teardown(self) -> None:
        """Nor undone."""

    @staticmethod
    def parse_devices(devices: Any) -> int:
        return 1

    @staticmethod
    def get_parallel_devices(devices: Any) -> list[torch.device]:
        return [DEVICE]

    @staticmethod
    def auto_device_count() -> int:
        return 1

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def name() -> str:
        return "stand-in"


@contextmanager
def accelerator(patch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """As if it were in this machine."""
    patch.setattr(seeds, "torch", SimpleNamespace(Generator=_generator))
    patch.setattr(torch, "autocast", _autocast)
    patch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: DEVICE)
    patch.setattr(_AcceleratorConnector, "_choose_auto_accelerator", lambda *_: _Accelerator.name())
    patch.setattr(_AcceleratorConnector, "_choose_strategy", lambda *_: SingleDeviceStrategy(DEVICE))
    patch.setitem(AcceleratorRegistry, _Accelerator.name(), {"accelerator": _Accelerator, "init_params": {}})
    with _Called(), _Dispatched():
        yield DEVICE
