#!/usr/bin/env python3
"""Measures `anzan allocate` on large problems: real plans, one training step after another, and random lifetimes.

    python3 tests/benchmarks/tiled_plans.py build/release/anzan FOLDER [BUFFERS…]

Plans are those of `anzan memory`, 64 images in 8 bits; as many steps are put in line as make BUFFERS buffers (10,000 and
100,000), and what lives from step to step lives through all of them. Random ones begin anywhere and end anywhere after
that. Prints the height above the bound, and seconds of processor time; the lines are in FOLDER. Exit status 1 if a plan is
more than 0.5 % above the bound, or a random problem more than 1 %.
"""
import json
import random
import resource
import subprocess
import sys
from pathlib import Path

NETWORKS = Path(__file__).resolve().parents[2] / "workloads/networks"
TECHNIQUES = {"": {}, ", least peak": {"order": "least_peak"}}


def plan(anzan, network, memory, folder):
    """Lifetimes and sizes of the tensors of a step; without an end, those that stay."""
    configuration = folder / "step.json"
    configuration.write_text(json.dumps({
        "network": str(NETWORKS / f"{network}.json"), "dataset": {"kind": "synthetic"}, "precision": {"preset": "int8"}, "memory": memory,
        "training": {"batch": 64, "iterations": 1, "optimizer": {"learning_rate": {"base": 0.01}, "momentum": 0.9}},
        "chip": {"hbm": {"rows": 1 << 20}}}))
    said = subprocess.run([anzan, "memory", configuration, "--json"], check=True, capture_output=True, text=True).stdout
    return [(t["first_use"], None if t["persistent"] else t["last_use"] + 1, t["bytes"]) for t in json.loads(said)["memory"]["plan"] if t["bytes"]]


def in_line(step, buffers):
    first = min(begin for begin, end, _ in step if end is not None)  # images are there before the first operation
    length = max(end for _, end, _ in step if end is not None) - first
    stay = [size for _, end, size in step if end is None]
    steps = max(1, (buffers - len(stay)) // (len(step) - len(stay)))
    lines = [(s * length + begin - first, s * length + end - first, size) for s in range(steps) for begin, end, size in step if end is not None]
    return lines + [(0, steps * length, size) for size in stay]


def drawn(buffers):
    draw, lines = random.Random(1), []
    for _ in range(buffers):
        begin = draw.randrange(1 << 20)
        lines.append((begin, draw.randrange(begin, 1 << 20) + 1, 1 + draw.randrange(1 << 20)))
    return lines


def show(anzan, folder, name, lines, gaps):
    file = folder / "buffers.csv"
    file.write_text("id,lower,upper,size\n" + "".join(f"{i},{a},{b},{size}\n" for i, (a, b, size) in enumerate(lines)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([anzan, "allocate", file, "--json", "--quiet"], check=True, capture_output=True, text=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    found = json.loads(done.stdout)["allocation"]
    gaps[name] = max(gaps.get(name, 0), found["gap_percent"])
    print(f"{name:24} {found['buffers']:7} buffers: {found['gap_percent']:.3f} % above the bound, {seconds:.2f} s", flush=True)


def main():
    anzan, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    counts = [int(text) for text in sys.argv[3:]] or [10_000, 100_000]
    gaps = {}
    for network in ("alexnet", "resnet20", "vgg16", "resnet50"):
        for technique, memory in TECHNIQUES.items():
            step = plan(anzan, network, memory, folder)
            for count in counts:
                show(anzan, folder, network + technique, in_line(step, count), gaps)
    for count in counts:
        show(anzan, folder, "random", drawn(count), gaps)
    sys.exit(any(gap > (1 if name == "random" else 0.5) for name, gap in gaps.items()))


if __name__ == "__main__":
    main()
