"""What this machine can run, and how it is made ready. Facts come from the doctor; nothing is judged anew here."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ckslab_labs.errors import Infrastructure
from ckslab_labs.said import lines
from ckslab_tui.cli.options import Settings
from ckslab_tui.views import Entry, Fitness

if TYPE_CHECKING:
    from ckslab_labs.binaries.doctor import Finding

Tell = Callable[[str], None]

PULSE = 0.2
"""Seconds after which who waits for a set-up is told, though there is nothing new."""
GRACE = 10.0
"""Seconds that a set-up may take to end when it is interrupted."""


ERROR = "ckslab: "
"""How the last words of a command of ours begin when it fails."""
LAST_WORDS = 20
"""Lines of them that are shown at most."""


class Machine(Protocol):
    """What the app needs to know of this machine."""

    def look(self, entries: Sequence[Entry]) -> Fitness:
        """What it has and lacks, and which of the scenarios it cannot run. Takes up to some seconds."""

    def set_up(self, tell: Tell) -> None:
        """Build what is missing; takes minutes. ``tell`` may raise to give up, and is called ever so often for that."""


class ThisMachine:
    """The one that ckslab runs on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def look(self, entries: Sequence[Entry]) -> Fitness:
        """See ``Machine``."""
        from ckslab_labs.binaries.catalog import DEFAULT_KUBERNETES, programs
        from ckslab_labs.binaries.doctor import findings
        from ckslab_labs.binaries.locate import find
        from ckslab_labs.providers.embedded.provider import Embedded
        from ckslab_labs.providers.kind.preflight import findings as kind_findings
        from ckslab_labs.providers.kind.provider import Kind

        kubernetes = self._settings.kubernetes or DEFAULT_KUBERNETES
        known = {binary.name: binary.minutes for _, binary in programs(kubernetes)}
        to_build = tuple(known.keys() - find(list(known), kubernetes).keys())
        facts = {Embedded.name: tuple(findings(kubernetes)), Kind.name: tuple(kind_findings())}
        offers = {Embedded.name: frozenset(Embedded.offers), Kind.name: frozenset(Kind.offers)}
        if self._settings.provider is not None:
            offers = {name: offered for name, offered in offers.items() if name == self._settings.provider}
        return Fitness(
            facts=facts,
            to_build=tuple(name for name in known if name in to_build),
            minutes=sum(known[name] for name in to_build),
            unfit=unfit(entries, offers, facts),
        )

    def set_up(self, tell: Tell) -> None:
        """See ``Machine``. It is ``ckslab setup`` in a process of its own: that ends at once when it is told to."""
        version = ("--kubernetes", self._settings.kubernetes) if self._settings.kubernetes else ()
        run([sys.executable, "-m", "ckslab_tui", "setup", *version], tell)


def unfit(
    entries: Sequence[Entry],
    offers: Mapping[str, frozenset[str]],
    facts: Mapping[str, Sequence["Finding"]],
) -> dict[str, str]:
    """Why scenarios cannot run here, by their ids; those that can are left out.

    Args:
        entries: the scenarios.
        offers: what the clusters of each provider can do, the first choice first.
        facts: what the machine has and lacks for each provider.

    """
    found = {}
    for entry in entries:
        able = [name for name, offered in offers.items() if offered >= set(entry.requires)]
        lacking = {name: [fact for fact in facts[name] if not fact.ok] for name in able}
        if all(lacking.values()):  # of no provider at all as well
            found[entry.id] = _why(entry, offers, lacking)
    return found


def _why(entry: Entry, offers: Mapping[str, frozenset[str]], lacking: Mapping[str, Sequence["Finding"]]) -> str:
    for name, facts in lacking.items():
        elsewhere = frozenset().union(*(offered for other, offered in offers.items() if other != name))
        special = ", ".join(sorted(set(entry.requires) - elsewhere)) or "a cluster"
        seen = " ".join(f"{fact.name}: {fact.seen} → {fact.remedy}" for fact in facts)
        return f"it needs {special} of the {name} provider. {seen}"
    offered = frozenset().union(*offers.values())
    missing = sorted(set(entry.requires) - offered) or entry.requires
    return f"it needs {', '.join(missing)}, which {' or '.join(offers) or 'no provider'} does not have"


def run(command: Sequence[str], tell: Tell) -> None:
    """Run a command of ours, and tell what it says on standard error; ended, and waited for, when ``tell`` raises.

    Raises:
        Infrastructure: it failed; with its last words.

    """
    said: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
    ) as process:
        assert process.stderr
        try:
            for line in lines(process.stderr, PULSE):
                said = [*([] if line.startswith(ERROR) else said), line] if line else said
                tell(line)
        except BaseException:
            _end(process)
            raise
    if process.returncode != 0:
        seen = "\n".join(said[-LAST_WORDS:]) or f"exit code {process.returncode}"
        raise Infrastructure("make this machine ready", seen, "When that is mended, try again.")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt it as Ctrl-C does, so that it leaves nothing half-made."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
