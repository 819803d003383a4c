"""Calls side by side: their order, their errors, and calls within calls."""

import threading
import time
from functools import partial

import pytest

from ckslab_labs.cluster.together import AT_ONCE, together


def test_answers_come_in_the_order_of_the_calls_and_at_the_same_time() -> None:
    meeting = threading.Barrier(AT_ONCE, timeout=10)

    def call(number: int) -> int:
        meeting.wait()  # broken after 10 s, unless all are there
        return number

    assert together(partial(call, number) for number in range(AT_ONCE)) == list(range(AT_ONCE))
    assert together([]) == []


def test_calls_within_calls_do_not_wait_for_one_another() -> None:
    def call(number: int) -> list[int]:
        return together(partial(int, number) for _ in range(AT_ONCE))

    assert together(partial(call, number) for number in range(2 * AT_ONCE)) == [
        [n] * AT_ONCE for n in range(2 * AT_ONCE)
    ]


def test_the_first_error_is_raised_once_all_have_ended() -> None:
    ended: list[int] = []

    def call(number: int) -> None:
        if number in (1, 2):
            raise ValueError(number)
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(ValueError, match=r"^1$"):
        together(partial(call, number) for number in range(2 * AT_ONCE))
    assert sorted(ended) == [0, 3, 4, 5, 6, 7]
