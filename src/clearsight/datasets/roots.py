"""Where data is looked for: an explicit path, then below ``$CLEARSIGHT_DATA``, then torchvision's download."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from clearsight.errors import DataError, reason

__all__ = ["DataRoot", "check_part", "find_folder", "find_path", "part_of", "subfolders"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRoot:
    """The one way to find a data set that has a name.

    Attributes:
        what: what people call it.
        names: files or folders that hold it, the preferred one first; any of them will do.
        page: where one gets it by hand; ``None`` where :meth:`fetch` can download it.
    """

    what: str
    names: tuple[str, ...]
    page: str | None = None

    def find(self, root: str | Path | None) -> Path | None:
        """The file or folder that holds the data set, if it is on this machine.

        Args:
            root: that file or folder, or the folder it lies in, relative to here or to ``$CLEARSIGHT_DATA``;
                ``None`` looks into ``$CLEARSIGHT_DATA`` itself.

        Raises:
            DataError: ``root`` is given and holds no such thing: nothing else is taken in its place.
        """
        places = _shared() if root is None else _places(root)
        candidates = (path for place in places for name in self.names for path in (place / name, place))
        found = next((path for path in candidates if path.name in self.names and path.exists()), None)
        if found is None and root is not None:
            raise self._missing(f" in {root}", "leave root out, and it is downloaded")
        return found

    def require(self, root: str | Path | None) -> Path:
        """As :meth:`find`, for a data set that has to be there.

        Raises:
            DataError: it is not there; the message names the places and where one gets it.
        """
        found = self.find(root)
        if found is None:
            raise self._missing("", "")
        return found

    def fetch(self, download: Callable[[Path], object]) -> Path:
        """Let torchvision download the data set into ``~/.cache/clearsight``, and return that folder.

        Args:
            download: is handed the folder; what is there already it leaves alone.

        Raises:
            DataError: the download failed; the message names all three ways to the data.
        """
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clearsight"
        try:
            cache.mkdir(parents=True, exist_ok=True)
            download(cache)
        except Exception as error:
            third = f"let it be downloaded to {cache}, which failed just now ({reason(error, 300)})"
            raise self._missing("", third) from None
        return cache

    def _missing(self, where: str, download: str) -> DataError:
        third = f"get it from {self.page}" if self.page else download
        return DataError(
            f"there is no {self.what}{where}: give {' or '.join(self.names)}, or the folder it lies in, as root; "
            f"or set CLEARSIGHT_DATA to that folder ({_state()}); or {third}"
        )


def find_folder(root: str | Path | None) -> Path:
    """A folder, relative to here or to ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: there is none, or it is a file.
    """
    if root is None:
        raise DataError("this data set is a folder of your own: give it as root")
    found = find_path(root)
    if not found.is_dir():
        raise DataError(f"{found} is a file, expected a folder of images: name the folder it lies in")
    return found


def find_path(root: str | Path) -> Path:
    """A file or a folder, relative to here or to ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: there is none.
    """
    found = next((path for path in _places(root) if path.exists()), None)
    if found is None:
        raise DataError(
            f"there is no folder {root}, neither here nor below CLEARSIGHT_DATA ({_state()}): check the path, "
            "or set CLEARSIGHT_DATA to the folder that holds it"
        )
    return found


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; hidden ones are left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def part_of(folder: Path, part: str | None) -> Path:
    """The folder of one part of a data set; without a part, the folder itself.

    Raises:
        DataError: there is no such part.
    """
    if part is None:
        return folder
    check_part(str(folder), part, (path.name for path in subfolders(folder)))
    return folder / part


def check_part(what: str, part: str, parts: Iterable[str]) -> None:
    """Make sure that a data set has the part asked for.

    Raises:
        DataError: it has not; the message lists those there are.
    """
    known = list(parts)
    if part not in known:
        raise DataError(f"{what} has no part {part!r}; there is: {', '.join(known) or 'none'}")


def _shared() -> list[Path]:
    home = os.environ.get("CLEARSIGHT_DATA")
    return [Path(home)] if home else []


def _places(root: str | Path) -> list[Path]:
    return [Path(root), *(home / root for home in _shared())]


def _state() -> str:
    return "now " + (os.environ.get("CLEARSIGHT_DATA") or "not set")
