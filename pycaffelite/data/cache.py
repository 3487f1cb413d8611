"""Where pycaffelite keeps files of its own making."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the cache folder: `PYCAFFELITE_CACHE` where it is set, else the user's as the platform has it."""
    chosen = os.environ.get("PYCAFFELITE_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("pycaffelite", appauthor=False)
