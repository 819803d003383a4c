"""The fields of an audit event, by the names that the plugins k8saudit and json give them, and how each is read."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ckslab_labs.scenario.documents import at

Event = Mapping[str, Any]
Values = tuple[str, ...] | None
"""What a field has in an event; None: the event does not have it, and then nothing can be said of it."""


@dataclass(frozen=True)
class Field:
    """How a field is read, and what it takes.

    Args:
        read: its values, from the event and the argument in brackets ("" without).
        many: whether it is a list by its nature.
        argument: whether something in brackets is needed (True), allowed (None) or neither (False).

    """

    read: Callable[[Event, str], Values]
    many: bool = False
    argument: bool | None = False


def _text(value: object) -> str:
    """As the plugins print it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _one(*keys: str) -> Field:
    def read(event: Event, _: str) -> Values:
        value = at(event, *keys)
        return None if value is None else (_text(value),)

    return Field(read)


def _all(*keys: str) -> Field:
    def read(event: Event, index: str) -> Values:
        return _chosen(_listed(at(event, *keys)), index)

    return Field(read, many=True, argument=None)


def _each(where: tuple[str, ...], *keys: str) -> Field:
    """The same part of every item of a list, such as of a pod's containers."""

    def read(event: Event, index: str) -> Values:
        items = _listed(at(event, *where))
        if items is None:
            return None
        kept = items if not index else _at_index(items, index)
        return tuple(_text(value) for item in kept for value in _flat(at(item, *keys)))

    return Field(read, many=True, argument=None)


def _listed(value: object) -> list[Any] | None:
    return value if isinstance(value, list) else None


