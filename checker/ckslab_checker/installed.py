"""What of admission control somebody has installed in a cluster. Built-in plugins are not listed anywhere."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # the app takes the kinds from here before its first paint
    from ckslab_labs.cluster.objects import Objects

KINDS = (
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
)

Installed = Mapping[str, Sequence[dict[str, Any]]]

NAME_LABEL = "kubernetes.io/metadata.name"
"""The server itself sets it, on every namespace."""
OWN = "ckslab-params"
"""A policy of a plane's own, which acts on nothing."""


def installed(objects: "Objects") -> Installed:
    """The objects of these kinds; a kind that this version does not serve is left out."""
    found = objects.lists(filter(objects.serves, KINDS))
    return {kind: [item for item in found[kind] if item["metadata"]["name"] != OWN] for kind in found}


def names(found: Installed) -> frozenset[str]:
    """The names by which the API server calls them when they refuse: those of policies, and of single webhooks."""
    items = [item for kind in found for item in found[kind]]
    policies = [item["metadata"]["name"] for item in items]
    return frozenset([*policies, *(hook["name"] for item in items for hook in item.get("webhooks") or ())])


def overlooked(found: Installed, selector: Literal["objectSelector", "namespaceSelector"]) -> dict[str, str]:
    """Labels that make selectors overlook an object, where they spare those that have a label."""
    expressions = [each for selection in values(found, selector) for each in selection.get("matchExpressions") or ()]
    sparing = [each for each in expressions if each["operator"] in ("NotIn", "DoesNotExist")]
    return {each["key"]: (each.get("values") or [""])[0] for each in sparing if each["key"] != NAME_LABEL}


def values(part: object, key: str) -> Iterator[Any]:
    """What stands under a key, at whatever depth."""
    if isinstance(part, Mapping):
        if key in part:
            yield part[key]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from values(each, key)
