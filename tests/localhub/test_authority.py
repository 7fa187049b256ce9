import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.errors import BadSettings
from edge_agent.localhub.authority import Certificates, load_certificates

NOW = datetime.now(UTC)


async def handshake(files: Certificates, server_hostname: str) -> None:
    """A real TLS handshake under the strict verification that is Python 3.13's default."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files.server, files.server_key)
    asking = ssl.create_default_context(cafile=str(files.authority))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    server_in, server_out, client_in, client_out = (ssl.MemoryBIO() for _ in range(4))
    server = serving.wrap_bio(server_in, server_out, server_side=True)
    client = asking.wrap_bio(client_in, client_out, server_hostname=server_hostname)
    for _ in range(5):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    assert client.version() is not None
    client.getpeercert()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.5", "::1"])
async def test_strict_verification_takes_each_name_asked_for(tmp_path: Path, name: str) -> None:
    await handshake(load_certificates(tmp_path, ["127.0.0.5", "::1"], NOW), name)


async def test_another_name_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(load_certificates(tmp_path, ["127.0.0.5"], NOW), "127.0.0.6")


def test_the_files_stay_what_they_are_and_keys_are_private(tmp_path: Path) -> None:
    files = load_certificates(tmp_path, ["127.0.0.5"], NOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert load_certificates(tmp_path, ["127.0.0.5"], NOW + timedelta(days=300)) == files
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    for key in tmp_path.glob("*.key"):
        assert key.stat().st_mode & 0o777 == 0o600


async def test_another_address_gets_a_new_certificate_of_the_same_authority(tmp_path: Path) -> None:
    authority = load_certificates(tmp_path, ["127.0.0.5"], NOW).authority.read_bytes()
    files = load_certificates(tmp_path, ["127.0.0.6"], NOW)
    assert files.authority.read_bytes() == authority
    await handshake(files, "127.0.0.6")


def test_a_certificate_near_its_end_is_made_anew(tmp_path: Path) -> None:
    before = load_certificates(tmp_path, [], NOW).server.read_bytes()
    assert load_certificates(tmp_path, [], NOW + timedelta(days=340)).server.read_bytes() != before


async def test_a_kill_between_two_files_is_mended(tmp_path: Path) -> None:
    files = load_certificates(tmp_path, ["127.0.0.5"], NOW)
    old_key = files.server_key.read_bytes()
    files.server_key.unlink()
    load_certificates(tmp_path, ["127.0.0.5"], NOW)
    files.server_key.write_bytes(old_key)
    await handshake(load_certificates(tmp_path, ["127.0.0.5"], NOW), "127.0.0.5")


def test_files_that_are_no_certificates_are_told_with_their_folder(tmp_path: Path) -> None:
    load_certificates(tmp_path, [], NOW)
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(BadSettings, match=f"{tmp_path}: a certificate or key cannot be read"):
        load_certificates(tmp_path, [], NOW)


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(BadSettings, match="address: 'desk' does not appear to be an IPv4 or IPv6 address"):
        load_certificates(Path("unused"), ["desk"], NOW)
