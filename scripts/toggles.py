#!/usr/bin/env python3
"""Which bits of the signals of rtl/ rise and fall in random programs with four lanes: a table a block.

  toggles.py [--programs 100] [--seed 1] [--missed] [DIR]       (default results/toggles; builds there, with waveforms)

Taken from the waveforms of `anzan verify`, program by program: memories, parameters and what is named unused do not
count. A bit counts as toggled if it rises and falls in any instance of its module or of a repeated block.
tests/mutation/untoggled.json lists bits that no program can move, each with the reason: they do not count either.
--missed names the others. Exit status 1 if a program differs from the models, or fewer than 95 in 100 bits of a block
toggle.
"""
import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys

import mutate
import waves

ROOT = mutate.ROOT
UNTOGGLED = ROOT / "tests" / "mutation" / "untoggled.json"
WANTED = 0.95
ROSE_AND_FELL = {".": 0, "/": 1, "\\": 2, "+": 3}
MOVED = 3
INSTANCE = re.compile(r"^\s*(\w+)\s+(?:#\((?:[^()]|\([^()]*\))*\)\s*)?(u_\w+)\s*\(", re.MULTILINE)


def instances():
    """Of each module: the module of each instance in it, by name."""
    found = {}
    for path in (ROOT / "rtl").glob("*.sv"):
        text = re.sub(r"//[^\n]*", "", path.read_text())
        found[path.stem] = {name: module for module, name in INSTANCE.findall(text)}
    return found


def place(path, modules):
    """The module that a signal of a waveform stands in, and its name there; what `generate` repeats is one."""
    module, name = "compute_core", []
    for part in path.removeprefix("TOP.compute_core.").split("."):
        if part in modules[module]:
            module, name = modules[module][part], []
        else:
            name.append(part)
    return module, re.sub(r"(gen_\w+)\[\d+\]", r"\1", ".".join(name))


def counts(name):
    """Whether it is a signal: neither a parameter, a memory or the counter of a `for`, nor meant to be ignored."""
    last = name.rpartition(".")[2]
    return not (last[0].isupper() or "unused" in name or "unnamedblk" in name or re.match(r"(clk_i|rst_ni)$", last)
                or re.match(r"[a-z]\[31:0\]$", last) or last.count("[") > 1)


def add(toggled, text, modules):
    """Adds what the waveforms of a program say to what is known, by module and signal."""
    for line in text.splitlines():
        path, _, bits = line.partition(" ")
        if not path.startswith("TOP.compute_core."):
            continue
        module, name = place(path, modules)
        if not counts(name):
            continue
        known = toggled[module].setdefault(name, [0] * len(bits))
        for k, bit in enumerate(bits):
            known[k] |= ROSE_AND_FELL[bit]


def excluded(entries, module, name, width):
    """Bits of a signal that no program can move."""
    bits = set()
    for entry in entries:
        if re.fullmatch(entry["module"], module) and re.fullmatch(entry["signal"], re.sub(r"\[\d+:\d+\]$", "", name)):
            high, low = entry.get("bits", [width - 1, 0])  # of each so many, or of all
            every = entry.get("every", width)
            bits |= {bit for bit in range(width) if low <= bit % every <= high}
    return bits


def ranges(numbers):
    """[3, 4, 5, 9] is "3-5 9"."""
    text, first = [], None
    for number, following in zip(numbers, [*numbers[1:], None]):
        first = number if first is None else first
        if following != number + 1:
            text.append(str(number) if first == number else f"{first}-{number}")
            first = None
    return " ".join(text)


def report(toggled, show_missed):
    rows = {block: [0, 0, 0] for block in mutate.BLOCKS}
    entries, missed = json.loads(UNTOGGLED.read_text()), []
    for module, signals in toggled.items():
        row = rows.setdefault(mutate.block_of(module), [0, 0, 0])
        for name, bits in signals.items():
            without = excluded(entries, module, name, len(bits))
            for number, state in enumerate(reversed(bits)):
                row[0] += 1
                row[1] += number in without
                row[2] += number not in without and state == MOVED
                if number not in without and state != MOVED:
                    missed.append((module, name, number))
    print("| block | bits | cannot toggle | toggled of the others |\n| --- | --- | --- | --- |")
    total = [sum(row[k] for row in rows.values()) for k in range(3)]
    enough = True
    for block, (bits, without, moved) in [*rows.items(), ("all", total)]:
        if bits == 0:
            continue
        share = moved / max(1, bits - without)
        enough = enough and share >= WANTED
        print(f"| {block} | {bits:,} | {without:,} | {moved:,} of {bits - without:,} ({100 * share:.1f} %) |")
    if show_missed:
        by_signal = collections.defaultdict(list)
        for module, name, number in missed:
            by_signal[module, name].append(number)
        for (module, name), numbers in sorted(by_signal.items()):
            print(f"missed: {module} {name}: {len(numbers)}, {ranges(numbers)}")
    return enough


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--missed", action="store_true")
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=ROOT / "results" / "toggles")
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    program = mutate.build(directory / "build", "-DANZAN_RTL_WAVES=ON")
    reader, modules = waves.waveform_reader(directory / "reader"), instances()
    toggled = collections.defaultdict(dict)
    for seed in range(arguments.seed, arguments.seed + arguments.programs):
        shutil.rmtree(directory / "waves", ignore_errors=True)  # some are large
        subprocess.run([program, "verify", "--lanes", "4", "--seed", str(seed), "--programs", "1", "--all-waves",
                        "--wave", directory / "waves"], check=True, stdout=subprocess.DEVNULL)
        files = sorted((directory / "waves").glob("*.fst"))
        add(toggled, subprocess.run([reader, "toggles", *files], check=True, text=True, capture_output=True).stdout,
            modules)
    shutil.rmtree(directory / "waves", ignore_errors=True)
    sys.exit(0 if report(toggled, arguments.missed) else 1)


if __name__ == "__main__":
    main()
