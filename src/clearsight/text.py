"""Text that users wrote, and text that they can read on any terminal."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from clearsight.errors import ClearsightError

__all__ = ["printable", "read_text"]

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends, and what stands for bytes of file names that are no UTF-8."""


def read_text(path: str | Path, error: type[ClearsightError]) -> str:
    """Read a text file of the user's: UTF-8, with or without a byte-order mark.

    Args:
        path: the file.
        error: what to raise.

    Raises:
        ClearsightError: of the class given: it cannot be read, or is in another encoding.
    """
    try:
        content = Path(path).read_bytes()
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except OSError as reason:
        raise error(f"{path} cannot be read: {reason.strerror or reason}") from None
    except UnicodeDecodeError as reason:
        line = reason.object.count(b"\n", 0, reason.start) + 1
        raise error(
            f"{path} is not in UTF-8 (byte 0x{reason.object[reason.start]:02X} in line {line}): save it as UTF-8"
        ) from None


def printable(text: str) -> str:
    r"""The same text on one line, with what a terminal would obey or cannot show written as an escape sequence.

    Example:
        >>> printable("two\nlines\x1b[2J")
        'two\\nlines\\x1b[2J'
    """
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)
