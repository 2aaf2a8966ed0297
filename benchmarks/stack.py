"""Peak resident memory while an ImageJ stack of 100 slices of a megapixel is restored, and whether its axes stay.

python benchmarks/stack.py [--slices 100] [--side 1000]

16 bits; each slice is a dim photograph with noise. The command runs in a process of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from bulk import command
from measuring import noisy, save, taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--side", type=int, default=1000)
    options = parser.parse_args()
    started = time.monotonic()
    shape = (options.slices, options.side, options.side)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "stack.tif", Path(folder) / "restored.tif"
        calibration = {"axes": "ZYX", "spacing": 0.3, "unit": "um"}
        tifffile.imwrite(source, slices(shape), shape=shape, dtype=np.uint16, imagej=True, metadata=calibration)
        restored = taken(command(source, target))
        kept = target.is_file() and described(target) == described(source)
    save(
        "stack",
        {
            "slices": options.slices,
            "megapixels": np.prod(shape).item() / 1e6,
            "exit_status": restored.exit_status,
            "axes_and_calibration_kept": kept,
            "peak_resident_gigabytes": restored.peak_resident_gigabytes,
            "processor_seconds": restored.processor_seconds,
        },
        time.monotonic() - started,
    )


def slices(shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """Slices of 100 to 1,120 counts, each a row lower than the one before."""
    photograph = 100 + 4 * noisy(*shape[1:])[..., 1].astype(np.uint16)
    return (np.roll(photograph, i, axis=0) for i in range(shape[0]))


def described(path: Path) -> tuple[object, ...]:
    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        return series.axes, series.shape, series.dtype, tif.imagej_metadata


if __name__ == "__main__":
    main()
