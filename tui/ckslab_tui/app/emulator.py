"""What a program writes to its terminal, made into rows of cells; and keys, made into what a terminal sends.

The emulator is bittty's board. A shell prints hostile text (an object's name, a log, a file somebody else wrote), and a
terminal's language can do far more than draw: set the clipboard and the title, read them back as if they were typed,
give keys another meaning, ask for windows of any size. So the board is left only what draws, and the few questions
whose answers are made of digits; anything else that is printed does nothing. Numbers are kept to the size of a screen.
"""

import codecs
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bittty import Board
from bittty.devices.modes import MouseProtocol
from bittty.operations import Operation
from bittty.style import Style

from ckslab_checker.text import drawable
from ckslab_tui.app.scrollback import Scrollback

MOST = 9999
"""The largest number that a sequence may hold, as in xterm; a dozen bytes could ask for a milliard of repetitions."""
LONGEST = 8192
"""Characters of a sequence that has not ended; a longer one is forgotten."""
GLYPH = 8
"""Characters of one cell: a letter and its accents."""

DRAWS = frozenset(
    """
    PRINT C0_BS C0_CR C0_CRLF C0_FF C0_HT C0_LF C0_SI C0_SO C0_VT ST HTS IND NEL RI RIS SAVE RESTORE SGR
    CBT CHA CHT CNL CPL CUB CUD CUF CUP CUU HPA HPB HPR HVP TBC VPA VPB VPR DECSCUSR DECSTBM DECSTR DECKPAM DECKPNM
    DCH DL ECH ED EL ICH IL REP SD SU DECALN DECSED DECSEL DECSWL
    LS2 LS3 SS2 SS3 SCS_G0 SCS_G1 SCS_G2 SCS_G3 SM RM DECSET DECRST
    """.split()  # noqa: SIM905, a list of them would fill the page
)
"""Operations that move the cursor, write, erase or scroll."""
ANSWERS = frozenset(("CPR", "DA1", "DA2", "DECRQM", "DSR"))
"""Questions that editors ask and wait for: where the cursor is, what kind of terminal this is, which modes are set."""
MODES = {False: frozenset((4,)), True: frozenset((1, 6, 7, 12, 25, 47, 1000, 1002, 1006, 1047, 1048, 1049, 2004))}
"""Modes that may be set, private or not: insert; cursor keys, origin, wrap, the cursor, other screens, pastes; the
mouse, which is told to programs on a screen of their own only."""
ERASE_PAST = 3
"""What ``clear`` asks of ED beside the screen: the lines that have left it (xterm's ctlseqs)."""
WHEEL = {True: ("up", 64), False: ("down", 65)}
"""By whether it is turned up: the key that it stands for, and its button in a report of the mouse."""
TURN = 3
"""Lines of one turn of the wheel, as in most terminals."""

NAMED = {"enter": "\r", "tab": "\t", "escape": "\x1b", "space": " ", "backspace": "\x7f"}
CONTROLS = {"at": "\0", "space": "\0", "backslash": "\x1c", "right_square_bracket": "\x1d", "underscore": "\x1f"}
MODIFIERS = {"shift": 1, "alt": 2, "meta": 2, "ctrl": 4}
"""Bits of the parameter by which xterm tells of them, less one."""

Row = Sequence[tuple[Style, str]]
T = TypeVar("T")


@dataclass(frozen=True)
class _Line:
    """The cable from the board to the program."""

    write: Callable[[str], None]


