"""The program: `pycaffelite`, or `python -m pycaffelite`."""

from __future__ import annotations

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit status: 0 done, 1 failure, 2 usage, 130 interrupted."""
    try:
        # Imported here, so that Ctrl-C while they load ends like any other Ctrl-C.
        from pycaffelite.cli.boundary import prepare_streams  # noqa: PLC0415
        from pycaffelite.cli.group import command_line  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    prepare_streams()
    command_line.main(sys.argv[1:], prog_name="pycaffelite")


if __name__ == "__main__":
    main()
