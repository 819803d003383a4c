"""The emulator: it draws what a shell prints, and lets it do nothing else, whatever it is."""

import random

import pytest

from ckslab_tui.app.emulator import LONGEST, Emulator
from ckslab_tui.app.scrollback import LINES

LOGS = "".join(f"\x1b[32m{number:05}\x1b[0m a line of a log, as long as such lines are\r\n" for number in range(20000))

NOISE = "\x1b\x1b\x1b[[]P(#%;?>$' 0159-\x07\\\r\n\t\x08hlmAHJKrpqtuxz{|}é漢\x18@LMSTbcn\x0e:!*sdGXfgiWZI"


def emulator(width: int = 20, height: int = 6) -> tuple[Emulator, bytearray]:
    sent = bytearray()
    return Emulator(width, height, sent.extend), sent


def lines(shown: Emulator) -> list[str]:
    return shown.text.rstrip("\n").split("\n")


def test_text_is_where_the_cursor_was_put_and_in_its_colour() -> None:
    shown, _ = emulator()
    shown.feed("one\r\n\x1b[3;5H\x1b[1;31mtwö\x1b[0m 漢".encode())
    style, glyph = shown.row(2)[4]

    assert lines(shown) == ["one", "", "    twö 漢"]
    assert glyph == "t"
    assert style.bold
    assert shown.color(style.fg) is not None
    assert shown.color(shown.row(0)[0][0].fg) is None
    assert shown.cursor == (10, 2)


def test_what_arrives_in_pieces_is_as_good_as_what_arrives_at_once() -> None:
    whole = "ä\x1b[2;2Hb\x1b]0;title\x07c\x1b[31md".encode()
    shown, _ = emulator()
    for index in range(len(whole)):
        shown.feed(whole[index : index + 1])

    assert lines(shown) == ["ä", " bcd"]


def test_an_editor_has_a_screen_of_its_own_and_leaves_the_other_as_it_was() -> None:
    shown, _ = emulator()
    shown.feed(b"before")
    shown.feed(b"\x1b[?1049h\x1b[2J\x1b[Hediting")
    editing = lines(shown)
    shown.feed(b"\x1b[?1049l")

    assert editing == ["editing"]
    assert lines(shown) == ["before"]


def test_after_an_editor_that_was_killed_the_screen_is_as_before_it_and_elsewhere_stays_as_it_is() -> None:
    shown, _ = emulator()
    shown.feed(b"one\r\ntwo\r\n")
    shown.recover()
    shown.feed(b"three\r\n\x1b[?1049h\x1b[?25l\x1b[Hediting\x1b]0;un")
    shown.recover()
    shown.feed(b"four")

    assert lines(shown) == ["one", "two", "three", "four"]
    assert shown.cursor is not None


def test_twenty_thousand_lines_end_with_the_last() -> None:
    shown, _ = emulator(80, 24)
    shown.feed(LOGS.encode())

    assert lines(shown)[-1].startswith("19999 a line")
    assert shown.board.height == 24


def seen(shown: Emulator) -> list[str]:
    return ["".join(glyph for _, glyph in shown.seen(y)).rstrip() for y in range(shown.board.height)]


def test_lines_that_leave_the_screen_can_be_looked_back_at_and_stay_in_view_while_others_come() -> None:
    shown, _ = emulator()
    shown.feed("".join(f"\x1b[31mline {number}\r\n" for number in range(20)).encode())
    assert seen(shown) == [*(f"line {number}" for number in range(15, 20)), ""]

    assert shown.past.scroll(4)
    assert seen(shown) == [f"line {number}" for number in range(11, 17)]
    assert shown.seen(0)[0][0].fg == shown.seen(5)[0][0].fg
    shown.feed(b"more\r\nand more\r\n")
    assert seen(shown) == [f"line {number}" for number in range(11, 17)]
    assert shown.past.scroll(999)
    assert not shown.past.scroll(1)
    assert seen(shown)[0] == "line 0"
    assert shown.past.scroll(-999)
    assert seen(shown)[-2:] == ["and more", ""]


def test_no_more_lines_are_kept_than_there_is_room_for() -> None:
    shown, _ = emulator(80, 24)
    shown.feed(LOGS.encode())
    shown.past.scroll(10**9)

    assert shown.past.back == LINES
    assert seen(shown)[0].startswith(f"{20000 - 23 - LINES:05} a line")


