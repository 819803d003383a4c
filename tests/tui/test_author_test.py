"""The table of ``ckslab author test``; suites themselves are played elsewhere."""

from ckslab_checker.suite import CaseResult, SuiteResult
from ckslab_tui.cli.author_test import _table, _told


def case(name: str, right: bool, *mismatches: str, accepted: bool = False) -> CaseResult:
    return CaseResult(name, right, 1.0, None, mismatches, false_accept=accepted)


def test_a_suite_is_told_in_a_line_and_all_of_them_in_one_more() -> None:
    good = SuiteResult("one", (case("reference", True), case("untouched", False)), 12.34)
    bad = SuiteResult("another", (case("reference", True, "it is not"), case("none", False, accepted=True)), 1.0)
    assert _table([good, bad]) == [
        "scenario  cases  right accepted  wrong refused  seconds",
        "one           2          1 of 1         1 of 1     12.3",
        "another       2          0 of 1         1 of 1      1.0",
        "all           4          1 of 2         2 of 2     13.3",
        "false accepts: 1, false rejects: 0",
    ]
    assert _table([good])[-2:] == [
        "one           2          1 of 1         1 of 1     12.3",
        "false accepts: 0, false rejects: 0",
    ]
    assert _told(bad) == ["another, reference:", "  it is not"]
    assert _told(good) == []
