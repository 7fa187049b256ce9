"""Names somebody may have meant, found among very many. Pure.

`difflib` takes some 20 us a name. Of all names only those are shown to it that share most letters with what was
written, whatever the letters' order: that number, the upper bound of its own ratio, numpy finds for all at once.
"""

import difflib
from collections.abc import Iterable, Sequence

import numpy as np

from edge_agent.records import U8

CANDIDATES = 100
_LETTERS = 80
"""Remainders of ASCII's small letters, digits, dot and underscore by this number differ."""


class KnownNames:
    """Names made ready for many look-ups."""

    def __init__(self, names: Iterable[str]) -> None:
        by_lower = {name.lower(): name for name in names}
        by_last_part = {name.rsplit(".", 1)[-1].lower(): name for name in by_lower.values()}
        self._whole = _Texts(by_lower)
        self._last_parts = _Texts(by_last_part)
        self._by_lower, self._by_last_part = by_lower, by_last_part

    def nearest(self, name: str) -> tuple[str, ...]:
        """Up to three names somebody who wrote `name` may have meant, best first."""
        written = name.lower()
        close = [self._by_lower[hit] for hit in self._whole.close(written, cutoff=0.6)]
        last_part = written.rsplit(".", 1)[-1]
        close += [self._by_last_part[hit] for hit in self._last_parts.close(last_part, cutoff=0.7)]
        return tuple(dict.fromkeys(close))[:3]


class _Texts:
    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(texts)
        self._lengths = np.array([len(_encoded(text)) for text in self._texts], np.int64)
        self._letters = _letters(self._texts)

    def close(self, text: str, *, cutoff: float) -> list[str]:
        """Up to three texts whose ratio is at least `cutoff`, best first."""
        shared = np.minimum(self._letters, _letters([text])).sum(axis=1)
        bound = 2 * shared / np.maximum(self._lengths + len(_encoded(text)), 1)
        best = np.argsort(-bound, kind="stable")[:CANDIDATES].tolist()
        return difflib.get_close_matches(text, [self._texts[i] for i in best], n=3, cutoff=cutoff)


def _letters(texts: Sequence[str]) -> U8:
    """[texts, letters] how often each occurs, 255 at most."""
    encoded = [_encoded(text) for text in texts]
    of = np.repeat(np.arange(len(texts)), [len(text) for text in encoded])
    letter = np.frombuffer(b"".join(encoded), np.uint8) % _LETTERS
    counts = np.bincount(of * _LETTERS + letter, minlength=len(texts) * _LETTERS)
    return np.minimum(counts, 255).astype(np.uint8).reshape(len(texts), _LETTERS)


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # JSON can hold half a surrogate pair
