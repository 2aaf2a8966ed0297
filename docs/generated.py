"""Files that are written by a script and committed: write them, or check that they are what it would write."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from sources import ROOT

__all__ = ["settle"]


def settle(files: Mapping[Path, str], about: str | None) -> None:
    """Write the files; with ``--check`` exit non-zero if one of them does not hold its text."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--check", action="store_true")
    stale = {path: text for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text}
    if not parser.parse_args().check:
        for path, text in stale.items():
            path.write_text(text, encoding="utf-8")
    elif stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"{names}: out of date; run python {sys.argv[0]}")
