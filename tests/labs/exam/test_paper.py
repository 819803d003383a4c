"""Tasks are drawn in the curriculum's proportions, by a seed."""

from collections import Counter
from collections.abc import Callable

import pytest

from ckslab_labs.errors import InvalidInput
from ckslab_labs.exam.paper import draw, share_out
from ckslab_labs.scenario.curriculum import curriculum
from ckslab_labs.scenario.model import Scenario

WEIGHTS = {domain.id: domain.weight for domain in curriculum().domains}
PLENTY = dict.fromkeys(WEIGHTS, 50)


@pytest.fixture
def scenarios(make_scenario: Callable[..., Scenario]) -> list[Scenario]:
    """Six of one domain, four of another, one of none."""
    domains = ["cluster-hardening"] * 6 + ["runtime-security"] * 4 + ["no-such-domain"]
    made = [make_scenario(name=f"s{index}") for index in range(len(domains))]
    return [of_domain(scenario, domain) for scenario, domain in zip(made, domains, strict=True)]


def of_domain(scenario: Scenario, domain: str) -> Scenario:
    return scenario.model_copy(update={"metadata": scenario.metadata.model_copy(update={"domain": domain})})


def test_shares_follow_the_weights() -> None:
    assert share_out(20, WEIGHTS, PLENTY) == {domain: weight // 5 for domain, weight in WEIGHTS.items()}
    assert sum(share_out(16, WEIGHTS, PLENTY).values()) == 16


def test_what_a_domain_lacks_goes_to_the_others() -> None:
    there = {**PLENTY, "supply-chain-security": 0, "system-hardening": 1}
    shares = share_out(16, WEIGHTS, there)
    assert "supply-chain-security" not in shares
    assert shares["system-hardening"] == 1
    assert sum(shares.values()) == 16


def test_there_are_never_more_tasks_than_scenarios() -> None:
    assert sum(share_out(16, WEIGHTS, {"cluster-hardening": 3, "runtime-security": 2}).values()) == 5


def test_the_same_seed_draws_the_same_tasks_and_another_does_not(scenarios: list[Scenario]) -> None:
    ids = [[each.id for each in draw(order, WEIGHTS, 5, 7)] for order in (scenarios, scenarios[::-1])]
    assert ids[0] == ids[1]
    assert len({tuple(each.id for each in draw(scenarios, WEIGHTS, 5, seed)) for seed in range(20)}) > 10


def test_no_task_is_drawn_twice_and_none_of_an_unknown_domain(scenarios: list[Scenario]) -> None:
    drawn = draw(scenarios, WEIGHTS, 16, 1)
    assert max(Counter(each.id for each in drawn).values()) == 1
    assert Counter(each.metadata.domain for each in drawn) == {"cluster-hardening": 6, "runtime-security": 4}


def test_with_nothing_to_draw_from_it_says_so(scenarios: list[Scenario]) -> None:
    with pytest.raises(InvalidInput, match="no scenario is left to choose from"):
        draw(scenarios, {"system-hardening": 100}, 16, 1)
