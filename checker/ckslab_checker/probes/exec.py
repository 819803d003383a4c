"""What does a command do in a container? Its exit code, and what it prints.

The command runs for real, in a learner's own cluster too: choose one that leaves nothing behind. A container whose
image has no such program answers nothing, which is an error and not a failure.
"""

import re
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ckslab_checker.context import Context, Manifest
from ckslab_checker.outcome import Evidence
from ckslab_checker.running import Pods, called, inside
from ckslab_checker.text import clean_line
from ckslab_labs.cluster.port import Capability, Ran
from ckslab_labs.cluster.together import together
from ckslab_labs.scenario.model import ProbeSpec, Text


class Exec(ProbeSpec):
    """``exec: {in, command, output?, expect}``; asked of every such pod."""

    kind: ClassVar[str] = "exec"
    asks_admission: ClassVar[bool] = False
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.API, Capability.KUBELET})
    in_: Pods = Field(alias="in")
    """The pods, and the container."""
    command: tuple[Text, ...] = Field(min_length=1, strict=False)
    """The program and its arguments; there is no shell around it."""
    output: Text | None = None
    """A regular expression that is to be found in what it prints, on either stream."""
    expect: Literal["succeeds", "fails"]
    """The exit code is 0, or it is not; and the output is found, where one is asked for."""

    @field_validator("output")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    def ask(self, ctx: Context) -> list[Evidence]:
        """See ``Probe.ask``."""
        asked = [partial(self._evidence, ctx, pod) for pod in self.in_.running(ctx)]
        return together(asked) or [self.in_.none_runs()]

    def _evidence(self, ctx: Context, pod: Manifest) -> Evidence:
        if missing := self.in_.without_container(pod):
            return missing
        ran = inside(ctx, pod, self.in_.container_of(pod), list(self.command))
        printed = clean_line(f"{ran.stdout} {ran.stderr}".strip(), 200)
        asked = clean_line(f"{' '.join(self.command)} in {called(pod)}")
        wanted = self.expect + (f", and prints {self.output}" if self.output else "")
        observed = f"exit code {ran.exit_code}" + (f": {printed}" if printed else "")
        return Evidence(asked, clean_line(wanted), observed, self._met(ran))

    def _met(self, ran: Ran) -> bool:
        found = self.output is None or re.search(self.output, f"{ran.stdout}\n{ran.stderr}", re.MULTILINE) is not None
        return found and (ran.exit_code == 0) == (self.expect == "succeeds")
