#!/usr/bin/env python3
"""What the blocks of rtl/ cost in gates: synthesised by yosys for the 0.18 um cells of qflow-tech-osu018, as the
table of rtl/README.md.

  area.py [--lanes 4] [--liberty FILE] [--timeout 300] [--table FILE] [BLOCK…]   default: all blocks of the core

With --table the blocks' rows for these lanes are put into FILE, from which `anzan` takes the area of chips.

Cells and area are those of logic and flip-flops. Memories, which are arrays of words in the source, are left
out of both and counted in bits. Depth is the longest path between flip-flops, memories and ports, in cells; no
wires, loads or buffers are reckoned with. Parts that occur many times are synthesised once, on their own.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RTL = ROOT / "rtl"
LIBERTY = pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
BLOCKS = {  # of compute_core, which only joins them: whether it has the parameter Lanes
    "tensor_unit": True, "vector_unit": True, "dma": True, "network_unit": True, "sequencer": True,
    "scratchpad": True, "settings_store": False, "settings_optimiser": False, "statistics_database": False,
}
UNSHARED = ("scratchpad",)  # its ports are what it is, and yosys would look for hours whether two could be one
PARTS = ("processing_element", "vector_lane", "write_back_lane", "analysis_block")
WATCHING = ("settings_store", "settings_optimiser", "statistics_database")  # and every analysis_block

# Arrays stay memories through all of it; the flip-flops are made into the kinds that the library has.
SCRIPT = """
read_verilog -sv {packages}
read_verilog -sv {rtl}/{block}.sv
{parameter}
read_liberty -lib {liberty}
hierarchy -check -libdir {rtl} -top {block}
proc
setattr -mod -set keep_hierarchy 1 {parts}
flatten
tee -q -o {out}/memories stat
synth {share} -run coarse:fine
opt -fast -full
techmap
opt -fast
dfflegalize -cell $_DFF_P_ 01 -cell $_DFFSR_PNN_ 01
opt_expr
opt_clean
abc -fast -liberty {liberty}
opt_clean
design -save mapped
tee -q -o {out}/parts ltp -noff
setattr -mod -unset keep_hierarchy {parts}
flatten
opt_clean
tee -q -o {out}/whole ltp -noff
design -load mapped
dfflibmap -map-only -liberty {liberty}
tee -q -o {out}/area stat -liberty {liberty}
"""


def plain(name):
    """The module's name without parameters and escapes."""
    known = [part for part in re.split(r"[\\=]", name) if part in PARTS or part in BLOCKS]
    return known[0] if known else name.lstrip("\\")


def sections(text):
    """The modules of a `stat`: name to what is said of it."""
    pieces = re.split(r"^=== (.*) ===$", text, flags=re.MULTILINE)[1:]
    return {plain(name): body for name, body in zip(pieces[::2], pieces[1::2]) if name != "design hierarchy"}


def depths(text):
    return {plain(name): int(length)
            for name, length in re.findall(r"Longest topological path in (\S+) \(length=(\d+)\)", text)}


