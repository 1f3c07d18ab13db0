"""check_binaries.py FOLDER [--static]: checks that the release binaries run where Lambda runs them, and start as fast as they can.

With --static those are refused, too, that were built for glibc where musl's standard library was not to be had.
"""

import pathlib
import re
import struct
import sys

# Amazon Linux 2023's.
NEWEST_GLIBC = (2, 34)
# The part of a binary's code that has to be found by the names of what a start calls, at least: it is 17 percent of the scheduler.
LEAST_AT_START = 0.12
# Of the header of ELF, its program headers, and its dynamic section.
SHARED_OBJECT, DYNAMIC, INTERPRETER, NEEDED = 3, 2, 3, 1


def is_static(binary):
    """Whether it needs neither another program to be loaded, nor a library."""
    offset, size, count = *struct.unpack_from("<Q", binary, 0x20), *struct.unpack_from("<HH", binary, 0x36)
    needs = False
    for number in range(count):
        header = struct.unpack_from("<IIQQQQ", binary, offset + size * number)
        kind, at, length = header[0], header[2], header[5]
        tags = (struct.unpack_from("<q", binary, at + 16 * entry)[0] for entry in range(length // 16 if kind == DYNAMIC else 0))
        needs = needs or kind == INTERPRETER or NEEDED in tags
    return not needs


def section(binary, wanted):
    """How many bytes a section has."""
    offset, size, count, names = *struct.unpack_from("<Q", binary, 0x28), *struct.unpack_from("<HHH", binary, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", binary, offset + size * number) for number in range(count)]
    strings = headers[names][4]
    for name, _, _, _, _, length in headers:
        if binary[strings + name : binary.index(b"\0", strings + name)] == wanted:
            return length
    return 0


def flaw(binary, only_static):
    """What is wrong with a binary, or else nothing."""
    if binary[:6] != b"\x7fELF\x02\x01":
        return "is no binary for Linux on 64 bits"
    if struct.unpack_from("<H", binary, 0x10)[0] != SHARED_OBJECT:
        return "can be loaded at one address alone, which whoever attacks it knows"
    if is_static(binary):
        # A start that calls what is spread over all of it brings all of it into memory.
        code = [section(binary, name) for name in (b".text.start", b".text.run", b".text")]
        share = code[0] / max(sum(code), 1)
        if share > LEAST_AT_START:
            return None
        return f"has {share:.0%} of its code in .text.start: make crates/link/layout.ld anew by scripts/record-layout.sh"
    if only_static:
        return "has to be linked when it starts"
    versions = {(int(major), int(minor)) for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", binary)}
    if not versions:
        return "is linked when it starts, and not with glibc"
    # Built for an older glibc, as without a version in the target, it would load these, which are empty by now, at every start.
    if needless := re.search(rb"\0(lib(?:dl|pthread)\.so)", binary):
        return f"was not built for glibc 2.34, and loads {needless[1].decode()}"
    if (newest := max(versions)) > NEWEST_GLIBC:
        return f"needs glibc {newest[0]}.{newest[1]}, and Lambda has 2.34"
    return None


for function in ("alarms", "hello", "home", "scheduler", "wake"):
    binary = (pathlib.Path(sys.argv[1]) / function / "bootstrap").read_bytes()
    try:
        found = flaw(binary, "--static" in sys.argv)
    except (struct.error, IndexError, ValueError):
        found = "is cut off"
    if found:
        sys.exit(f"check_binaries: {function} {found}")
    needs = "no library" if is_static(binary) else "glibc"
    print(f"ok   {function}: {len(binary) / 1e6:.1f} MB, needs {needs}")
