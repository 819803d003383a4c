"""From a scenario folder to a ``Scenario`` and its ``Suite``, or to everything that is wrong with it at once.

Whatever only a cluster can know (whether a manifest is accepted, whether a case gets its outcomes) is not asked here,
and what a good scenario should have beyond a valid one is the lint's business. The rules beside the model look at the
plain document, so that they speak up even where the model was refused.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ckslab_labs.scenario.curriculum import curriculum
from ckslab_labs.scenario.documents import Document, as_json, at, mappings, read_document, texts, twice
from ckslab_labs.scenario.folder import check_folder
from ckslab_labs.scenario.model import Check, ProbeSpec, Scenario, ScenarioFile, Suite
from ckslab_labs.scenario.problems import Findings, Problem, Report, ScenarioProblems, explain, key_path, unknown
from ckslab_labs.scenario.suite_file import check_suite

__all__ = ["Problem", "ScenarioProblems", "load_scenario", "load_suite"]

Probes = Mapping[str, type[ProbeSpec]]
"""The kinds of probe, by the key under which they stand in a check."""

CHECK_KEYS = frozenset(Check.model_fields) - {"probe"}
"""The keys of a check beside the one that names its probe."""


def load_scenario(folder: Path, probes: Probes, pack: str | None = None) -> Scenario:
    """Read a scenario folder.

    Args:
        folder: the scenario's own folder.
        probes: the kinds of probe that a check may name.
        pack: the pack's name, where it is not a bundled scenario.

    Raises:
        ScenarioProblems: with all problems.

    """
    if folder.is_symlink() or not folder.is_dir():
        raise ScenarioProblems(folder, [Problem(".", "", "is not a folder")])
    folder = folder.resolve()
    findings = Findings(folder)
    check_folder(folder, findings)
    model = None
    document = read_document(folder, "scenario.yaml", findings)
    if document is not None:
        report = partial(findings.add, "scenario.yaml")
        model = _model(document, probes, report)
        _check_metadata(document, folder.name, report)
        _check_names(document, report)
    findings.stop_if_any()
    assert model is not None  # or there would be a finding
    return Scenario(folder=folder, pack=pack, metadata=model.metadata, spec=model.spec)


def load_suite(scenario: Scenario) -> Suite:
    """Read a scenario's ``suite.yaml``, and every manifest that its setup and its cases apply.

    Raises:
        ScenarioProblems: with all problems.

    """
    findings = Findings(scenario.folder)
    suite = None
    document = read_document(scenario.folder, "suite.yaml", findings)
    if document is not None:
        try:
            suite = Suite.model_validate_json(as_json(document), by_name=False)
        except ValidationError as error:
            explain(error, document, Suite.model_json_schema(), partial(findings.add, "suite.yaml"))
        check_suite(document, scenario, findings)
    findings.stop_if_any()
    assert suite is not None  # or there would be a finding
    return suite


def _model(document: Document, probes: Probes, report: Report) -> ScenarioFile | None:
    """The document as a model; its probes are read first, each by the model of its kind."""
    prepared = document
    checks = at(document, "spec", "checks")
    if isinstance(checks, list):
        read = [_check(document, index, probes, report) for index in range(len(checks))]
        prepared = {**document, "spec": {**document["spec"], "checks": read}}
    try:
        return ScenarioFile.model_validate(prepared, by_name=False)
    except ValidationError as error:
        explain(error, prepared, ScenarioFile.model_json_schema(), report)
        return None


def _check(document: Document, index: int, probes: Probes, report: Report) -> Any:
    """A check with its probe read from the one key that names a kind; an empty one stands in for what was refused."""
    check = document["spec"]["checks"][index]
    if not isinstance(check, dict):
        return check
    where = key_path(document, ("spec", "checks", index))
    kinds = [key for key in check if key in probes]
    _check_keys(check, kinds, probes, where, report)
    read = [_probe(probes[kind], check[kind], f"{where}.{kind}", report) for kind in kinds]
    own = {key: value for key, value in check.items() if key in CHECK_KEYS}
    return {**own, "probe": read[0] if read else ProbeSpec()}


def _check_keys(check: Document, kinds: list[str], probes: Probes, where: str, report: Report) -> None:
    others = [key for key in check if key not in probes and key not in CHECK_KEYS]
    misspelt = [key for key in others if not kinds and isinstance(check[key], dict)]
    for key in others:
        what, known = ("kind of probe", set(probes)) if key in misspelt else ("key", CHECK_KEYS)
        report(f"{where}.{key}", unknown(what, key, known))
    if len(kinds) > 1:
        report(where, f"has {len(kinds)} probes ({', '.join(kinds)}); a check has exactly one")
    if not kinds and not misspelt:
        report(where, f"has no probe; give one of {', '.join(sorted(probes))}")


def _probe(model: type[ProbeSpec], parameters: Any, where: str, report: Report) -> ProbeSpec:
    try:
        return model.model_validate_json(as_json(parameters), by_name=False)
    except ValidationError as error:
        explain(error, parameters, model.model_json_schema(), report, where)
        return ProbeSpec()


def _check_metadata(document: Document, folder: str, report: Report) -> None:
    """The id is the folder's name; domain and competencies are the curriculum's."""
    found = at(document, "metadata", "id")
    if isinstance(found, str) and found != folder:
        report("metadata.id", f'must be the folder\'s name, "{folder}", not "{found}"')
    domain = at(document, "metadata", "domain")
    if isinstance(domain, str) and domain not in curriculum().domain_ids():
        report("metadata.domain", unknown("domain", domain, curriculum().domain_ids()))
    for competency in texts(at(document, "metadata", "competencies")):
        if competency not in curriculum().competency_ids():
            report("metadata.competencies", unknown("competency", competency, curriculum().competency_ids()))


def _check_names(document: Document, report: Report) -> None:
    """No two checks share an id, and every probe acts as somebody who is declared."""
    checks = mappings(at(document, "spec", "checks"))
    for name in twice(check.get("id") for _, check in checks):
        report("spec.checks", f'two checks have the id "{name}"')
    identities = texts(at(document, "spec", "identities"))
    for index, check in checks:
        for kind, parameters in check.items():
            for place, holder in [((), parameters), *_requests(parameters)]:
                for name in texts(at(holder, "as")):
                    if name not in identities:
                        where = key_path(document, ("spec", "checks", index, kind, *place, "as"))
                        report(where, unknown("identity", name, identities))


def _requests(parameters: object) -> list[tuple[tuple[str | int, ...], object]]:
    """The requests that a probe lists, with their places: each is made by somebody, too."""
    return [(("requests", number), request) for number, request in mappings(at(parameters, "requests"))]
