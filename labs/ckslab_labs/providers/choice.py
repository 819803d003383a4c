"""Which provider a lab uses: what is there already, what somebody asks for, or the first that can do what is needed."""

from collections.abc import Iterable

from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import InvalidInput
from ckslab_labs.providers.embedded.provider import Embedded
from ckslab_labs.providers.kind.provider import Kind
from ckslab_labs.providers.provider import Provider


class Choice:
    """The providers that can make the cluster of one name, and the one that is used.

    Args:
        name: the cluster's.
        kubernetes: the version to make it with ("1.36"); the default, or what it runs, when not given.
        word: "embedded" or "kind"; what the cluster was made with, or the first, when not given.
        image: for kind only: another node image than that of the version.
        retain: for kind only: leave what is there of a cluster that cannot be made.

    Raises:
        InvalidInput: the word is no provider of clusters of ours.

    """

    def __init__(self, name: str, kubernetes: str | None, word: str | None, image: str | None, retain: bool) -> None:
        self.embedded = Embedded(name, kubernetes)
        self.kind = Kind(name, kubernetes, image, retain)
        self.used: Provider = self._asked_for(word) if word else self.kind if self.kind.begun else self.embedded
        self._name = name
        self._of_kind = [option for option, given in ((f"the node image {image}", image), ("--keep", retain)) if given]

    def take(self, requires: Iterable[Capability]) -> None:
        """Use the provider whose cluster is there, or else the first that can do what is required."""
        if not any(each.exists for each in (self.embedded, self.kind)):
            wanted = set(requires)
            only_kind = wanted - self.embedded.offers and wanted <= self.kind.offers
            self.used = self.kind if only_kind else self.embedded

    def refuse_contradictions(self) -> None:
        """Refuse what was asked for and does not go together, before anything is changed.

        Raises:
            InvalidInput: the cluster is another provider's; or an option is.

        """
        for other in (self.embedded, self.kind):
            if other is not self.used and other.exists:
                seen = f"{self._name} is a cluster of the {other.name} provider"
                remedy = "Run `ckslab stop` first, or choose another --plane."
                raise InvalidInput(f"use the {self.used.name} provider", seen, remedy)
        if self._of_kind and self.used is not self.kind:
            attempted = f"use {' and '.join(self._of_kind)} on the {self.used.name} provider"
            raise InvalidInput(attempted, "its nodes are simulated", "Add --provider kind, or leave out the option.")

    def _asked_for(self, word: str) -> Provider:
        known: dict[str, Provider] = {each.name: each for each in (self.embedded, self.kind)}
        if word not in known:
            seen = "a cluster that is given can only be checked"
            remedy = "Run `ckslab check ID --provider existing --kubeconfig FILE --context NAME`."
            raise InvalidInput(f"use the provider {word} here", seen, remedy)
        return known[word]
