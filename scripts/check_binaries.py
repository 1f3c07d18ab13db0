"""Checks that the release binaries run where Lambda runs them: Amazon Linux 2023 has glibc 2.34."""

import pathlib
import re
import sys

NEWEST_GLIBC = (2, 34)

for function in ("alarms", "hello", "home", "scheduler", "wake"):
    binary = (pathlib.Path(sys.argv[1]) / function / "bootstrap").read_bytes()
    versions = {(int(major), int(minor)) for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", binary)}
    if binary[:4] != b"\x7fELF" or not versions:
        sys.exit(f"check_binaries: {function} is no binary for Linux")
    # Built for an older glibc, as without a version in the target, it would load these, which are empty by now, at every start.
    if needless := re.search(rb"\0(lib(?:dl|pthread)\.so)", binary):
        sys.exit(f"check_binaries: {function} was not built for glibc 2.34, and loads {needless[1].decode()}")
    newest = max(versions)
    if newest > NEWEST_GLIBC:
        sys.exit(f"check_binaries: {function} needs glibc {newest[0]}.{newest[1]}, and Lambda has 2.34")
    print(f"ok   {function}: {len(binary) / 1e6:.1f} MB, needs glibc {newest[0]}.{newest[1]}")
