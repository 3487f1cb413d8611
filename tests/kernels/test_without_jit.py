"""The kernel tests once more as plain Python, where an index out of bounds raises instead of reading zeros."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pycaffelite.kernels._jit import JIT_ENABLED

HERE = Path(__file__).parent


def test_all_kernel_tests_pass_without_the_compiler():
    if not JIT_ENABLED:
        return  # this is that second run
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(HERE)]
    done = subprocess.run(command, env=environment, cwd=HERE.parent.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
