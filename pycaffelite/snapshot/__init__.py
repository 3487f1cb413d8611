"""Weights and solver state to files and back, in the forms that Caffe reads and writes."""

from pycaffelite.snapshot.match import fate_of
from pycaffelite.snapshot.newest import newest_snapshot
from pycaffelite.snapshot.resume import resume_seed
from pycaffelite.snapshot.stored import StoredBlob, stored_weights
from pycaffelite.snapshot.training import (
    Paths,
    Progress,
    Resumed,
    best_path,
    check_writable,
    damaged_side_file,
    restore_snapshot,
    snapshot_prefix,
    write_snapshot,
)
from pycaffelite.snapshot.weights import LoadReport, load_weights, save_weights

__all__ = [
    "LoadReport",
    "Paths",
    "Progress",
    "Resumed",
    "StoredBlob",
    "best_path",
    "check_writable",
    "damaged_side_file",
    "fate_of",
    "load_weights",
    "newest_snapshot",
    "restore_snapshot",
    "resume_seed",
    "save_weights",
    "snapshot_prefix",
    "stored_weights",
    "write_snapshot",
]
