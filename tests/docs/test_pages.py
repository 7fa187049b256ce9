"""Whoever reads pages for the other tests must not overlook what stands in them."""

from tests.docs.pages import Block, anchors_in, blocks_in, links_in, pages, words_in_code

PAGE = """\
# A `spool`: on disk

See [the twin](docs/twin.md#quiet "a title"), ![a picture](docs/a.png), [a wiki](https://example.com/A_(b)).
<img src="docs/b.svg" alt="">

```sh

make demo
```

## Twice

`edge-agent run` and ``a ` b``, and `two
lines`. No link: `[x](y.md)`

## Twice

```
[no](link.md)
# no heading
```
"""


def test_a_block_is_known_by_its_page_its_line_its_language_and_its_first_line() -> None:
    first, second = blocks_in("README.md", PAGE)

    assert first == Block("README.md", 6, "sh", "\nmake demo\n")
    assert (str(first), first.first) == ("README.md:6", "make demo")
    assert (second.language, second.first) == ("", "[no](link.md)")


def test_headings_make_anchors_as_github_does() -> None:
    assert anchors_in(PAGE) == {"a-spool-on-disk", "twice", "twice-1"}


def test_links_and_pictures_are_found_outside_of_code_alone() -> None:
    assert links_in(PAGE) == ["docs/twin.md#quiet", "docs/a.png", "https://example.com/A_(b)", "docs/b.svg"]


def test_words_in_code_may_go_over_a_line() -> None:
    assert words_in_code(PAGE) == ["spool", "edge-agent run", "a ` b", "two lines", "[x](y.md)"]


def test_the_pages_that_matter_are_among_those_that_are_read() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/rules.md", "modules/telematics/README.md"} <= set(pages())
