"""Which scenarios of the catalogue somebody wants to see: words that are searched for, and facets that are chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ckslab_tui.views import Catalogue, Entry, State

OURS = "ckslab"
"""The pack of the scenarios that ship with ckslab."""

FACETS: Mapping[str, Callable[[Entry, Catalogue], Sequence[str]]] = {
    "state": lambda entry, catalogue: (catalogue.standing(entry).state.value,),
    "difficulty": lambda entry, catalogue: (entry.difficulty,),
    "domain": lambda entry, catalogue: (entry.domain_title,),
    "capability": lambda entry, catalogue: entry.requires,
    "competency": lambda entry, catalogue: entry.competencies,
    "pack": lambda entry, catalogue: (entry.pack or OURS,),
}
"""By what one may choose, and the values that a scenario has of it."""
ORDER: Mapping[str, Sequence[str]] = {
    "state": [state.value for state in State],
    "difficulty": ("warm-up", "exam", "hard"),
}
"""The order of values where it is not that in which the catalogue has them."""


@dataclass(frozen=True)
class Filter:
    """What is wanted; everything, unless something is said."""

    text: str = ""
    """Words that all occur in what the catalogue says of a scenario, in whatever case."""
    chosen: frozenset[tuple[str, str]] = frozenset()
    """Facets with values. Of one facet any value will do; of several facets each has its say."""

    def __bool__(self) -> bool:
        return bool(self.text.split() or self.chosen)

    def toggled(self, facet: str, value: str) -> "Filter":
        """The filter with one value chosen that was not, or no longer."""
        return replace(self, chosen=self.chosen ^ {(facet, value)})

    def select(self, catalogue: Catalogue) -> tuple[Entry, ...]:
        """The scenarios that are wanted, in order."""
        return tuple(entry for entry in catalogue.entries if self._wants(entry, catalogue))

    def __str__(self) -> str:
        """The filter in words."""
        searched = [f"“{' '.join(self.text.split())}”"] if self.text.split() else []
        facets = {facet: sorted(v for f, v in self.chosen if f == facet) for facet in FACETS}
        return " · ".join(
            [*searched, *(f"{facet} {' or '.join(values)}" for facet, values in facets.items() if values)]
        )

    def _wants(self, entry: Entry, catalogue: Catalogue) -> bool:
        said = " ".join((entry.id, entry.title, entry.domain_title, entry.difficulty, *entry.competencies)).casefold()
        return all(word in said for word in self.text.casefold().split()) and all(
            any((facet, value) in self.chosen for value in FACETS[facet](entry, catalogue))
            for facet in {facet for facet, _ in self.chosen}
        )


def choices(catalogue: Catalogue) -> dict[str, dict[str, int]]:
    """What there is to choose by: the values of each facet, with the number of scenarios that have them."""
    found = {facet: dict.fromkeys(ORDER.get(facet, ()), 0) for facet in FACETS}
    for entry in catalogue.entries:
        for facet, values_of in FACETS.items():
            for value in values_of(entry, catalogue):
                found[facet][value] = found[facet].get(value, 0) + 1
    return {facet: {value: count for value, count in values.items() if count} for facet, values in found.items()}
