"""Images inside ``.tar`` files, such as WebDataset's shards, each read where it lies: nothing is unpacked."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from clearsight.errors import ImageReadError, reason
from clearsight.images.files import open_image
from clearsight.images.formats import SUFFIXES, suffix_of
from clearsight.images.picture import Picture

__all__ = ["ShardImage", "shard_images"]


@dataclass(frozen=True, slots=True)
class ShardImage:
    """Where an image lies.

    Attributes:
        shard: the tar file.
        name: of the image in it.
        start: of its content, in bytes.
        size: of its content, in bytes.
    """

    shard: Path
    name: str
    start: int
    size: int

    def read(self) -> Picture:
        """Decode it; of a stack the first plane.

        Raises:
            ImageReadError: it is damaged, no image, or holds NaN or infinity.
            OSError: the tar file cannot be read.
        """
        with self.shard.open("rb") as file:
            file.seek(self.start)
            content = file.read(self.size)
        return open_image(BytesIO(content), name=f"{self.shard}/{self.name}").read()


def shard_images(shard: Path) -> Iterator[ShardImage]:
    """The images of a tar file that is not compressed, in its order; of the others only their headers are read.

    Raises:
        ImageReadError: it is no such file, or ends too early.
    """
    try:
        with tarfile.open(shard, "r:") as tar:
            for one in tar:
                name = Path(one.name)
                if one.isreg() and not one.issparse() and suffix_of(name) in SUFFIXES and name.name[0] != ".":
                    yield ShardImage(shard, one.name, one.offset_data, one.size)
    except (tarfile.TarError, OSError) as error:
        raise ImageReadError(f"{shard} cannot be read as a tar file ({reason(error)}): copy it again") from None
