"""Runs the structure checks on the source tree: every check, or those named.

    check.py [--root DIR] [--fix] [--report] [CHECK…]

Prints each finding on a line of its own; exit status 1 if there is any. --fix formats instead of
checking the formatting; --report prints what is long, and checks nothing.
"""
import argparse
import functools
import sys
from pathlib import Path

import content
import functions
import layout
import pages
from tree import Tree

CHECKS = {
    check.__name__: check
    for check in (layout.top_level, layout.layers, layout.wings, layout.circles, layout.guards, functions.function_lines,
                  functions.parameters, functions.at_home, content.openings, content.wording, content.workloads,
                  content.formatting, pages.links, pages.modules)
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2])
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    arguments = parser.parse_args()
    unknown = set(arguments.checks) - set(CHECKS)
    if unknown:
        parser.error(f"unknown check {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    tree = Tree(arguments.root)
    checks = dict(CHECKS)
    if arguments.fix:
        checks["formatting"] = functools.partial(content.formatting, fix=True)
    if not tree.files:
        sys.exit(f"{arguments.root}: no files to check")
    if arguments.report:
        print(*functions.report(tree), sep="\n")
        return
    findings = [f"{name}: {finding}" for name in arguments.checks or checks for finding in checks[name](tree)]
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
