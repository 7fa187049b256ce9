"""The process's environment, read once."""

from pathlib import Path
from typing import Self

from pydantic import HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings

from calendar_bridge.errors import BadSettings


class Settings(BaseSettings, frozen=True):
    """What is deployed; README.md tells of each."""

    public_url: HttpUrl
    """where the phone and Graph find the bridge"""
    client_id: str
    client_secret: SecretStr
    tenant: str = "organizations"
    iot_hub: str
    """host name"""
    iot_hub_policy: str = "service"
    iot_hub_key: SecretStr | None = None
    """of that policy; without it the managed identity is used"""
    module: str = "cabin"
    key_vault: HttpUrl | None = None
    grants_folder: Path | None = None
    address: str = "0.0.0.0"  # noqa: S104  in a container, behind the ingress that ends TLS
    port: int = 8080
    identity_endpoint: str = ""
    identity_header: SecretStr = SecretStr("")
    graph_url: str = "https://graph.microsoft.com/v1.0"
    login_url: str = "https://login.microsoftonline.com"

    @model_validator(mode="after")
    def _one_place_for_grants(self) -> Self:
        if (self.key_vault is None) == (self.grants_folder is None):
            raise ValueError("set KEY_VAULT, or GRANTS_FOLDER on a desk")
        return self


def from_environment() -> Settings:
    """Raises BadSettings, which names the variables and repeats no value."""
    try:
        return Settings()
    except ValidationError as error:
        mistakes = (f"{'.'.join(map(str, one['loc'])).upper()} {one['msg']}".strip() for one in error.errors())
        raise BadSettings("; ".join(mistakes)) from None
