"""ClusterRoles that are made of others (``aggregationRule``), and whether their controller is done with them.

The controller of kube-controller-manager writes the union of the selected roles' rules some milliseconds after any of
them changed. That is a fixed point one can look for without knowing what answer is wanted. But it works on several
roles at a time, by what it has heard of them: it may still write what was right a moment before, and mend it then. So
what looks finished is so only if nothing that the controller had begun is left.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ckslab_checker.powers import selects


def unfinished(roles: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of the aggregated ClusterRoles that do not hold the rules of the roles that they select."""
    known = list(roles)
    return [role["metadata"]["name"] for role in known if role.get("aggregationRule") and _is_behind(role, known)]


def content(roles: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What makes ClusterRoles what they are, by name: without whatever changes by a write that changes nothing."""
    return {
        role["metadata"]["name"]: json.dumps(
            [role["metadata"].get("labels") or {}, role.get("aggregationRule"), role.get("rules") or []], sort_keys=True
        )
        for role in roles
    }


def _is_behind(role: Mapping[str, Any], roles: Iterable[Mapping[str, Any]]) -> bool:
    selectors = role["aggregationRule"].get("clusterRoleSelectors") or ()
    name = role["metadata"]["name"]
    parts = [
        other
        for other in roles
        if other["metadata"]["name"] != name
        and any(selects(selector, other["metadata"].get("labels") or {}) for selector in selectors)
    ]
    return _rules([role]) != _rules(parts)


def _rules(roles: Iterable[Mapping[str, Any]]) -> set[str]:
    return {json.dumps(rule, sort_keys=True) for role in roles for rule in role.get("rules") or ()}
