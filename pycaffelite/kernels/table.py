"""Rows of a table, by their numbers."""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def take_rows(table: Array, numbers: Array, rows: Array) -> None:
    """Write rows[m, d] = table[numbers[m], d]. Serial: a copy.

    Args:
        table: (N, D), in.
        numbers: int64 (M,), in: from 0 to N - 1.
        rows: (M, D), out.
    """
    for m in range(numbers.shape[0]):
        n = numbers[m]
        for d in range(table.shape[1]):
            rows[m, d] = table[n, d]


@kernel()
def add_rows(rows: Array, numbers: Array, table: Array) -> None:
    """Add rows[m, d] to table[numbers[m], d]. Serial, as several rows may go to one place.

    Args:
        rows: (M, D), in.
        numbers: int64 (M,), in: from 0 to N - 1.
        table: (N, D), in and out.
    """
    for m in range(numbers.shape[0]):
        n = numbers[m]
        for d in range(table.shape[1]):
            table[n, d] += rows[m, d]
