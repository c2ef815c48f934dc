#!/usr/bin/env python3
"""Which lines and branches of rtl/ random programs with four lanes reach: a table a module, and those missed.

  coverage.py [--programs 100] [--seed 1] [DIR]       (default results/coverage; builds there)

A point counts as reached if it is in any instance of its module. DIR/counts holds Verilator's counts, a file a
program, for verilator_coverage. Exit status 1 if a program differs from the models.
"""
import argparse
import collections
import os
import pathlib
import shutil
import subprocess

import mutate

ROOT = mutate.ROOT
KINDS = {"v_line": "lines", "v_branch": "branches"}


def points(directory):
    """How often each (module, kind, line, which of the line) was reached, over all programs and instances."""
    counts = collections.Counter()
    for file in directory.glob("*.dat"):
        for line in file.read_text(errors="replace").splitlines():
            if not line.startswith("C '"):
                continue
            body, count = line[3:].rsplit("' ", 1)
            fields = dict(part.split("\x02", 1) for part in body.split("\x01")[1:])
            kind = KINDS[fields["page"].split("/")[0]]
            counts[pathlib.Path(fields["f"]).stem, kind, int(fields["l"]), fields["o"]] += int(count)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=ROOT / "results" / "coverage")
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    program = mutate.build(directory / "build", "-DANZAN_RTL_COVERAGE=line")
    shutil.rmtree(directory / "counts", ignore_errors=True)
    (directory / "counts").mkdir(parents=True)
    subprocess.run([program, "verify", "--lanes", "4", "--seed", str(arguments.seed), "--programs",
                    str(arguments.programs)], check=True,
                   env=dict(os.environ, ANZAN_RTL_COVERAGE_DIRECTORY=str(directory / "counts")))
    counts = points(directory / "counts")
    rows = collections.defaultdict(collections.Counter)
    for (module, kind, _, _), count in counts.items():
        for row in (module, "all"):
            rows[row][kind] += 1
            rows[row][f"{kind} reached"] += count > 0
    print("| module | lines | branches |\n| --- | --- | --- |")
    for module, row in sorted(rows.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"| {module} | " + " | ".join(f"{row[f'{kind} reached']} of {row[kind]}" for kind in KINDS.values()) + " |")
    for module, kind, line, which in sorted(point for point, count in counts.items() if count == 0):
        print(f"missed: {module}.sv:{line}: {kind}, {which}")


if __name__ == "__main__":
    main()