@pytest.mark.parametrize("ends", ["\x1b[H\x1b[2J\x1b[3J", "reset"])
def test_clear_forgets_the_lines_that_have_left_the_screen(ends: str) -> None:
    shown, _ = emulator()
    shown.feed(b"one\r\n" * 20)
    shown.past.scroll(3)
    shown.feed(ends.encode()) if ends != "reset" else shown.reset()

    assert not shown.past.scroll(1)


def test_what_scrolls_within_a_region_or_on_a_programs_own_screen_is_not_kept() -> None:
    shown, _ = emulator()
    shown.feed(b"\x1b[2;5r\x1b[5;1H" + b"one\r\n" * 20)
    shown.feed(b"\x1b[r\x1b[?1049h\x1b[6;1H" + b"two\r\n" * 20)

    assert not shown.past.scroll(1)


def test_a_programs_own_screen_gets_the_wheel_as_keys_or_as_it_has_asked_for_it() -> None:
    shown, sent = emulator()
    shown.feed(b"\x1b[?1049h")
    shown.wheel(2, 3, up=True)
    assert bytes(sent) == b"\x1b[A" * 3

    sent.clear()
    shown.feed(b"\x1b[?1000h\x1b[?1006h")
    shown.wheel(2, 3, up=False)
    shown.mouse(0, 0, 0, "press")
    shown.mouse(1, 0, 0, "move")  # it has asked for buttons only
    shown.mouse(1, 0, 0, "release")
    assert bytes(sent) == b"\x1b[<65;3;4M\x1b[<0;1;1M\x1b[<0;2;1m"


def test_what_is_printed_has_no_mouse_typed_into_a_shell() -> None:
    for printed in (b"\x1b[?1000h\x1b[?1006h", b"\x1b[?1049h\x1b[?1000h", b"\x1b[?1049h\x1b[?1003h\x1b[?1006h"):
        shown, sent = emulator()
        shown.feed(printed)
        shown.mouse(0, 0, 0, "press")
        shown.recover()
        shown.feed(b"\x1b[?1049h")
        shown.mouse(0, 0, 0, "press")
        assert not sent


@pytest.mark.parametrize(
    "printed",
    [
        "\x1b]52;c;cm0gLXJmIC8=\x07\x1b]52;c;?\x07",  # set the clipboard, and read it back
        "\x1b]2;rm -rf /\r\x07\x1b[21t\x1b[20t",  # set the title, and read it back
        "\x1b]50;rm -rf /\x07\x1b]50;?\x07",  # the font
        "\x1bP$qrm -rf /\x1b\\\x1bP+q726d\x1b\\",  # what is not known is repeated in the answer
        "\x1bP1;1|17/726d202d7266202f0d\x1b\\",  # another meaning for a key
        "\x05",  # answer back
        "\x1b]10;?\x07\x1b]4;1;?\x07\x1b[>q\x1b[1;1;1;1;2;2*y",  # colours, the name, a checksum
        "\x1b]8;;file:///etc/passwd\x07link\x1b]8;;\x07",
        "\x1b]9;you have been\x07\x1b]777;notify;a;b\x07\x1b[5i\x1b[2h",  # notifications, a printer, a locked keyboard
    ],
)
def test_nothing_that_is_printed_sets_or_reads_anything_outside_of_the_screen(printed: str) -> None:
    shown, sent = emulator()
    shown.feed(printed.encode())
    assert sent == b""
    assert shown.board.clipboard == {}
    assert shown.board.title.title == "Terminal"
    assert not any(style.hyperlink for y in range(6) for style, _ in shown.row(y))

    shown.key("f6", None)
    shown.key("a", "a")
    shown.feed(b"\x1b[H\x1b[Jb")
    assert sent == b"\x1b[17~a"
    assert lines(shown) == ["b"]


def test_the_questions_of_editors_are_answered_with_digits() -> None:
    shown, sent = emulator()
    shown.feed(b"ab\x1b[6n\x1b[5n\x1b[c\x1b[>c\x1b[?25$p")

    assert sent.startswith(b"\x1b[1;3R\x1b[0n\x1b[?")
    assert sent.decode().translate(str.maketrans("", "", "\x1b[]?>;$0123456789")) == "Rnccy"


