"""A short run of ``tests/fuzz_images.py``, which anyone can run longer."""

from __future__ import annotations

import pytest

from fuzz_images import Case, run


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Case], list[str]]:
    return run(tmp_path_factory.mktemp("fuzz"), 40, 0)


def test_damaged_files_end_in_a_right_result_or_a_sentence(found: tuple[list[Case], list[str]]) -> None:
    cases, wrong = found
    assert sum(bool(case.damaged) for case in cases) == 20
    assert [line for line in wrong if "damaged=''" not in line] == []


def test_whole_files_keep_their_size_channels_and_depth(found: tuple[list[Case], list[str]]) -> None:
    assert [line for line in found[1] if "damaged=''" in line] == []
