"""What the page bears: the first picture, fifty hostile files and twenty visitors at once, and how much memory; Linux.

pip install '.[web]' && python benchmarks/page.py [--preset smoke]

``clearsight serve`` runs as a process of its own with the limits it has by default. Hostile files are images cut off or
with bytes overwritten, images of far too many pixels in few bytes, files too large, and files that are something else.
Each is answered by one sentence, or, where the damage leaves something to decode, by a picture. Memory is that of all
processes of the page together at its most, what they share counted once.
"""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from gradio_client import Client, handle_file
from PIL import Image

from clearsight.images import Picture, write
from measuring import is_rehearsal, noisy, save

FORMATS = ("png", "jpg", "webp", "tif", "jp2", "avif", "gif", "bmp", "ppm", "tga")
TOO_LARGE = 201_000_000
VISITORS, PATIENCE = 20, 600.0
BOMB = 30_000
"""Rows and columns of a picture that is nothing but black: 900 megapixels in a megabyte."""


@contextmanager
def page() -> Iterator[tuple[str, int, float]]:
    """The address of a page, its process and the seconds until it answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started, at = time.perf_counter(), f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "clearsight", "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not answers(at):
                time.sleep(0.1)
            yield at, process.pid, time.perf_counter() - started
        finally:
            process.terminate()


def answers(address: str) -> bool:
    """Whether the page is there."""
    try:
        return httpx.get(address, timeout=PATIENCE).status_code == 200
    except httpx.ConnectError:
        return False


class Memory(threading.Thread):
    """Watches a process and its descendants."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.most, self.ended = root, 0.0, threading.Event()

    def run(self) -> None:
        """Keep the most megabytes that were seen, five times a second."""
        while not self.ended.wait(0.2):
            self.most = max(self.most, sum(map(proportional, family(self.root))))


def family(root: int) -> list[int]:
    """A process and all that came of it."""
    listed = Path(f"/proc/{root}/task").glob("*/children")
    return [root, *(pid for path in listed for child in text(path).split() for pid in family(int(child)))]


def proportional(pid: int) -> float:
    """Megabytes of a process, what it shares with others divided among them."""
    found = re.findall(r"^Pss:\s+(\d+) kB", text(Path(f"/proc/{pid}/smaps_rollup")), re.MULTILINE)
    return sum(map(int, found)) * 1024 / 1e6


def text(path: Path) -> str:
    """Nothing where the process has just ended."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def hostile(folder: Path) -> list[Path]:
    """Fifty files."""
    rng = np.random.default_rng(0)
    made: dict[str, bytes] = {}
    for suffix in FORMATS:
        whole = encoded(folder, suffix)
        made[f"cut.{suffix}"] = whole[: len(whole) // 2]
        made[f"beginning.{suffix}"] = whole[:20]
        for number in (1, 2):
            damaged = np.frombuffer(whole, np.uint8).copy()
            at = rng.integers(len(damaged) // 50, len(damaged), 20)
            damaged[at] = rng.integers(0, 256, 20)
            made[f"damaged-{number}.{suffix}"] = damaged.tobytes()
    made |= {"empty.png": b"", "text.png": b"This is no image.\n", "zip.png": zipped(), "page.jpg": b"<html></html>"}
    made |= {"random.tif": rng.bytes(100_000), "program.png": Path(sys.executable).read_bytes()[:100_000]}
    made |= {"black.png": black("PNG"), "black.tif": black("TIFF"), "zeros.exr": b"v/1\x01" + bytes(1000)}
    made["large.png"] = bytes(TOO_LARGE)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in made]


def encoded(folder: Path, suffix: str) -> bytes:
    """A small noisy photograph."""
    path = folder / f"whole.{suffix}"
    pixels = noisy(96, 128)
    if suffix == "gif":
        Image.fromarray(pixels).quantize(64).save(path)
    else:
        write(Picture(pixels=pixels), path)
    return path.read_bytes()


def zipped() -> bytes:
    """An archive of zeros, a thousand times smaller than they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10_000_000))
    return buffer.getvalue()


def black(form: str) -> bytes:
    """A picture of far too many pixels, in few bytes."""
    buffer = io.BytesIO()
    Image.MAX_IMAGE_PIXELS = None
    options = {"compression": "tiff_deflate"} if form == "TIFF" else {}
    Image.new("1", (BOMB, BOMB)).save(buffer, form, **options)
    return buffer.getvalue()


def outcome(ask: Callable[[], object]) -> str:
    """What became of it, in a word."""
    try:
        ask()
    except Exception as error:  # whatever the client makes of an answer
        said = str(error)
        return "a sentence" if said and "\n" not in said and "Traceback" not in said else f"unexpected: {said[:200]}"
    return "a picture"


def restored(address: str, path: Path) -> Callable[[], object]:
    """Ask for a file as a visitor who has just come."""

    def ask() -> object:
        client = Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE})
        return client.predict(handle_file(path), "auto", 1.0, api_name="/restore")

    return ask


def main() -> None:
    """Measure."""
    small, started = is_rehearsal(__doc__), time.monotonic()
    side = 64 if small else 1000
    with page():
        pass  # the first start ever compiles Python's modules
    with tempfile.TemporaryDirectory() as place, page() as (address, pid, start):
        folder = Path(place)
        memory = Memory(pid)
        memory.start()
        write(Picture(pixels=noisy(side, side)), folder / "photo.png")
        write(Picture(pixels=noisy(64, 64)), folder / "small.png")
        client = Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE})
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            client.predict(handle_file(folder / "photo.png"), "auto", 1.0, api_name="/restore")
            times.append(round(time.perf_counter() - begun, 2))
        files = hostile(folder)
        answered = {path.name: outcome(restored(address, path)) for path in (files[::10] if small else files)}
        with ThreadPoolExecutor(VISITORS) as visitors:
            asked = [visitors.submit(outcome, restored(address, folder / "small.png")) for _ in range(VISITORS)]
            served = Counter(one.result() for one in asked)
        result = {
            "seconds_to_start": round(start, 1),
            "picture": f"{side}×{side}, 8 bits, in colour, denoise-photo or what suits it",
            "seconds_first_picture": times[0],
            "seconds_next_pictures": times[1:],
            "hostile_files": len(answered),
            "answered_by": dict(Counter(answered.values())),
            "pictures_of": sorted(name for name, what in answered.items() if what == "a picture"),
            "visitors_at_once": dict(served),
            "megabytes_at_most": round(memory.most),
            "up_afterwards": outcome(restored(address, folder / "small.png")) == "a picture",
        }
        memory.ended.set()
    save("page", result, time.monotonic() - started, rehearsal=small)


if __name__ == "__main__":
    main()
