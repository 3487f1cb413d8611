"""Close-match suggestions for misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache


def close_matches(word: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Return up to `limit` of the `known` names that `word` may have meant, nearest first; case does not count."""
    return list(_close_matches(word, tuple(known), limit))


@lru_cache(maxsize=256)  # the search is slow, and the same slip comes in numbers
def _close_matches(word: str, known: tuple[str, ...], limit: int) -> tuple[str, ...]:
    by_folded: dict[str, str] = {}
    for name in known:
        by_folded.setdefault(name.casefold(), name)
    matches = difflib.get_close_matches(word.casefold(), by_folded, limit, cutoff=0.6)
    return tuple(by_folded[match] for match in matches)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return "did you mean `a` or `b`?", or None when nothing is near."""
    matches = [f"`{match}`" for match in close_matches(word, known)]
    if not matches:
        return None
    return f"did you mean {' or '.join([', '.join(matches[:-1]), matches[-1]] if matches[:-1] else matches)}?"
