"""A plane's own public key infrastructure: nothing in it is shared with any other plane.

ECDSA P-256, which is made in no time; but the cluster's authority is RSA: the API server verifies its signature on the
client's certificate at every request, which takes a quarter of the time then. kubeadm offers both
(https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/). File names are kubeadm's, so that what a
learner knows from a real node is where they look for it.
"""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ckslab_labs.paths import private_dir
from ckslab_labs.providers.embedded.clients import CLIENTS

VALID = datetime.timedelta(days=365)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
# The first address of the service range is the `kubernetes` Service; pods would use these names.
SERVING_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
SERVING_ADDRESSES = ("127.0.0.1", "::1", "10.96.0.1")

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issuer:
    """A certificate authority: its certificate and key."""

    certificate: x509.Certificate
    key: PrivateKey


def make_pki(folder: Path) -> None:
    """Write every key and certificate of a plane: two authorities, their leaves, the service-account key pair.

    Args:
        folder: made with mode 0700; files in it get 0600.

    """
    private_dir(folder)
    private_dir(folder / "etcd")
    cluster = _authority("kubernetes", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    etcd = _authority("etcd-ca", ec.generate_private_key(ec.SECP256R1()))
    _write_pair(folder / "ca", cluster.certificate, cluster.key)
    _write_pair(folder / "etcd" / "ca", etcd.certificate, etcd.key)
    _issue(cluster, folder / "apiserver", "kube-apiserver", usages=(SERVER,))
    for name, (user, groups) in CLIENTS.items():
        _issue(cluster, folder / f"client-{name}", user, groups, (CLIENT,))
    _issue(etcd, folder / "etcd" / "server", "etcd", usages=(SERVER, CLIENT))
    _issue(etcd, folder / "etcd" / "peer", "etcd-peer", usages=(SERVER, CLIENT))
    _issue(etcd, folder / "apiserver-etcd-client", "kube-apiserver-etcd-client", usages=(CLIENT,))
    _issue(etcd, folder / "etcd" / "snapshot-client", "ckslab-snapshot", usages=(CLIENT,))
    account = ec.generate_private_key(ec.SECP256R1())
    _write(folder / "sa.key", _key_pem(account))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    _write(folder / "sa.pub", account.public_key().public_bytes(serialization.Encoding.PEM, public))


def issue_client(pki: Path, stem: Path, user: str, groups: tuple[str, ...]) -> None:
    """Write a certificate and key (``stem.crt``, ``stem.key``) by which a plane's API server knows somebody.

    Args:
        pki: the plane's folder of keys.
        stem: where to, without an ending.
        user: who; at most 64 characters (RFC 5280, ub-common-name).
        groups: all groups that the certificate names.

    """
    certificate = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    # To look into whether its numbers are primes takes 30 ms, and we have made them.
    pem = (pki / "ca.key").read_bytes()
    key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"the authority in {pki} has another kind of key than it was made with")
    _issue(Issuer(certificate, key), stem, user, groups, (CLIENT,))


def _authority(name: str, key: PrivateKey) -> Issuer:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issuer(certificate, key)


def _issue(
    issuer: Issuer,
    stem: Path,
    common_name: str,
    organizations: tuple[str, ...] = (),
    usages: tuple[x509.ObjectIdentifier, ...] = (),
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        _builder(subject, issuer.certificate.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    if SERVER in usages:
        builder = builder.add_extension(_serving_names(), critical=False)
    _write_pair(stem, builder.sign(issuer.key, hashes.SHA256()), key)


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # a clock that is put back a little must not lock us out
        .not_valid_after(now + VALID)
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _serving_names() -> x509.SubjectAlternativeName:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVING_ADDRESSES]
    return x509.SubjectAlternativeName([*(x509.DNSName(name) for name in SERVING_NAMES), *addresses])


def _write_pair(stem: Path, certificate: x509.Certificate, key: PrivateKey) -> None:
    _write(stem.with_name(f"{stem.name}.crt"), certificate.public_bytes(serialization.Encoding.PEM))
    _write(stem.with_name(f"{stem.name}.key"), _key_pem(key))


def _key_pem(key: PrivateKey) -> bytes:
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
