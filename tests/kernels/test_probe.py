from __future__ import annotations

import numpy as np

from pycaffelite.kernels import probe


def test_limits_are_numbers_of_this_world():
    machine = probe.measure_machine(streamed=1 << 12, rounds=2, repeats=1)
    assert 0 < machine.flops < 1e18
    assert 0 < machine.bandwidth < 1e15


def test_every_element_is_read_and_written():
    array = np.random.default_rng(1).standard_normal(1003).astype(np.float32)
    before = array.copy()
    assert probe.stream_rate(array) > 0
    np.testing.assert_array_equal(array, -before)


def test_the_roofline_is_the_slower_of_two():
    machine = probe.Machine(flops=100.0, bandwidth=10.0)
    assert machine.seconds(200, 10) == 2
    assert machine.seconds(200, 40) == 4
