"""Authorities, and certificates that they issue, for senders that show one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass(frozen=True)
class Issued:
    """A certificate with its key; valid a year around ``at``."""

    certificate: x509.Certificate
    key: Key
    at: datetime

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        return sha256(self.der).hexdigest()

    def issue(
        self,
        common: str,
        *,
        names: Sequence[str] = (),
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        authority: bool = False,
    ) -> "Issued":
        """A certificate by this one's key; ``names`` are DNS names, and URIs where they hold a colon."""
        key = rsa.generate_private_key(65537, 2048)
        builder = _builder(common, self.certificate.subject, key, self.at, authority=authority)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            kinds = [x509.UniformResourceIdentifier(one) if ":" in one else x509.DNSName(one) for one in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(kinds), critical=False)
        return Issued(builder.sign(self.key, SHA256()), key, self.at)

    def between(self, common: str) -> "Issued":
        """An authority that this one vouches for."""
        return self.issue(common, authority=True)


class Authority(Issued):
    """A certificate that vouches for itself and for others."""

    def __init__(self, common: str, at: datetime) -> None:
        key = rsa.generate_private_key(65537, 2048)
        made = _builder(common, _name(common), key, at, authority=True).sign(key, SHA256())
        super().__init__(made, key, at)


def _builder(common: str, issuer: x509.Name, key: Key, at: datetime, *, authority: bool) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=180))
        .not_valid_after(at + timedelta(days=180))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if authority:
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    return builder
