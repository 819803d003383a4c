"""Which tasks an exam has: drawn by a seed, in the proportions that the curriculum gives its domains."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ckslab_labs.errors import InvalidInput
from ckslab_labs.scenario.model import Scenario


def draw(scenarios: Iterable[Scenario], weights: Mapping[str, int], count: int, seed: int) -> tuple[Scenario, ...]:
    """Draw the tasks of an exam, in the order in which they are put.

    Each domain gets its share of the tasks as far as it has scenarios; what one lacks goes to the others.

    Args:
        scenarios: what there is to draw from.
        weights: the domains' shares of the exam, in percent; scenarios of no such domain are left out.
        count: how many tasks; fewer where there are not so many scenarios.
        seed: the same seed draws the same tasks of the same scenarios.

    Raises:
        InvalidInput: there is nothing to draw from.

    """
    by_domain: dict[str, list[Scenario]] = defaultdict(list)
    for scenario in sorted(scenarios, key=lambda each: each.id):
        if scenario.metadata.domain in weights:
            by_domain[scenario.metadata.domain].append(scenario)
    if not by_domain:
        seen = "no scenario is left to choose from"
        raise InvalidInput("draw an exam", seen, "See `ckslab list`; choose another --domain or --pack.")
    choices = random.Random(seed)  # noqa: S311, the same for the same seed is what is wanted
    shares = share_out(count, weights, {domain: len(each) for domain, each in by_domain.items()})
    drawn = [task for domain, share in shares.items() for task in choices.sample(by_domain[domain], share)]
    choices.shuffle(drawn)
    return tuple(drawn)


def share_out(count: int, weights: Mapping[str, int], there: Mapping[str, int]) -> dict[str, int]:
    """How many tasks each domain gets: one at a time to the domain that is furthest behind its weight.

    Args:
        count: of tasks.
        weights: of domains.
        there: how many each has to give.

    Returns:
        the shares by domain, in the order of ``weights``; they add up to ``count``, or to all that there are.

    """
    shares = {domain: 0 for domain in weights if there.get(domain)}
    for _ in range(min(count, sum(there[domain] for domain in shares))):
        open_: Sequence[str] = [domain for domain in shares if shares[domain] < there[domain]]
        shares[max(open_, key=lambda domain: weights[domain] / (2 * shares[domain] + 1))] += 1  # as Sainte-Laguë does
    return shares
