"""Look a file over without running it: what it is, what is wrong with it, what it would make."""

from pycaffelite.report.check.files import FileReport, Settings, check_files

__all__ = ["FileReport", "Settings", "check_files"]
