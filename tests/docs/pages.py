"""The pages that are shipped, read as far as they can be held to something: blocks, headings, links, words in code."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHERE = ("*.md", "docs/**/*.md", "modules/*/*.md", "cloud/**/*.md")

FENCE = re.compile(r"^ {0,3}```(?P<language>[^\n`]*)\n(?P<text>.*?)^ {0,3}```[ \t]*$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.*?) *#*$", re.MULTILINE)
LINK = re.compile(r"!?\[(?:[^][]|\[[^][]*\])*\]\(([^()\s]*(?:\([^()]*\)[^()\s]*)*)(?: +\"[^\"]*\")?\)")
SOURCE = re.compile(r"<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)=\"([^\"]*)\"")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    page: str
    """path from the root"""
    line: int
    language: str
    """as the fence names it; empty where it says nothing"""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def first(self) -> str:
        """Its first line that is not empty: by this it is known in a table."""
        return next((line.strip() for line in self.text.splitlines() if line.strip()), "")


@cache
def pages() -> tuple[str, ...]:
    """Every page, as a path from the root."""
    found = {path.relative_to(ROOT).as_posix() for pattern in WHERE for path in ROOT.glob(pattern)}
    return tuple(sorted(found))


@cache
def text_of(page: str) -> str:
    """A page as it is shipped."""
    return (ROOT / page).read_text()


@cache
def blocks() -> tuple[Block, ...]:
    """Those of every page."""
    return tuple(block for page in pages() for block in blocks_in(page, text_of(page)))


def blocks_in(page: str, text: str) -> Iterator[Block]:
    """Those of one page, in its order."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"].strip(), found["text"])


def prose(text: str) -> str:
    """A page without its blocks."""
    return FENCE.sub("", text)


def anchors_in(text: str) -> set[str]:
    """What a link may name behind a hash: headings as GitHub makes anchors of them, and anchors written out."""
    seen: Counter[str] = Counter()
    found = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    for heading in HEADING.findall(prose(text)):
        plain = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def links_in(text: str) -> list[str]:
    """Targets of the links and pictures of a page, in its order."""
    plain = CODE.sub("", prose(text))
    return [*LINK.findall(plain), *SOURCE.findall(plain)]


def words_in_code(text: str) -> list[str]:
    """What stands between backticks in running text, each as one line."""
    return [" ".join(found.split()) for _, found in CODE.findall(prose(text))]
