"""Questions that do not depend on one another, put to the API server side by side."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
AT_ONCE = 4
"""More of them only wait for the server: it and we share the cores of a laptop."""


def together(calls: Iterable[Callable[[], _T]]) -> list[_T]:
    """What the calls return, in their order; the error of the first that failed is raised once all have ended."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
