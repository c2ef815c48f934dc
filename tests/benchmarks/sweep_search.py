#!/usr/bin/env python3
"""Measures what the samplers of `anzan sweep` find of a space that is looked at whole: LeNet, seconds and joules of a step.

    python3 tests/benchmarks/sweep_search.py build/release/anzan FOLDER [POINTS…]

Looks at all 1,800 points first (minutes), then with random, nsga2 and surrogate at POINTS (90 and 180), five seeds
each. Points are in FOLDER/space.sqlite: what is known is not done again, also by a second call. Prints for each how many
points of the front were found, and the hypervolume in shares of that of all. Exit status 1 if a search finds less than
random points, or not the whole front with a tenth of the points.
"""
import csv
import json
import subprocess
import sys
from pathlib import Path

CONFIGURATION = Path(__file__).resolve().parents[2] / "workloads/configs/lenet_mnist_int8.json"
ALL = 1800  # with those that are refused
OBJECTIVES = ["seconds_per_step", "joules_per_step"]
SWEEP = {
    "base": str(CONFIGURATION),
    "axes": [
        {"pointer": "/training/batch", "values": [8]},
        {"pointer": "/chip/lanes", "values": [8, 16, 32]},
        {"pointer": "/chip/scratchpad_kib", "powers_of_two": {"from": 64, "to": 1024}},
        {"pointer": "/chip/hbm/channels", "powers_of_two": {"from": 2, "to": 16}},
        {"pointer": "/precision/preset", "values": ["int8", "int16", "fp32"]},
        {"pointer": "/chip/clock_ghz", "values": [0.5, 0.75, 1.0, 1.5, 2.0]},
        {"pointer": "/chip/dma_outstanding", "values": [16, 64]},
    ],
    "objectives": [{"figure": "/time/seconds_per_step"}, {"figure": "/energy/joules_per_step"}],
}


def looked_at(anzan, folder, name, sampler):
    """The objectives of all points that a sampler asks for."""
    sweep, table = folder / f"{name}.json", folder / f"{name}.csv"
    sweep.write_text(json.dumps({**SWEEP, "name": name, "sampler": sampler}))
    subprocess.run([anzan, "sweep", sweep, "--store", folder / "space.sqlite", "--csv", table, "--quiet"], check=True)
    with open(table, encoding="utf-8") as rows:
        return [tuple(float(row[key]) for key in OBJECTIVES) for row in csv.DictReader(rows) if row["status"] == "done"]


def front_of(points):
    front = []
    for point in sorted(set(points)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def hypervolume(points, reference):
    volume, below = 0, reference[1]
    for x, y in front_of(points):
        if x < reference[0] and y < below:
            volume += (reference[0] - x) * (below - y)
            below = y
    return volume


def main():
    anzan, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    everything = looked_at(anzan, folder, "grid", {"kind": "grid"})
    front = front_of(everything)
    reference = [1.1 * max(point[k] for point in front) for k in range(2)]
    print(f"all: {len(everything)} points, a front of {len(front)}")
    right = True
    for count in [int(text) for text in sys.argv[3:]] or [90, 180]:
        at_random = {}
        for kind in ("random", "nsga2", "surrogate"):
            for seed in range(1, 6):
                name = f"{kind}_{count}_{seed}"
                found = looked_at(anzan, folder, name, {"kind": kind, "points": count, "seed": seed})
                share = hypervolume(found, reference) / hypervolume(everything, reference)
                whole = set(front) <= set(found)
                print(f"{kind:9} {count} points, seed {seed}: {len(set(found) & set(front))} of the front, {share:.4f}", flush=True)
                if kind == "random":
                    at_random[seed] = share
                else:
                    right = right and share > at_random[seed] and (whole or count < ALL / 10)
    sys.exit(not right)


if __name__ == "__main__":
    main()
