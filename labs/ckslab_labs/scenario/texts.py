"""The texts of a scenario, and how any of its files is read from disk.

Packs come from strangers: a link, a pipe, a huge file or a control character is refused before anybody sees the text.
Markdown is cut into tiers here and nowhere else; it is not rendered here.
"""

import os
import re
import stat
from pathlib import Path

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.model import Scenario
from ckslab_labs.strict_yaml import MAX_BYTES, UNPRINTABLE

TEXTS = ("task.md", "hints.md", "why.md")

_FENCE = re.compile(r"\s{0,3}(```|~~~)")


def hints(scenario: Scenario) -> tuple[str, ...]:
    """The hints of a scenario, from the mildest to the plainest, as Markdown with their headings.

    Raises:
        InvalidInput: hints.md cannot be read.

    """
    return tiers(read_text(scenario.folder / "hints.md"))


def tiers(markdown: str) -> tuple[str, ...]:
    """Cut Markdown at its ``##`` headings; what stands before the first is left out.

    A line that starts with ``##`` inside a fenced block is not a heading.
    """
    found: list[list[str]] = []
    fence = ""
    for line in markdown.splitlines():
        if match := _FENCE.match(line):
            fence = "" if fence == match[1] else fence or match[1]
        if line.startswith("## ") and not fence:
            found.append([])
        if found:
            found[-1].append(line)
    return tuple("\n".join(lines).strip() for lines in found)


def read_text(path: Path, source: str | None = None) -> str:
    """Read a text that is safe to show on a terminal; arguments and errors as for ``read_bytes``."""
    source = source or str(path)
    try:
        text = read_bytes(path, source).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"read {source}", f"byte {error.start + 1} is not UTF-8", "Save it as UTF-8 text.") from None
    if found := UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidInput(f"read {source}", f"line {line}: it holds the control character {found[0]!a}", "Remove it.")
    return text


def read_bytes(path: Path, source: str | None = None) -> bytes:
    """Read a plain file of at most 2 MiB.

    Args:
        path: the file; links are not followed and pipes are not waited for.
        source: what to call it in errors; the path unless given.

    Raises:
        InvalidInput: it is not such a file.

    """
    attempted = f"read {source or path}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "it is a symbolic link" if path.is_symlink() else (error.strerror or str(error)).lower()
        raise InvalidInput(attempted, reason, "Put a readable file there.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(attempted, "it is not a plain file", "Put a readable file there.")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise InvalidInput(attempted, f"it is larger than {MAX_BYTES // 1024} KiB", "Split it, or shorten it.")
    return data
