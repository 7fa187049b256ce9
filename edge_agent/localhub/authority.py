"""The hub's own certificate authority and server certificate, kept in its folder; the keys are private files.

Extensions are those that Python 3.13's default VERIFY_X509_STRICT asks for (RFC 5280, section 4.2.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_agent.errors import BadSettings, Fault
from edge_agent.localhub.files import replace_file

_EARLIER = timedelta(days=1)  # a client whose clock is behind accepts the certificate too
_AUTHORITY_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the PEM files are."""

    authority: Path
    server: Path
    server_key: Path


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """Where a client's PEM files are."""

    certificate: Path
    key: Path


def make_client(folder: Path, name: str, now: datetime) -> ClientFiles:
    """A certificate of the folder's authority with this common name, made anew, good from a day ago for a year."""
    stem = name.replace("/", ".")
    files = ClientFiles(folder / f"client-{stem}.pem", folder / f"client-{stem}.key")
    authority, authority_key = _authority(folder / "ca.pem", folder / "ca.key", now)
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    certificate = _leaf(_name(name), usage, key, authority, now).sign(authority_key, hashes.SHA256())
    replace_file(files.key, _key_pem(key))
    replace_file(files.certificate, _pem(certificate))
    return files


def load_certificates(folder: Path, addresses: Sequence[str], now: datetime) -> Certificates:
    """The files of `folder`, made where missing; the server's certificate is good for localhost and `addresses`.

    The authority stays what it is, so that clients which trust it go on; the server's certificate is made anew
    when it lacks an address or nears its end. Raises BadSettings for files that cannot be read.
    """
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    names = [x509.DNSName("localhost"), *(x509.IPAddress(address) for address in _parsed(addresses))]
    try:
        authority, key = _authority(files.authority, folder / "ca.key", now)
        if not _still_good(files, authority, names, now):
            _make_server(files, authority, key, names, now)
    except ValueError as error:
        raise BadSettings([Fault(str(folder), f"a certificate or key cannot be read: {error}")]) from error
    return files


def _parsed(addresses: Sequence[str]) -> list[IPv4Address | IPv6Address]:
    try:
        return [ip_address(address) for address in dict.fromkeys(addresses)]
    except ValueError as error:
        raise BadSettings([Fault("address", str(error))]) from error


def _authority(path: Path, key_path: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    # The certificate is written last: without it, a kill in between starts over with a new key.
    if path.exists():
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} is not an elliptic curve key")
        return x509.load_pem_x509_certificate(path.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _authority_certificate(key, now)
    replace_file(key_path, _key_pem(key))
    replace_file(path, _pem(certificate))
    return certificate, key


def _authority_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Edge Agent local hub CA")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key.public_key(), now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


def _make_server(
    files: Certificates,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.GeneralName],
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _leaf(_name("localhost"), ExtendedKeyUsageOID.SERVER_AUTH, key, authority, now)
    certificate = leaf.add_extension(x509.SubjectAlternativeName(names), critical=False)
    replace_file(files.server_key, _key_pem(key))
    replace_file(files.server, _pem(certificate.sign(authority_key, hashes.SHA256())))


def _leaf(
    subject: x509.Name,
    usage: x509.ObjectIdentifier,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    now: datetime,
) -> x509.CertificateBuilder:
    issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(subject, authority.subject, key.public_key(), now, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
    )


def _still_good(
    files: Certificates, authority: x509.Certificate, names: Sequence[x509.GeneralName], now: datetime
) -> bool:
    """Whether the server's files fit each other, the authority, the names and the time."""
    if not (files.server.exists() and files.server_key.exists()):
        return False
    server = x509.load_pem_x509_certificate(files.server.read_bytes())
    key = serialization.load_pem_private_key(files.server_key.read_bytes(), password=None)
    has = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        all(name in has for name in names)
        and server.issuer == authority.subject
        and server.public_key() == key.public_key()
        and now + _RENEW_BEFORE < server.not_valid_after_utc
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + life)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
