"""Questions that do not depend on one another, put to the API server side by side."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

_T = TypeVar("_T")
AT_ONCE = 4
"""More of them only wait for the server: it and we share the cores of a laptop."""
_local = threading.local()


def _mark() -> None:
    _local.is_worker = True


# One pool for good: to start threads takes longer than most questions do.
_POOL = ThreadPoolExecutor(AT_ONCE, "together", _mark)


def together(calls: Iterable[Callable[[], _T]]) -> list[_T]:
    """What the calls return, in their order; the error of the first that failed is raised once all have ended.

    Called by one of such calls it makes them one after the other, lest all workers wait for workers.
    """
    asked = list(calls)
    if len(asked) == 1 or getattr(_local, "is_worker", False):
        return [call() for call in asked]
    futures = [_POOL.submit(call) for call in asked]
    try:
        return [future.result() for future in futures]
    finally:
        wait(futures)
