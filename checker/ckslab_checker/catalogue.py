"""The catalogue with the kinds of probe that this checker knows."""

from collections.abc import Sequence
from pathlib import Path

from ckslab_checker.probes import PROBES
from ckslab_labs.scenario.catalogue import Catalogue


def catalogue(packs: Sequence[Path] = ()) -> Catalogue:
    """All scenarios: those that ship with ckslab, and those of these packs and of ``CKSLAB_PACKS``."""
    return Catalogue(PROBES, packs)
