"""What a kind cluster is refused for, before anything is made."""

import pytest

from ckslab_labs.cluster.port import Capability
from ckslab_labs.errors import InvalidInput
from ckslab_labs.providers.kind.provider import Kind


def test_what_it_never_has_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        Kind("none").refuse_unfit("a-scenario", [Capability.API, Capability.AUDIT])
    assert str(refused.value) == (
        "cannot run a-scenario on the kind provider: it requires audit, which a kind cluster does not have. "
        "Leave out --provider kind."
    )