def synthesise(block, lanes, package, liberty, timeout):
    """Cells, area, depth and bits of the block and of each part in it: name to a dict, with `children` counted."""
    packages = [package, *sorted(RTL.glob("*_pkg.sv"))]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        script = out / "script.ys"
        script.write_text(SCRIPT.format(
            packages=" ".join(map(str, packages)), rtl=RTL, liberty=liberty, block=block,
            share="-noshare" if block in UNSHARED else "",
            parameter=f"chparam -set Lanes {lanes} {block}" if BLOCKS[block] else "",
            parts=" ".join(f"*{part}*" for part in PARTS), out=out), encoding="utf-8")
        with subprocess.Popen(["nice", "-n", "10", "yosys", "-q", script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True) as yosys:
            try:
                said, _ = yosys.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(yosys.pid, signal.SIGKILL)  # abc too, which runs below it
                raise
        if yosys.returncode:
            sys.exit(f"{block}: {said}")
        memories = sections((out / "memories").read_text())
        areas = sections((out / "area").read_text())
        depth = {**depths((out / "parts").read_text()), **depths((out / "whole").read_text())}
    found = {}
    for name, body in areas.items():
        cells = {plain(kind): int(count) for kind, count in re.findall(r"^ {5}(\S+) +(\d+)$", body, re.MULTILINE)}
        odd = [kind for kind in cells if kind.startswith("$") and not kind.startswith("$mem")]
        if odd:
            sys.exit(f"{block}: the library has no {', '.join(odd)}")
        area = re.search(r"Chip area for module .*: ([\d.]+)", body)
        bits = re.search(r"Number of memory bits: +(\d+)", memories[name]) if name in memories else None
        found[name] = {
            "cells": sum(n for kind, n in cells.items() if kind not in areas and not kind.startswith("$mem")),
            "area": float(area[1]) if area else 0.0,
            "bits": int(bits[1]) if bits else 0,
            "depth": depth.get(name),
            "children": {kind: n for kind, n in cells.items() if kind in areas},
        }
    return found


def total(found, name, key):
    """Of the module with all that is in it."""
    module = found[name]
    return module[key] + sum(n * total(found, child, key) for child, n in module["children"].items())


def occurrences(found, name, part):
    children = found[name]["children"]
    return children.get(part, 0) + sum(n * occurrences(found, child, part) for child, n in children.items())


def row(name, found, module):
    depth = found[module]["depth"]
    print(f"| {name} | {total(found, module, 'cells'):,} | {total(found, module, 'area') / 1e6:.3f} | "
          f"{'—' if depth is None else depth} | {total(found, module, 'bits'):,} |", flush=True)


def put(file, lanes, block, found):
    """Puts the row of a block with these lanes into the table, whole or not at all."""
    table = json.loads(file.read_text(encoding="utf-8"))
    rows = table["blocks_by_lanes"].setdefault(str(lanes), {})
    rows[block] = {"um2": round(total(found, block, "area"), 1), "memory_bits": total(found, block, "bits")}
    if "processing_element" in found:  # one for each pair of lanes
        table["um2_of_each_pair_of_lanes"][block] = round(total(found, "processing_element", "area"), 1)
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    beside.replace(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--liberty", type=pathlib.Path, default=LIBERTY, help="default: %(default)s")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a block; default %(default)s")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="as workloads/area/osu018.json")
    parser.add_argument("blocks", nargs="*", metavar="BLOCK", help=", ".join(BLOCKS))
    arguments = parser.parse_args()
    if set(arguments.blocks) - set(BLOCKS):
        parser.error(f"blocks are {', '.join(BLOCKS)}")
    if not arguments.liberty.exists():
        parser.error(f"{arguments.liberty} is missing: it comes with the Debian package qflow-tech-osu018")

    print("| block | cells | area, mm² | depth, cells | memory, bits |\n| --- " + "| --- " * 4 + "|", flush=True)
    core = watching = 0.0
    skipped = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, ROOT / "isa/generate.py", "--output", folder], check=True)
        package = next(pathlib.Path(folder).rglob("isa_pkg.sv"))
        for block in arguments.blocks or BLOCKS:
            try:
                found = synthesise(block, arguments.lanes, package, arguments.liberty, arguments.timeout)
            except subprocess.TimeoutExpired:
                skipped.append(block)
                continue
            row(f"`{block}`", found, block)
            if arguments.table:
                put(arguments.table, arguments.lanes, block, found)
            for part in PARTS:
                if times := occurrences(found, block, part):
                    row(f"of it {times} ×, each: `{part}`", found, part)
                    watching += (part == "analysis_block") * times * total(found, part, "area")
            core += total(found, block, "area")
            watching += (block in WATCHING) * total(found, block, "area")
    if skipped:
        print(f"\nNot counted, as they took longer than {arguments.timeout:.0f} s: {', '.join(skipped)}.")
    if skipped or set(arguments.blocks or BLOCKS) != set(BLOCKS):
        return
    share = 100 * watching / (core - watching)
    print(f"\nLanes = {arguments.lanes}. Sum: {core / 1e6:.3f} mm², of which analysis blocks, statistics database, "
          f"settings store and settings optimiser {watching / 1e6:.3f} mm²: {share:.1f} % on top of the rest.")


if __name__ == "__main__":
    main()
