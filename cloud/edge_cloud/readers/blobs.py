"""Blobs of a storage account, or of its emulator: what captures and routes write."""

from collections.abc import Iterator

from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

from edge_cloud.errors import NotAFile


class Container:
    """One container; `address` is `az://CONTAINER/PREFIX`, the credentials stand in the connection string."""

    def __init__(self, address: str, connection: str) -> None:
        """Raises NotAFile: the string is none."""
        name, _, self._prefix = address.removeprefix("az://").partition("/")
        self._address = address
        try:
            self._client = ContainerClient.from_connection_string(connection, name, retry_total=2)
        except ValueError as error:
            raise NotAFile(address, f"AZURE_STORAGE_CONNECTION_STRING is no connection string: {error}") from None

    def names(self) -> list[str]:
        """Names of the blobs, sorted. Raises NotAFile."""
        try:
            return sorted(self._client.list_blob_names(name_starts_with=self._prefix or None))
        except AzureError as error:
            raise NotAFile(self._address, _short(error)) from None

    def contents(self, names: list[str]) -> Iterator[tuple[str, bytes]]:
        """Each blob's name and bytes. Raises NotAFile."""
        for name in names:
            try:
                yield name, self._client.download_blob(name).readall()
            except AzureError as error:
                raise NotAFile(f"{self._address}: {name}", _short(error)) from None

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()


def _short(error: AzureError) -> str:
    return str(error).splitlines()[0]
