"""Requests as an API server counts them, and the hours in which each is played to Prometheus rules.

The counter and its labels are those of the API server
(https://kubernetes.io/docs/reference/instrumentation/metrics/, apiserver_request_total). Each request is played in
hours of its own, in which nothing else of its kind happens.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from pydantic import Field

from ckslab_labs.scenario.model import Strict

METRIC = "apiserver_request_total"
SCRAPE = 30
"""Seconds between two samples, and between two evaluations where a rule group does not say otherwise."""
QUIET = 140
"""Minutes without such a request before it happens: an alert may look back half of it."""
RESTART = QUIET - 10
"""Minute in which the API server was started again that counts anew."""
WATCHED = 10
"""Minutes after it in which the alert must fire."""
SERVERS = ("10.0.0.11:6443", "10.0.0.12:6443")


_FIRST = {
    "ever": "the first ever",
    "of-its-kind": "the first of its kind",
    "at-server": "the first since its API server was restarted",
}


class Counted(Strict):
    """A request that an API server has answered, by the labels under which it is counted."""

    verb: str
    """In capital letters; ``APPLY`` for server-side apply, ``CONNECT`` for what becomes a stream."""
    group: str = ""
    version: str = "v1"
    resource: str
    subresource: str = ""
    scope: str = "resource"
    dry_run: Literal["", "All"] = Field(default="", alias="dry-run")
    code: str = "200"
    first: Literal["ever", "of-its-kind", "at-server"] | None = None
    """The series begins with it: as nothing like it was ever counted; only with other verbs, or to no effect; or none
    since its server was started again."""

    def akin(self) -> "list[Counted]":
        """Requests that are counted beside it: by other verbs, as dry runs, and refused."""
        verbs = [self.model_copy(update={"verb": verb}) for verb in ("PATCH", "PUT", "APPLY") if verb != self.verb]
        idle = [self.model_copy(update={"dry_run": "All"}), self.model_copy(update={"code": "403"})]
        return [each for each in (*verbs, *idle) if each != self]

    def labels(self) -> dict[str, str]:
        """As in a sample, but for who was scraped."""
        names = ("verb", "group", "version", "resource", "subresource", "scope", "dry_run", "code")
        return {name: str(getattr(self, name)) for name in names} | {"component": "apiserver"}

    def __str__(self) -> str:
        parts = [self.verb, "/".join(filter(None, (self.group, self.resource, self.subresource)))]
        parts += ["as a dry run"] * bool(self.dry_run)
        parts += [f"answered with {self.code}"]
        parts += [_FIRST[self.first]] if self.first else []
        return f"{' '.join(parts[:2])}, {', '.join(parts[2:])}"


USUAL = (
    Counted(verb="LIST", resource="pods", scope="namespace"),
    Counted(verb="GET", resource="pods"),
    Counted(verb="PATCH", resource="pods"),
    Counted(verb="PATCH", resource="pods", subresource="status"),
    Counted(verb="POST", resource="pods", code="201"),
    Counted(verb="PUT", group="coordination.k8s.io", resource="leases"),
)
"""What goes on in any cluster, all the time."""


@dataclass(frozen=True)
class Fired:
    """Whether some alert fires in the hour before a request, and in the minutes after it."""

    before: bool
    after: bool


class Play:
    """One request, in hours of its own."""

    def __init__(self, request: Counted, seed: str) -> None:
        self._request = request
        self._random = random.Random(f"{seed} {request}")  # noqa: S311 - numbers that no rule can foresee
        self._samples = list(self._series())

    def test(self, number: int, fired: Fired) -> dict[str, Any]:
        """What promtool finds right where exactly that fires; ``number`` tells it from others in what promtool says."""
        asked = [
            _asked(f"{number} before", QUIET - 1, QUIET // 2, fired.before),
            _asked(f"{number} after", QUIET + WATCHED, WATCHED, fired.after),
        ]
        return {"interval": f"{SCRAPE}s", "input_series": self._samples, "promql_expr_test": asked}

    def _series(self) -> Iterator[dict[str, str]]:
        """Everything that is scraped: what is usual, what has happened long ago, and what happens now."""
        before, after = QUIET * 60 // SCRAPE, WATCHED * 60 // SCRAPE
        for server in SERVERS:
            for usual in USUAL:
                many = f"{self._random.randint(1000, 9000)}+{self._random.randint(1, 9)}x{before + after}"
                yield _sample(METRIC, usual.labels(), server, many)
            yield _sample("up", {}, server, f"1x{before + after}")
            # Counted without any label, whatever was logged: k8s.io/apiserver/pkg/audit/metrics.go.
            yield _sample(
                "apiserver_audit_event_total", {}, server, f"{self._random.randint(1000, 90000)}+7x{before + after}"
            )
        yield from self._of_the_kind(before, after)

    def _of_the_kind(self, before: int, after: int) -> Iterator[dict[str, str]]:
        """The request, and what is counted beside it, where it is not the first of all."""
        here, other = self._random.sample(SERVERS, 2)
        labels, first = self._request.labels(), self._request.first
        count, step = self._random.randint(2, 900), self._random.randint(1, 3)
        if first != "ever":
            for server, akin in product(SERVERS, self._request.akin()):
                yield _sample(METRIC, akin.labels(), server, f"{self._random.randint(1, 90)}x{before + after}")
        if first == "at-server":
            yield _sample(METRIC, labels, other, f"{count + 3}x{before + after}")
        ended = RESTART * 60 // SCRAPE
        was_there = {
            "ever": f"_x{before}",
            "of-its-kind": f"_x{before}",
            "at-server": f"{count}x{ended - 1} stale _x{before - ended - 1}",
            None: f"{count - 1}x1 {count}x{before - 3}",  # the last one was long ago
        }[first]
        now = step if first else count + step
        yield _sample(METRIC, labels, here, f"{was_there} {now}x{after}")


def _asked(name: str, at: int, minutes: int, fires: bool) -> dict[str, Any]:
    firing = 'count(ALERTS{alertstate="firing"}) or vector(0)'
    expression = f"max_over_time(({firing})[{minutes}m:{SCRAPE}s]) > bool 0 # {name}"
    return {"expr": expression, "eval_time": f"{at}m", "exp_samples": [{"labels": "{}", "value": int(fires)}]}


def _sample(metric: str, labels: Mapping[str, str], server: str, values: str) -> dict[str, str]:
    text = ",".join(f'{name}="{value}"' for name, value in {**labels, "job": "apiserver", "instance": server}.items())
    return {"series": f"{metric}{{{text}}}", "values": values}
