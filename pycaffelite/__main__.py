"""The program: `pycaffelite`, or `python -m pycaffelite`."""

from __future__ import annotations

import sys

from pycaffelite.cli.boundary import prepare_streams
from pycaffelite.cli.group import command_line


def main() -> None:
    """Run the command line and leave with its exit status: 0 done, 1 failure, 2 usage."""
    prepare_streams()
    command_line.main(sys.argv[1:], prog_name="pycaffelite")


if __name__ == "__main__":
    main()