class Emulator:
    """A screen of so many columns and rows.

    Args:
        width: columns, at least 1.
        height: rows, at least 1.
        send: takes what goes to the program: keys, pastes, answers.

    """

    def __init__(self, width: int, height: int, send: Callable[[bytes], None]) -> None:
        self.board = Board(width=width, height=height)
        self.board.host.attach(_Line(lambda text: send(text.encode("utf-8", "replace"))))
        self._send = send
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        registry = self.board.registry
        allowed = {name: _guarded(registry[name]) for name in registry.keys() & (DRAWS | ANSWERS)}
        allowed["ED"] = _then(self._forget, allowed["ED"])
        registry.clear()
        registry.update(allowed)
        self.past: Scrollback[Row] = Scrollback()
        blitter = self.board.blitter
        blitter.scroll = _then(self._keep, blitter.scroll)

    def feed(self, data: bytes) -> None:
        """Take what the program has written."""
        parser = self.board.parser
        parser.feed(drawable(self._decoder.decode(data)))
        if len(parser.buffer) > LONGEST:
            parser.buffer, parser.pos, parser.mode = "", 0, None

    def _keep(self, lines: int) -> None:
        """Before the screen is scrolled: what leaves it at its top is kept, but for screens of programs' own."""
        blitter = self.board.blitter
        if lines > 0 and blitter.scroll_top == 0 and not blitter.in_alt_screen:
            self.past.add(tuple(row) for row in blitter.current_buffer.grid[: min(lines, blitter.scroll_bottom + 1)])

    def _forget(self, operation: Operation) -> None:
        if operation.args[:1] == (ERASE_PAST,):
            self.past.clear()

    def resize(self, width: int, height: int) -> None:
        """Become of another size; what is on the screen stays, as far as there is room."""
        self.board.resize(width, height)

    def reset(self) -> None:
        """An empty screen, whatever was written before."""
        self._decoder.reset()
        self.past.clear()
        self.feed(b"\x18\x1bc")

    def recover(self) -> None:
        """Undo what a program that was killed leaves behind: its own screen, the mouse, a hidden cursor, colours."""
        if self.board.blitter.in_alt_screen:
            self.feed(b"\x18\x1b[?1049l")
        self.feed(b"\x18\x1b[0m\x1b[?25h\x1b[?1000;1002;1006l")

    # --- what is to be seen --------------------------------------------------------------------------------------

    @property
    def page(self) -> Any:
        """What is shown; another object after the program has gone to the other screen."""
        return self.board.blitter.current_buffer

    def row(self, y: int) -> Row:
        """The cells of a row, with their style; the second cell of a wide letter is empty."""
        grid = self.page.grid
        return [(style, glyph[:GLYPH]) for style, glyph in grid[y]] if y < len(grid) else []

    def seen(self, y: int) -> Row:
        """The cells of a row as it is looked at, which may be further back."""
        line = y - self.past.back
        if line >= 0:
            return self.row(line)
        return [(style, glyph[:GLYPH]) for style, glyph in self.past.above(-line)]

    @property
    def own_screen(self) -> bool:
        """Whether a program has the whole screen for itself, as editors do."""
        return bool(self.board.blitter.in_alt_screen)

    def color(self, color: object) -> tuple[int, int, int] | None:
        """A style's colour as red, green and blue; none where it is the terminal's own."""
        found = self.board.palette.resolve(color)
        if found is None:
            return None
        red, green, blue = (min(max(0, part), 255) for part in found)
        return red, green, blue

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row; none where it is hidden."""
        return (self.board.cursor.x, self.board.cursor.y) if self.board.modes.cursor_visible else None

    @property
    def text(self) -> str:
        """The screen as plain text."""
        return "\n".join("".join(glyph for _, glyph in self.row(y)).rstrip() for y in range(self.board.height))

    # --- what is typed -------------------------------------------------------------------------------------------

    def key(self, name: str, character: str | None) -> None:
        """Send a key, by Textual's name for it; one that no terminal has is ignored."""
        *held, base = name.split("+")
        bits = 0
        for modifier in held:
            bits |= MODIFIERS.get(modifier, 0)
        if bits & 4 and (code := _control(base)):
            self._type(code, bits)
        elif base in NAMED:
            self._type("\x1b[Z" if (base, bits) == ("tab", 1) else NAMED[base], bits)
        elif base[0] == "f" and base[1:].isdigit():
            self.board.input_fkey(int(base[1:]), bits + 1)
        elif character and character.isprintable():
            self._type(character, bits)
        else:
            self.board.input_key(base if len(base) > 1 else "", bits + 1)

    def paste(self, text: str) -> None:
        """Send a text at once: as a paste where the program knows what that is, and never with a control in it."""
        plain = "".join(c for c in text.replace("\r\n", "\r").replace("\n", "\r") if c.isprintable() or c in "\r\t")
        self._send((f"\x1b[200~{plain}\x1b[201~" if self.board.modes.bracketed_paste else plain).encode())

    def wheel(self, x: int, y: int, *, up: bool) -> None:
        """Turn the wheel: so many lines back or forth, or for a program that has a screen of its own, told to it."""
        key, button = WHEEL[up]
        if not self.own_screen:
            self.past.scroll(TURN if up else -TURN)
        elif self._tells_mouse:
            self.mouse(x, y, button, "press")
        else:
            for _ in range(TURN):
                self.board.input_key(key, 1)

    def mouse(self, x: int, y: int, button: int, what: str) -> None:
        """Tell a program of the mouse, where it has asked for that and has a screen of its own.

        Args:
            x: column, from 0.
            y: row, from 0.
            button: 0 is the left one.
            what: "press", "release" or "move".

        """
        if self._tells_mouse:
            self.board.input_mouse(x + 1, y + 1, button, what, set())

    @property
    def _tells_mouse(self) -> bool:
        """Only in digits: other encodings send what might be taken for something typed."""
        modes = self.board.modes
        return self.own_screen and modes.mouse_sgr_mode and modes.mouse_protocol is not MouseProtocol.OFF

    def _type(self, text: str, bits: int) -> None:
        self._send((f"\x1b{text}" if bits & 2 else text).encode("utf-8", "replace"))


def _then(first: Callable[[T], None], second: Callable[[T], None]) -> Callable[[T], None]:
    def both(value: T) -> None:
        first(value)
        second(value)

    return both


def _control(base: str) -> str | None:
    if len(base) == 1 and base.isalpha() and base.isascii():
        return chr(ord(base.upper()) - 64)
    return CONTROLS.get(base)


def _guarded(handler: Callable[[Operation], None]) -> Callable[[Operation], None]:
    """A handler that gets no number beyond a screen's, and does nothing about a malformed sequence."""

    def handle(operation: Operation) -> None:
        with suppress(TypeError, ValueError, LookupError):
            handler(replace(operation, args=_allowed(operation)) if operation.args else operation)

    return handle


def _allowed(operation: Operation) -> tuple[Any, ...]:
    args: tuple[Any, ...] = tuple(map(_bounded, operation.args))
    if operation.name in ("SM", "RM", "DECSET", "DECRST"):
        modes, on, private = args
        return tuple(mode for mode in modes if mode in MODES[bool(private)]), on, private
    return args


def _bounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_bounded, value))
    return min(value, MOST) if type(value) is int else value
