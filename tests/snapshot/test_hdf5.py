from __future__ import annotations

import time

import numpy as np

from pycaffelite.snapshot.hdf5 import encode_state


def test_a_state_has_the_same_bytes_whenever_it_is_written() -> None:
    """HDF5 can stamp data sets with the time: a resumed training would then end in another file."""

    def content() -> bytes:
        return b"".join(bytes(chunk) for chunk in encode_state(5, "x.caffemodel.h5", 1, [np.ones(3, np.float32)]))

    first = content()
    time.sleep(1.1)  # the stamp counts seconds
    assert content() == first
