"""What a Falco on PATH says of a file of rules, where there is one; it is no Go module, so none is ever built.

It decides whether a file is loaded, and is not asked more: it would have to receive the events.
https://falco.org/docs/reference/daemon/cli-arguments/ (``-V``).
"""

import json

from ckslab_checker.text import clean_line
from ckslab_labs.tools import Tool

_RULES = "rules.yaml"
_CONFIGURATION = "falco.yaml"
_RESULTS = "falco_load_results"
_SET_UP = b"""# With the plugins that a cluster's audit events are read by; where they are is Falco's own business.
engine: {kind: nodriver}
json_output: true
rules_files: []
load_plugins: [k8saudit, json]
plugins:
- {name: k8saudit, library_path: libk8saudit.so}
- {name: json, library_path: libjson.so}
"""


def refusal(falco: Tool, rules: bytes) -> str | None:
    """Why Falco does not load the rules.

    Returns:
        its message; "" where it loads them; None where it does not come so far, for lack of a plugin, for instance.

    Raises:
        Infrastructure: it cannot be run, or does not end.

    """
    files = {_RULES: rules, _CONFIGURATION: _SET_UP}
    for line in falco.run(["-c", _CONFIGURATION, "-V", _RULES], files).said.splitlines():
        if (result := _result(line)) is not None:
            return "" if result.get("successful") else clean_line(_message(result), 500)
    return None


def _result(line: str) -> dict[str, object] | None:
    """What it found in the one file, if this line tells; the others are its log."""
    try:
        (result,) = json.loads(line)[_RESULTS]
    except (ValueError, TypeError, KeyError):
        return None
    return result if isinstance(result, dict) else None


def _message(result: dict[str, object]) -> str:
    errors = result.get("errors")
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return "; ".join(f"{error.get('code')}: {error.get('message')}" for error in found) or "it does not say why"
