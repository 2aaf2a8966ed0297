"""Variables of MATLAB files, read as data: nothing in such a file is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scipy.io import loadmat

from clearsight.errors import MissingExtraError, WeightsError, reason

__all__ = ["read"]


def read(path: Path, variable: str) -> Any:
    """One variable: a struct as a dict, a cell as a list, text as a str, numbers as an array of MATLAB's shape.

    Raises:
        WeightsError: it is no MATLAB file, a damaged one, or one without that variable.
        MissingExtraError: it is of version 7.3, which is HDF5, and h5py is not installed.
    """
    try:
        return _unpacked(loadmat(path, appendmat=False, variable_names=[variable])[variable])
    except NotImplementedError:  # what scipy says of version 7.3
        return _read_hdf5(path, variable)
    except Exception as error:  # scipy raises anything at a file that is damaged
        raise _refusal(path, variable, error) from None


def _refusal(path: Path, variable: str, error: Exception) -> WeightsError:
    if isinstance(error, KeyError):
        return WeightsError(f"{path} holds no variable {variable!r}, which is the network in files of MatConvNet")
    return WeightsError(f"{path} is no MATLAB file that can be read: {reason(error)}")


def _unpacked(value: Any) -> Any:
    """As scipy gives it to plain: all that MATLAB knows are arrays, a struct or a cell of one, too."""
    if value.dtype.names:
        records = [{name: _unpacked(one[name]) for name in value.dtype.names} for one in value.ravel("F")]
        return records[0] if len(records) == 1 else records
    if value.dtype == object:
        return [_unpacked(one) for one in value.ravel("F")]
    return "".join(value.ravel()) if value.dtype.kind == "U" else value


def _read_hdf5(path: Path, variable: str) -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("a MATLAB file of version 7.3", "mat") from None
    try:
        with h5py.File(path, "r") as file:
            return _dereferenced(file, file[variable])
    except Exception as error:  # so does h5py
        raise _refusal(path, variable, error) from None


def _dereferenced(file: Any, item: Any) -> Any:
    """As HDF5 holds it to plain: the axes are the other way round, a cell is an array of references."""
    if hasattr(item, "items"):
        return {name: _dereferenced(file, one) for name, one in item.items()}
    kind, empty = item.attrs.get("MATLAB_class", b""), "MATLAB_empty" in item.attrs
    if kind == b"cell":
        return [] if empty else [_dereferenced(file, file[reference]) for reference in item[()].ravel()]
    if kind == b"char":
        return "" if empty else "".join(map(chr, item[()].ravel()))
    return item[()].T