def _flat(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _chosen(values: list[Any] | None, index: str) -> Values:
    if values is None:
        return None
    texts = tuple(map(_text, values))
    return texts if not index else tuple(_at_index(texts, index))


def _at_index(items: Sequence[Any], index: str) -> Sequence[Any]:
    """The one item at that index, if there is one."""
    number = int(index) if re.fullmatch(r"[0-9]{1,6}", index) else len(items)
    return items[number : number + 1]


def _repository(image: str) -> str:
    name, _, tag = image.partition("@")[0].rpartition(":")
    return name if name and "/" not in tag else image.partition("@")[0]


def _repositories(where: tuple[str, ...]) -> Field:
    images = _each(where, "image")

    def read(event: Event, index: str) -> Values:
        found = images.read(event, index)
        return None if found is None else tuple(map(_repository, found))

    return Field(read, many=True, argument=None)


def _effective(where: tuple[str, ...], key: str) -> Field:
    """A container's own, else its pod's, else root's."""

    def read(event: Event, index: str) -> Values:
        containers = _listed(at(event, *where))
        if containers is None:
            return None
        usual = at(event, *where[:-1], "securityContext", key)
        own = [at(each, "securityContext", key) for each in containers]
        return _chosen([each if each is not None else 0 if usual is None else usual for each in own], index)

    return Field(read, many=True, argument=None)


def _parameter(event: Event, name: str) -> Values:
    values = parse_qs(urlsplit(str(event.get("requestURI", ""))).query, keep_blank_values=True).get(name)
    return (values[0],) if values else None


def _host_path(event: Event, asked: str) -> Values:
    volumes = _listed(at(event, *SPEC, "volumes"))
    if volumes is None:
        return None
    paths = [path for each in volumes if isinstance(path := at(each, "hostPath", "path"), str)]
    alike = (path.startswith(asked[:-1]) if asked.endswith("*") else path == asked for path in paths)
    return ("true" if any(alike) else "false",)


def _volume_types(event: Event, index: str) -> Values:
    volumes = _listed(at(event, *SPEC, "volumes"))
    if volumes is None:
        return None
    return _chosen([key for each in volumes if isinstance(each, dict) for key in each if key != "name"], index)


def _pointer(event: Event, path: str) -> Values:
    """A JSON pointer (RFC 6901) into the event."""
    value: object = event
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = next(iter(_at_index(value, key)), None) if isinstance(value, list) else at(value, key)
    return None if value is None else (_text(value),)


SPEC = ("requestObject", "spec")


def _containers(kind: str) -> Iterator[tuple[str, Field]]:
    where = (*SPEC, kind)
    context = ("securityContext",)
    yield from {
        "name": _each(where, "name"),
        "image": _each(where, "image"),
        "image.repository": _repositories(where),
        "command": _each(where, "command"),
        "args": _each(where, "args"),
        "privileged": _each(where, *context, "privileged"),
        "allow_privilege_escalation": _each(where, *context, "allowPrivilegeEscalation"),
        "read_only_fs": _each(where, *context, "readOnlyRootFilesystem"),
        "run_as_user": _each(where, *context, "runAsUser"),
        "run_as_group": _each(where, *context, "runAsGroup"),
        "eff_run_as_user": _effective(where, "runAsUser"),
        "eff_run_as_group": _effective(where, "runAsGroup"),
        "proc_mount": _each(where, *context, "procMount"),
        "add_capabilities": _each(where, *context, "capabilities", "add"),
    }.items()
    if kind != "ephemeralContainers":
        ports = _each(where, "ports")

        def host_ports(event: Event, index: str) -> Values:
            found = ports.read(event, index)
            return None if found is None else tuple(str(json.loads(each).get("hostPort", "")) for each in found)

        yield "host_port", Field(host_ports, many=True, argument=None)


def _rules(key: str) -> Field:
    return _each(("requestObject", "rules"), key)


FIELDS: Mapping[str, Field] = {
    "ka.auditid": _one("auditID"),
    "ka.stage": _one("stage"),
    "ka.auth.decision": _one("annotations", "authorization.k8s.io/decision"),
    "ka.auth.reason": _one("annotations", "authorization.k8s.io/reason"),
    "ka.user.name": _one("user", "username"),
    "ka.user.groups": _all("user", "groups"),
    "ka.impuser.name": _one("impersonatedUser", "username"),
    "ka.verb": _one("verb"),
    "ka.uri": _one("requestURI"),
    "ka.uri.param": Field(_parameter, argument=True),
    "ka.target.name": _one("objectRef", "name"),
    "ka.target.namespace": _one("objectRef", "namespace"),
    "ka.target.resource": _one("objectRef", "resource"),
    "ka.target.subresource": _one("objectRef", "subresource"),
    "ka.req.binding.subjects": _all("requestObject", "subjects"),
    "ka.req.binding.role": _one("requestObject", "roleRef", "name"),
    "ka.req.configmap.name": _one("objectRef", "name"),
    "ka.req.configmap.obj": _one("requestObject", "data"),
    "ka.req.pod.host_ipc": _one(*SPEC, "hostIPC"),
    "ka.req.pod.host_network": _one(*SPEC, "hostNetwork"),
    "ka.req.pod.host_pid": _one(*SPEC, "hostPID"),
    "ka.req.container.host_network": _one(*SPEC, "hostNetwork"),
    "ka.req.pod.run_as_user": _one(*SPEC, "securityContext", "runAsUser"),
    "ka.req.pod.run_as_group": _one(*SPEC, "securityContext", "runAsGroup"),
    "ka.req.pod.fs_group": _one(*SPEC, "securityContext", "fsGroup"),
    "ka.req.pod.supplemental_groups": _all(*SPEC, "securityContext", "supplementalGroups"),
    "ka.req.role.rules": _all("requestObject", "rules"),
    "ka.req.role.rules.apiGroups": _rules("apiGroups"),
    "ka.req.role.rules.nonResourceURLs": _rules("nonResourceURLs"),
    "ka.req.role.rules.resources": _rules("resources"),
    "ka.req.role.rules.verbs": _rules("verbs"),
    "ka.req.service.type": _one(*SPEC, "type"),
    "ka.req.service.ports": _all(*SPEC, "ports"),
    "ka.req.pod.volumes.hostpath": _each((*SPEC, "volumes"), "hostPath", "path"),
    "ka.req.pod.volumes.flexvolume_driver": _each((*SPEC, "volumes"), "flexVolume", "driver"),
    "ka.req.pod.volumes.volume_type": Field(_volume_types, many=True, argument=None),
    "ka.req.volume.hostpath": Field(_host_path, argument=True),
    "ka.resp.name": _one("responseObject", "metadata", "name"),
    "ka.response.code": _one("responseStatus", "code"),
    "ka.response.reason": _one("responseStatus", "reason"),
    "ka.useragent": _one("userAgent"),
    "ka.sourceips": _all("sourceIPs"),
    "jevt.value": Field(_pointer, argument=True),
    "json.value": Field(_pointer, argument=True),
    **{
        f"ka.req.pod.{kind}.{name}": field
        for kind in ("containers", "initContainers", "ephemeralContainers")
        for name, field in _containers(kind)
    },
}
"""What a condition may ask. Fields that k8saudit calls deprecated are left out but for two that rules still use."""

PRINTED_ONLY = frozenset(
    {
        "evt.time",
        "evt.time.iso8601",
        "evt.num",
        "evt.source",
        "evt.plugininfo",
        "evt.pluginname",
        "jevt.obj",
        "jevt.time",
    }
)
"""Fields of any event: an output may print them, and no rule that goes by them is emulated."""
