"""Peak resident memory while a 100-megapixel image is restored, and whether its seams can be found.

python benchmarks/memory.py [--side 10000] [--model denoise-color]

The image is a photograph repeated, with noise; the command runs in a process of its own. The seams: on a part of the
image, the tiled result against that of one window without tiles; float32, largest difference.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import clearsight
from bulk import command
from clearsight.images import Picture, write
from clearsight.inference import Engine
from measuring import noisy, save, taken


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=10_000)
    parser.add_argument("--model", default="denoise-color")
    options = parser.parse_args()
    side, started = options.side, time.monotonic()
    model = clearsight.load(options.model)
    part = noisy(1100, 1300).astype(np.float32) / 255
    whole, tiled = (Engine(model, precision="float32", tile=t).restore_pixels(part) for t in ("off", 256))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "large.jpg", Path(folder) / "out.jpg"
        write(Picture(pixels=noisy(side, side)), source)
        restored = taken(command(source, target, "-m", options.model))
        written = target.is_file()
    save(
        "memory" if options.model == "denoise-color" else f"memory-{options.model}",
        {
            "model": options.model,
            "megapixels": side**2 / 1e6,
            "exit_status": restored.exit_status,
            "written": written,
            "peak_resident_gigabytes": restored.peak_resident_gigabytes,
            "processor_seconds": restored.processor_seconds,
            "tiled_against_whole_largest_difference": float(np.abs(whole - tiled).max()),
        },
        time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
