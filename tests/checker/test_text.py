import unicodedata

import pytest

from ckslab_checker.text import clean, clean_line


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
        ("a\x00b\x7fc\x9bd", "a\ufffdb\ufffdc\ufffdd"),
        ("admin\u202egnp.exe\u2066", "admin\ufffdgnp.exe\ufffd"),
        ("ro\u200bot\ufeff", "ro\ufffdot\ufffd"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("line\u2028end\u2029", "line\ufffdend\ufffd"),
        ("carriage\rreturn", "carriage\ufffdreturn"),
        ("tag \U000e0041", "tag \ufffd"),
        ("non \ufffe char \U0001ffff", "non \ufffd char \ufffd"),
    ],
)
def test_what_could_act_on_a_terminal_or_hide_is_replaced(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_ordinary_text_of_any_language_is_kept() -> None:
    text = "líne one\n\tdeux — 三 🎉 [/x] <b>"
    assert clean(text) == text


def test_no_control_character_survives() -> None:
    everything = "".join(map(chr, range(0x3000)))
    left = {unicodedata.category(c) for c in clean(everything, len(everything)) if c not in "\n\t"}
    assert left.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 12, 10) == "xxxxxxxxxx… (+2 characters)"


def test_anything_can_be_cleaned() -> None:
    assert clean({"a": None}) == "{'a': None}"


def test_a_clean_line_is_one_line() -> None:
    assert clean_line(" two\n\n  lines\t") == "two lines"
