#!/usr/bin/env python3
"""Writes everything that is derived from isa.json, after checking it.

    generate.py --output DIR   DIR/isa/isa_generated.hpp and DIR/isa/isa_pkg.sv, where they changed
    generate.py --markdown     rewrites ISA.md beside this script
    generate.py --check        fails if ISA.md is not what isa.json says
Without any of them only isa.json is checked. Exit status: 0 done, 1 ISA.md is stale, 2 isa.json is wrong.
"""
import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays as it is
import description as isa  # noqa: E402
import emit_cpp  # noqa: E402
import emit_markdown  # noqa: E402
import emit_systemverilog  # noqa: E402

HERE = Path(__file__).resolve().parent


def write_if_changed(path, text):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isa", type=Path, default=HERE / "isa.json", help="the description to read")
    parser.add_argument("--page", type=Path, default=HERE / "ISA.md", help="the Markdown page")
    parser.add_argument("--output", type=Path, help="directory of generated C++ and SystemVerilog")
    parser.add_argument("--markdown", action="store_true", help="rewrite the page")
    parser.add_argument("--check", action="store_true", help="fail if the page is stale")
    options = parser.parse_args()
    try:
        described = isa.load(options.isa)
    except (isa.DescriptionError, OSError) as error:
        print(f"{options.isa} is refused:\n{error}", file=sys.stderr)
        return 2
    if options.output:
        write_if_changed(options.output / "isa" / "isa_generated.hpp", emit_cpp.header(described))
        write_if_changed(options.output / "isa" / "isa_pkg.sv", emit_systemverilog.package(described))
    page = emit_markdown.page(described)
    if options.markdown:
        write_if_changed(options.page, page)
    if options.check and (not options.page.exists() or options.page.read_text(encoding="utf-8") != page):
        print(f"{options.page} is not what {options.isa} says; run: python3 isa/generate.py --markdown",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
