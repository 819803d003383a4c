"""The way to an API server that a kubeconfig describes: its address, who we are, and a pool of connections.

The kubeconfigs of our own clusters name one server and three files, and are read here. Any other goes through the
official client, which knows every form of one; to import it takes longer than to ask a cluster twenty questions, so
only those who need it wait for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml

from ckslab_labs.yaml_events import PARSER

CONNECTIONS = 16
"""Kept open; more questions at once wait for one another."""
_SERVER = {"server", "certificate-authority"}
_USER = {"client-certificate", "client-key"}


@dataclass(frozen=True)
class Connection:
    """How to reach an API server."""

    host: str
    """``https://127.0.0.1:6443``, without a slash at the end."""
    pool: urllib3.PoolManager
    headers: Mapping[str, str]
    """Credentials that every request carries; none where a client certificate says who we are."""
    authority: str | None
    """The file of the certificate authority."""
    certificate: tuple[str, str] | None
    """The files of the client certificate and its key."""


def connection(kubeconfig: Path, context: str | None = None) -> Connection:
    """The way that a kubeconfig describes, by one of its contexts or its current one."""
    config = yaml.load(kubeconfig.read_bytes(), Loader=PARSER)  # noqa: S506, a safe one
    return (context is None and _plain(config)) or _any(kubeconfig, context)


def _plain(config: Mapping[str, Any]) -> Connection | None:
    clusters, users = config["clusters"], config["users"]
    if len(clusters) != 1 or len(users) != 1:
        return None
    cluster, user = clusters[0]["cluster"], users[0]["user"]
    if cluster.keys() != _SERVER or user.keys() != _USER:
        return None
    authority, certificate, key = cluster["certificate-authority"], user["client-certificate"], user["client-key"]
    pool = urllib3.PoolManager(
        maxsize=CONNECTIONS, cert_reqs="CERT_REQUIRED", ca_certs=authority, cert_file=certificate, key_file=key
    )
    return Connection(cluster["server"].rstrip("/"), pool, {}, authority, (certificate, key))


def _any(kubeconfig: Path, context: str | None) -> Connection:
    from kubernetes.client.configuration import Configuration
    from kubernetes.client.rest import RESTClientObject
    from kubernetes.config import load_kube_config

    configuration = Configuration()
    load_kube_config(config_file=str(kubeconfig), context=context, client_configuration=configuration)
    configuration.proxy = None  # a lab is on loopback; HTTPS_PROXY must not get in between
    configuration.retries = False
    configuration.connection_pool_maxsize = CONNECTIONS
    certificate = (configuration.cert_file, configuration.key_file) if configuration.cert_file else None
    return Connection(
        host=str(configuration.host).rstrip("/"),
        pool=RESTClientObject(configuration).pool_manager,
        headers={each["key"]: each["value"] for each in configuration.auth_settings().values()},
        authority=configuration.ssl_ca_cert,
        certificate=certificate,
    )
