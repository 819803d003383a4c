"""The window that tells the keys. It is made from the bindings that are in force, so that it cannot be wrong."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ckslab_tui.app.words import FAINT, plain

Bindings = Mapping[str, ActiveBinding]


class HelpWindow(ModalScreen[None]):
    """Shows the keys of the screen below, until a key is pressed."""

    CSS = """
    HelpWindow { align: center middle; }
    HelpWindow VerticalScroll {
        width: 100%; max-width: 90; height: auto; max-height: 90%; padding: 0 2;
        border: round $primary; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,q,question_mark,f1", "dismiss", "Close")]

    def __init__(self, bindings: Bindings) -> None:
        super().__init__()
        self.told = bindings

    def compose(self) -> ComposeResult:
        """Two lists: what one can do here, and how one moves about."""
        with VerticalScroll() as window:
            window.border_title = "Keys"
            yield Static(Content("\n").join(self._lines()), markup=False)

    def _lines(self) -> Iterator[Content]:
        for title, shown in (("Here", True), ("Moving about", False)):
            keys = keys_of(self.app, {k: b for k, b in self.told.items() if b.binding.show is shown})
            if keys:
                yield plain(title, "bold")
            for binding, names in keys:
                yield Content.assemble(
                    plain(f"  {', '.join(names):<10}  ", "bold"),
                    plain(f"{binding.binding.description:<12}  "),
                    plain(binding.tooltip, FAINT),
                )
            yield plain("")
        yield plain("escape: close", FAINT)


def keys_of(app: App[None], bindings: Bindings) -> list[tuple[ActiveBinding, list[str]]]:
    """The bindings that say what they do, each once with all of its keys as they are printed."""
    found: dict[tuple[str, str], tuple[ActiveBinding, list[str]]] = {}
    for active in bindings.values():
        if active.binding.description:
            _, names = found.setdefault((active.binding.action, active.binding.description), (active, []))
            names.append(app.get_key_display(active.binding))
    return list(found.values())
