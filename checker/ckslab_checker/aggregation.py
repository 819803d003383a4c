"""ClusterRoles that are made of others (``aggregationRule``), and whether their controller is done with them.

The controller of kube-controller-manager writes the union of the selected roles' rules some milliseconds after any of
them changed. That is a fixed point one can look for without knowing what answer is wanted.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ckslab_checker.powers import selects


def unfinished(roles: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of the aggregated ClusterRoles that do not hold the rules of the roles that they select."""
    known = list(roles)
    return [role["metadata"]["name"] for role in known if role.get("aggregationRule") and _is_behind(role, known)]


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
