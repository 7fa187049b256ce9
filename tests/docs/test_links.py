"""Every link leads somewhere."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.pages import ROOT, anchors_in, links_in, pages, text_of
from tests.docs.verdicts import AWAITED, ELSEWHERE_ON_THE_WEB

LINKS = [(page, link) for page in pages() for link in links_in(text_of(page))]
OWN = [(page, link) for page, link in LINKS if "://" not in link and not link.startswith("mailto:")]
FOREIGN = [(page, link) for page, link in LINKS if (page, link) not in OWN]


@pytest.mark.parametrize("page", pages())
def test_the_files_that_a_page_links_to_are_there(page: str) -> None:
    folder = (ROOT / page).parent
    targets = {link: folder / link.partition("#")[0] for own, link in OWN if own == page and link.partition("#")[0]}

    absent = sorted(link for link, target in targets.items() if not (target.exists() or is_awaited(target)))

    assert not absent, f"{page} links to what is not there: {absent}"
    assert all(target.resolve().is_relative_to(ROOT) for target in targets.values())


@pytest.mark.parametrize("page", pages())
def test_the_headings_that_a_page_links_to_are_there(page: str) -> None:
    named = [link.partition("#") for own, link in OWN if own == page and "#" in link]
    files = [((ROOT / page).parent / path if path else ROOT / page, anchor) for path, _, anchor in named]

    absent = sorted(
        f"{file.name}#{anchor}"
        for file, anchor in files
        if file.suffix == ".md" and file.exists() and anchor not in anchors_in(file.read_text())
    )

    assert not absent, f"{page} links to headings that are not there: {absent}"


def test_links_to_the_web_are_https_and_listed() -> None:
    unlisted = sorted({f"{page}: {link}" for page, link in FOREIGN if link not in ELSEWHERE_ON_THE_WEB})

    assert not unlisted, f"visit it, then list it in tests/docs/verdicts.py: {unlisted}"
    for link in ELSEWHERE_ON_THE_WEB:
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert "." in parts.netloc, link


def is_awaited(target: Path) -> bool:
    return any(target.resolve() == ROOT / page for page in AWAITED)


def test_no_listed_link_is_out_of_use() -> None:
    assert ELSEWHERE_ON_THE_WEB - {link for _, link in FOREIGN} == set()


def test_every_page_of_docs_is_in_the_index() -> None:
    index = {link.partition("#")[0] for link in links_in(text_of("docs/README.md"))}
    there = {page.removeprefix("docs/") for page in pages() if page.startswith("docs/")} - {"README.md"}

    assert sorted(there - index) == [], "docs/README.md does not lead to them"
