"""What a shell offers is what the registries hold, found without importing them."""

from __future__ import annotations

import subprocess
import sys

import clearsight.datasets
import clearsight.degradations  # noqa: F401  (fills the registry)
from clearsight import weights
from clearsight.cli import completion
from clearsight.registry import DATASETS, DEGRADATIONS, JOINT, RECOGNIZERS
from clearsight.training import shipped_recipes


def test_names_are_those_that_are_registered() -> None:
    restorers = [*(one.name for one in weights.shipped()), *(one.name for one in weights.weightless())]
    assert completion.models("") == sorted(["auto", *restorers])
    assert completion.recognizers("") == sorted(one.name for one in weights.shipped(RECOGNIZERS, JOINT))
    assert completion.degradations("") == sorted(f"{name}(" for name in DEGRADATIONS)
    assert completion.datasets("") == sorted(DATASETS)
    assert completion.recipes("") == sorted(shipped_recipes())


def test_what_is_typed_narrows_them_and_the_last_step_of_a_pipeline_is_completed() -> None:
    assert completion.models("denoise-c") == ["denoise-color"]
    assert completion.degradations("jpeg(quality=60) | gauss") == ["jpeg(quality=60) | gaussian("]


def test_tab_imports_nothing_heavy() -> None:
    code = (
        "import sys, clearsight.cli.completion as c; c.models(''); print(*sorted({'torch', 'numpy'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
