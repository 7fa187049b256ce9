import re
from pathlib import Path

import pytest

from edge_cloud.price.tariff import NEWEST, NoTariff, load_tariff

TEXT = (Path(__file__).parents[4] / "cloud" / "edge_cloud" / "price" / NEWEST).read_text()


def test_the_tariff_is_of_the_month_in_its_name_and_says_where_it_is_from() -> None:
    tariff = load_tariff()

    assert re.search(r"\d{4}-\d{2}", NEWEST)[0] == f"{tariff.date:%Y-%m}"  # type: ignore[index]  # its name has one
    assert "not verified" in tariff.source
    assert tariff.block_bytes == 4096


def test_a_price_can_be_edited_and_another_be_added(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT.replace("price = 25.0", "price = 20.5") + '[[by_gigabyte]]\nname="x"\nof="rows"\nprice=0.1\n')

    assert load_tariff(mine).hub[0].price == 20.5
    assert load_tariff(mine).by_gigabyte[0].name == "x"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("price = 25.0", 'price = "25"', "hub[0].price: Input should be a valid number"),
        ("price = 25.0", "", "hub[0].price: Field required"),
        ("price = 25.0", "price = -1", "hub[0].price: Input should be greater than or equal to 0"),
        ("price = 25.0", "price = 25.0\nprize = 1", "hub[0].prize: Extra inputs are not permitted"),
        ("blocks_a_day = 400_000", "blocks_a_day = 0", "hub[0].blocks_a_day: Input should be greater than 0"),
        ("date = 2026-11-01", 'date = "today"', "date: Input should be a valid date"),
        ("[[hub]]", "[[bub]]", "bub: Extra inputs are not permitted"),
        ("currency", "currency =", "mine.toml: "),
    ],
)
def test_a_mistake_in_a_tariff_is_named_with_its_place(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT.replace(old, new, 1))

    with pytest.raises(NoTariff, match=re.escape(sentence)):
        load_tariff(mine)


def test_a_tariff_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoTariff, match=r"none\.toml"):
        load_tariff(tmp_path / "none.toml")