@pytest.mark.parametrize(
    "printed",
    [
        "x\x1b[999999999b",
        "\x1b[999999999I\x1b[999999999Z",
        "\x1b[8;99999;99999t\x1b[99999t\x1b[99999$|\x1b[?40h\x1b[?3h",
        "\x1b[" + "9" * 5000 + "A",
        "\x1b[;;;:::m\x1b[-1A\x1b[1;2;3;4;5r\x1b[?;;h",
        "\x1b[38;2;999;999;999mx\x1b[48;5;999my",
        "a" + "\u0301" * 100_000,
        "\x1b]0;" + "x" * 200_000,
        "\x1b[" + "1;" * 100_000,
    ],
)
def test_a_screen_of_any_content_stays_of_its_size_and_takes_what_comes_next(printed: str) -> None:
    shown, _ = emulator()
    shown.feed(printed.encode())  # unbounded, the first takes minutes, and the third all memory there is
    shown.feed(b"\x18\x1b[0m\x1b[H\x1b[2Jnext")

    assert lines(shown) == ["next"]
    assert (shown.board.width, shown.board.height) == (20, 6)
    assert len(shown.board.parser.buffer) <= LONGEST


def test_no_cell_holds_what_could_act_on_the_terminal_around_or_hide_in_it() -> None:
    shown, _ = emulator(40)
    shown.feed("\x9b31m\x9d0;x\x9c \u202eb\u2066c\u200bd\u2028e\ufeff \U000e0041 a".encode() + b"\x1b\x9bx\xff\xfe")
    text = shown.text

    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text.replace("\n", ""))
    assert not any(c in text for c in "\u202e\u2066\u200b\u2028\ufeff\U000e0041")


def test_noise_of_any_kind_is_survived() -> None:
    noise = random.Random(7)
    parts = [*NOISE, "\u0301", "4294"]
    shown, _ = emulator()
    for _ in range(3000):
        shown.feed("".join(noise.choices(parts, k=30)).encode())
    shown.feed(b"\x18\x1bcnext")

    assert lines(shown) == ["next"]


@pytest.mark.parametrize(
    ("key", "character", "sent"),
    [
        ("a", "a", b"a"),
        ("é", "é", "é".encode()),
        ("colon", ":", b":"),
        ("enter", "\r", b"\r"),
        ("tab", "\t", b"\t"),
        ("shift+tab", None, b"\x1b[Z"),
        ("backspace", "\x7f", b"\x7f"),
        ("escape", "\x1b", b"\x1b"),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+p", None, b"\x10"),
        ("ctrl+q", None, b"\x11"),
        ("ctrl+backslash", None, b"\x1c"),
        ("ctrl+right_square_bracket", None, b"\x1d"),
        ("alt+f", "f", b"\x1bf"),
        ("alt+shift+a", "A", b"\x1bA"),
        ("up", None, b"\x1b[A"),
        ("ctrl+left", None, b"\x1b[1;5D"),
        ("delete", None, b"\x1b[3~"),
        ("f5", None, b"\x1b[15~"),
        ("super+hyper+l", None, b""),
        ("scroll_lock", None, b""),
    ],
)
def test_a_key_is_sent_as_terminals_send_it(key: str, character: str | None, sent: bytes) -> None:
    shown, typed = emulator()
    shown.key(key, character)

    assert bytes(typed) == sent


def test_cursor_keys_follow_the_program_that_asks_for_the_other_kind() -> None:
    shown, typed = emulator()
    shown.feed(b"\x1b[?1h")
    shown.key("up", None)

    assert bytes(typed) == b"\x1bOA"


def test_a_paste_is_told_as_one_and_cannot_end_itself() -> None:
    shown, typed = emulator()
    shown.paste("one\ntwo\x03")
    assert bytes(typed) == b"one\rtwo"

    typed.clear()
    shown.feed(b"\x1b[?2004h")
    shown.paste("one\n\x1b[201~rm\n")
    assert bytes(typed) == b"\x1b[200~one\r[201~rm\r\x1b[201~"


def test_what_is_on_the_screen_outlives_another_size() -> None:
    shown, _ = emulator()
    shown.feed(b"\x1b[2;1Hstays")
    shown.resize(10, 3)

    assert "stays" in shown.text
    assert (shown.board.width, shown.board.height) == (10, 3)
