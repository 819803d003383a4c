"""What of admission control somebody has installed in a cluster. Built-in plugins are not listed anywhere."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ckslab_labs.cluster.objects import CannotResolve, Objects

KINDS = (
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
)

Installed = Mapping[str, Sequence[dict[str, Any]]]


def installed(objects: Objects) -> Installed:
    """The objects of these kinds; a kind that this version does not serve is left out."""
    found = {}
    for kind in KINDS:
        with suppress(CannotResolve):
            found[kind] = objects.list(kind)
    return found


def names(found: Installed) -> frozenset[str]:
    """The names by which the API server calls them when they refuse: those of policies, and of single webhooks."""
    items = [item for kind in found for item in found[kind]]
    policies = [item["metadata"]["name"] for item in items]
    return frozenset([*policies, *(hook["name"] for item in items for hook in item.get("webhooks") or ())])
