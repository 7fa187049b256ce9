"""Blobs, read from Azurite, Microsoft's own emulator of a storage account, on this machine."""

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from edge_cloud.desk.commands import ingest_source
from edge_cloud.errors import NotAFile
from edge_cloud.lake import Lake
from edge_cloud.readers.blobs import Container
from tests.cloud.edge_cloud import golden
from tests.cloud.edge_cloud.readers.test_routed import line

AZURITE = Path(__file__).parents[1] / "node" / "node_modules" / ".bin" / "azurite-blob"
ADDRESS = "127.0.0.1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""the emulator's, which Microsoft publishes"""

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not here"),
    pytest.mark.skipif(not AZURITE.exists(), reason="Azurite is not here: make cloud"),
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("azurite")
    args = ["--blobHost", ADDRESS, "--blobPort", "0", "--location", str(folder), "--disableTelemetry"]
    with subprocess.Popen(  # noqa: S603  our own command
        [AZURITE, *args, "--skipApiVersionCheck"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            port = next(
                found[1] for text in process.stdout if (found := re.search(r"listen\w* (?:at|on) .*:(\d+)", text))
            )
            yield (
                f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_KEY};"
                f"BlobEndpoint=http://{ADDRESS}:{port}/devstoreaccount1;"
            )
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def container(connection: str) -> str:
    """With a routed blob, payloads one after the other, and what is no message."""
    with ContainerClient.from_connection_string(connection, "fleet") as client:
        client.create_container()
        client.upload_blob("hub/00/2026/09/01/12/00", line(json.loads(golden.body("numbers"))))
        client.upload_blob("more/1.json.gz", gzip.compress(golden.body("windows")))
        client.upload_blob("more/notes.txt", b"nonsense")
    return "fleet"


def test_blobs_go_into_a_lake_once(tmp_path: Path, connection: str, container: str) -> None:
    for _ in range(2):
        ingest_source(f"az://{container}", tmp_path / "lake", connection)
    lake = Lake.reading(tmp_path / "lake")
    expected = golden.samples("numbers").num_rows + golden.samples("windows").num_rows
    assert lake.read("samples").num_rows == expected
    assert lake.read("refused").num_rows == 0
    assert sorted(lake.read("batches")["source"].to_pylist()) == [
        "az://fleet: hub/00/2026/09/01/12/00, line 1",
        "az://fleet: more/1.json.gz, message 0",
    ]


def test_a_prefix_takes_only_what_is_below_it(tmp_path: Path, connection: str, container: str) -> None:
    ingest_source(f"az://{container}/more/", tmp_path / "lake", connection)
    assert Lake.reading(tmp_path / "lake").read("batches").num_rows == 1


def test_a_container_that_is_not_there_is_named(connection: str) -> None:
    with pytest.raises(NotAFile, match="az://none: The specified container does not exist"):
        Container("az://none", connection).names()


def test_a_string_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(NotAFile, match="AZURE_STORAGE_CONNECTION_STRING is no connection string"):
        Container("az://fleet", "nonsense")
