"""A dated tariff: a file that people edit."""

import datetime as dt
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_cloud.errors import EdgeCloudError

NEWEST: Final = "tariff-2026-11.toml"

Price = Annotated[float, Field(ge=0, strict=True)]
"""in the tariff's currency, a month"""
Count = Annotated[int, Field(gt=0, strict=True)]


class NoTariff(EdgeCloudError):  # noqa: N818  a verdict on one file
    """A tariff that cannot be used; the sentence names the place."""


class HubUnit(BaseModel):
    """One kind of unit of IoT Hub."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    price: Price
    blocks_a_day: Count
    messages_a_second: Count
    units_a_hub: Count
    least_messages_a_second: Annotated[int, Field(ge=0)] = 0
    """that a hub takes, however few units it has"""


class ByGigabyte(BaseModel):
    """Something that is paid by 1,000,000,000 bytes a month."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    of: Literal["payload", "rows"]
    price: Price


class Tariff(BaseModel):
    """Prices and limits, as of a date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: dt.date
    currency: str
    source: str
    block_bytes: Count
    devices_a_hub: Count
    hubs_a_subscription: Count
    hub: Annotated[tuple[HubUnit, ...], Field(min_length=1)]
    by_gigabyte: tuple[ByGigabyte, ...] = ()


def load_tariff(path: Path | None = None) -> Tariff:
    """The tariff in a file, or the newest that comes with this package. Raises NoTariff."""
    place = str(path) if path else NEWEST
    try:
        text = path.read_text() if path else files("edge_cloud.price").joinpath(NEWEST).read_text()
        return Tariff.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NoTariff(f"{place}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise NoTariff(f"{place} {where.lstrip('.')}: {first['msg']}") from None
