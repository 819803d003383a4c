"""The one place where text from a cluster or a learner's file becomes fit for a terminal, a report or XML.

RBAC names, subjects, API messages and answer files may hold anything: terminal escapes, bidirectional overrides,
invisible characters. They are cleaned once, where they enter evidence; whoever renders may then trust what it gets.
Markup languages (Textual, XML, HTML) need their own escaping on top; nothing in here knows any.
"""

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_KEPT = "\n\t"
_NEVER = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls (C0, DEL, C1), invisible and bidirectional, lone surrogates, odd line ends."""


def clean(text: object, limit: int = 2000) -> str:
    """The text without anything that could act on a terminal or hide from a reader.

    Every C0 control but newline and tab, DEL, C1, format character (bidirectional, zero-width, tags), lone surrogate,
    non-character and Unicode line separator becomes U+FFFD.

    Args:
        text: anything; ``str()`` of it is taken.
        limit: the most characters to keep; what is cut off is said so at the end.

    """
    value = str(text)
    kept = value[:limit]
    if not kept.isprintable():
        kept = "".join(c if _harmless(c) else REPLACEMENT for c in kept)
    return kept if len(value) <= limit else f"{kept}… (+{len(value) - limit} characters)"


def drawable(text: str) -> str:
    """What a program writes to a terminal, with nothing in it that is neither to be drawn nor a C0 control.

    For a terminal emulator, which is what gives the C0 controls (and so escape sequences) their meaning; nobody else
    may show what this returns.
    """
    return text if text.isascii() else text.translate(_DRAWABLE)


def clean_line(text: object, limit: int = 300) -> str:
    """As ``clean``, on one line: runs of white space become one space."""
    return " ".join(clean(text, limit).split())


class _Drawable(dict[int, str | int]):
    """A table for ``str.translate`` that is worked out letter by letter, and kept for none."""

    def __missing__(self, code: int) -> str | int:
        return code if code < ord(" ") or _harmless(chr(code)) else REPLACEMENT


_DRAWABLE = _Drawable()


def _harmless(char: str) -> bool:
    if char in _KEPT:
        return True
    return unicodedata.category(char) not in _NEVER and ord(char) & 0xFFFE != 0xFFFE
