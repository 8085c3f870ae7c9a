"""HTTP out over TLS: to the address that was checked, by the name that was asked for, if it proves that name."""

import datetime as clock
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import override_settings

from portal import outbound
from tests.ownership.alerts.receiver import receiver

LOOPBACK = override_settings(OUTBOUND_NETWORKS=["127.0.0.0/8", "::1/128"])


def certificate(folder: Path, name: str) -> Path:
    """A certificate that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]), clock.datetime.now(clock.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - clock.timedelta(days=1))
        .not_valid_after(now + clock.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_an_answer_can_be_stored_whatever_a_receiver_says() -> None:
    with LOOPBACK, receiver() as hook:
        hook.answer = lambda got: (400, {}, "no\0pe" + "x" * 5_000)
        answer = outbound.post(hook.address, b"{}", {})
    assert (answer.status, answer.text[:5], len(answer.text)) == (400, "no\ufffdpe"[:5], 2_000)


@pytest.mark.parametrize(
    ("name", "is_trusted", "arrives"),
    [("localhost", True, True), ("localhost", False, False), ("elsewhere.example", True, False)],
)
def test_a_certificate_has_to_be_trusted_and_of_the_name_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_trusted: bool, arrives: bool
) -> None:
    file = certificate(tmp_path, name)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with LOOPBACK, receiver(tls) as hook:
        address = hook.address.replace("http://127.0.0.1", "https://localhost")
        if arrives:
            assert outbound.post(f"{address}/x", b"{}", {}).status == 200
            assert hook.received[0].headers["host"] == address.removeprefix("https://")
        else:
            with pytest.raises(outbound.Unreachable):
                outbound.post(f"{address}/x", b"{}", {})
            assert hook.received == []
