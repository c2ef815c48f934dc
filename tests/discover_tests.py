#!/usr/bin/env python3
"""Writes what an executable of GoogleTest has as tests of ctest: discover_tests.py EXECUTABLE ROWS FOUND.

ROWS has a line for each of its sources: `path|name|timeout in seconds|label,label…|filter`; a test of that source
becomes `name/Suite.Test`, where the filter (GoogleTest's, without what it excludes) is empty or names it.
"""
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def tests_of(executable):
    """(full name, source) of each."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "list.json"
        subprocess.run([executable, "--gtest_list_tests", f"--gtest_output=json:{listing}"],
                       check=True, stdout=subprocess.DEVNULL, timeout=60)
        for suite in json.loads(listing.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                yield f"{suite['name']}.{test['name']}", os.path.normpath(test["file"])


def main():
    executable, rows, found = sys.argv[1:]
    row_of, used = {}, set()
    for line in Path(rows).read_text().split("\n"):
        if line:
            source, *row = line.split("|")
            row_of[source] = row
    text = []
    for test, source in tests_of(executable):
        if source not in row_of:
            sys.exit(f"{source}: has the test {test} and is no source of anzan_test")
        used.add(source)
        name, timeout, labels, patterns = row_of[source]
        if patterns and not any(fnmatch.fnmatchcase(test, pattern) for pattern in patterns.split(":")):
            continue
        full = f"[=[{name}/{test}]=]"
        text.append(f'add_test({full} "{executable}" [=[--gtest_filter={test}]=])\n'
                    f"set_tests_properties({full} PROPERTIES TIMEOUT {timeout} COST {timeout}\n"
                    f'  LABELS "{labels.replace(",", ";")}" FAIL_REGULAR_EXPRESSION "Running 0 tests")\n')
    empty = [source for source in row_of if source.endswith("_test.cpp") and source not in used]
    if empty:
        sys.exit(f"{empty[0]}: is a source of anzan_test and has no test")
    Path(found).write_text("".join(text))


if __name__ == "__main__":
    main()
