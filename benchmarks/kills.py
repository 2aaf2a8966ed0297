"""Runs that are killed, ``kill -9``, at random moments: the whole local run, the driver of Ray, a process of Ray's.

python benchmarks/kills.py [--preset smoke]

A run is killed once a random number of its results is there. Then the same command runs again, but where one of Ray's
processes was killed, which the run has to survive. At the end each result is compared with that of a run that was left
alone, and what the second run computed with what was there when the first was killed. Ray runs on this machine, for all
runs once. What is killed is told apart by the numbers of the parents of processes; Linux.
"""

from __future__ import annotations

import filecmp
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from bulk import command, outcomes, photographs
from measuring import is_rehearsal, save

MOMENTS = 20
"""How often something of each kind is killed; an hour on two cores, for Ray's processes take long to start."""

IMAGES, SIDE = 24, 160
MODEL = ("-m", "non-local-means", "--sigma", "25/255")
PATIENCE = 600.0
"""Seconds that a run may take to its first results, or to its end."""


Kill = Callable[[subprocess.Popen[bytes]], None]
"""What kills a run, or a part of it."""


@dataclass(frozen=True)
class Runs:
    """Runs of one kind, over the same images.

    Attributes:
        folder: where results go.
        source: the images.
        options: of the command.
    """

    folder: Path
    source: Path
    options: tuple[str, ...]

    def command(self, out: Path) -> list[str]:
        """The command of each."""
        return command(self.source, out, *MODEL, *self.options)

    def whole(self, out: Path) -> None:
        """One to its end."""
        run = subprocess.run(self.command(out), stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        if run.returncode:
            raise RuntimeError(f"the run into {out} ended with status {run.returncode}: {run.stderr}")

    def killed(self, out: Path, results: int, kill: Kill) -> tuple[list[str], bool]:
        """One in which something is killed once so many results are there.

        Returns:
            The names of those that were there, and whether the run has survived.
        """
        run = subprocess.Popen(self.command(out), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while len(there := sorted(path.name for path in out.glob("*.png"))) < results and run.poll() is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {results} results in {PATIENCE:g} s")
            time.sleep(0.005)
        kill(run)
        return there, run.wait(PATIENCE) == 0


def kill_run(run: subprocess.Popen[bytes]) -> None:
    """The process that was started."""
    run.kill()


def kill_worker(run: subprocess.Popen[bytes]) -> None:
    """One of the processes that Ray has started, any: that read, compute, wait or look after the others.

    All but the two agents of its machine, without which Ray gives up the machine, here the only one.
    """
    names = {number: name_of(number) for number in descendants(os.getpid())}
    workers = [number for number, name in names.items() if name.startswith("ray::") and "Agent" not in name]
    os.kill(random.choice(workers), signal.SIGKILL)  # an error where there is none: nothing would have been killed


def descendants(parent: int) -> list[int]:
    """The numbers of the processes that a process has started, and those have, and so on."""
    children = [
        int(one) for path in Path(f"/proc/{parent}/task").glob("*/children") for one in path.read_text().split()
    ]
    return [*children, *(further for child in children for further in descendants(child))]


def name_of(number: int) -> str:
    """What a process calls itself; nothing where it has ended."""
    try:
        return Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def survived(runs: Runs, kill: Kill, moments: int, chance: random.Random) -> Any:
    """What comes of so many runs in which something is killed."""
    runs.folder.mkdir()
    runs.whole(whole := runs.folder / "whole")
    there, lived, again, different, crumbs, failed = [], 0, 0, 0, 0, 0
    for number in range(moments):
        out = runs.folder / str(number)
        found, survives = runs.killed(out, chance.randrange(1, IMAGES), kill)
        runs.whole(out)
        there.append(len(found))
        lived += survives
        second = outcomes(out)[-1]
        again += len(set(found) & {line["image"] for line in second if line.get("state") == "done"})
        failed += sum(line.get("state") == "failed" for line in second)
        different += sum(
            not (out / path.name).is_file() or not filecmp.cmp(whole / path.name, out / path.name, False)
            for path in runs.source.iterdir()
        )
        crumbs += len(list(out.glob(".*.part")))
    return {
        "moments": moments,
        "images": IMAGES,
        "results_there_when_killed": there,
        "runs_that_survived": lived,
        "computed_again_though_there": again,
        "failed_in_the_second_run": failed,
        "missing_or_different": different,
        "hidden_parts_left": crumbs,
    }


def main() -> None:
    """Kill."""
    rehearsal, started, chance = is_rehearsal(__doc__), time.monotonic(), random.Random(0)
    os.environ |= {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    moments, result = 1 if rehearsal else MOMENTS, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = photographs(folder / "in", IMAGES, SIDE, ".png")
        result["local_run"] = survived(Runs(folder / "local", source, ()), kill_run, moments, chance)
        context = ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        options = ("--engine", "ray", "--actors", "2", "--address", context.address_info["gcs_address"])
        for kind, kill in (("driver_of_ray", kill_run), ("process_of_ray", kill_worker)):
            result[kind] = survived(Runs(folder / kind, source, options), kill, moments, chance)
        ray.shutdown()
    save("kills", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
