#!/usr/bin/env python3
"""How many points an hour `anzan sweep` looks at, over axes of cost: formats, lanes, scratchpad, clock, channels of HBM,
requests under way, and supply voltages, of which energies are the squares.

  sweep_speed.py [--network lenet|alexnet] [--voltages 50] [--small] [--out FOLDER] [--check 1000]

LeNet's whole grid has 10^6 points with 50 voltages: 100 programs, each run dry in 200 ways. --small takes a tenth of
these ways. Then it asks the store for the front of all, and compares points that it draws with `anzan cost`
(check_sweep.py). Take nothing from a machine that does something else.
"""
import argparse
import json
import pathlib
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ANZAN = ROOT / "build/release/anzan"
FRONT = """
WITH ordered AS (SELECT seconds_per_step s, joules_per_step j FROM figure WHERE s IS NOT NULL),
best AS (SELECT s, j, min(j) OVER (ORDER BY s, j ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM ordered)
SELECT count(*) FROM best WHERE before IS NULL OR j < before"""


def scaled(technology, voltage):
    """A technology with each energy, and static power, by the square of the supply's share."""
    def walk(node):
        if isinstance(node, dict):
            return {key: value * voltage * voltage if isinstance(value, (int, float)) and key in ("pj", "mw")
                    else walk(value) for key, value in node.items()}
        return [walk(item) for item in node] if isinstance(node, list) else node
    return {**walk(technology), "name": f"{technology['name']} at {voltage:.2f} of its supply"}


def sweep_of(network, voltages, small, folder):
    """Writes technologies and the sweep's file; gives the file's path and the number of points."""
    base = json.loads((ROOT / "workloads/technology/7nm.json").read_text(encoding="utf-8"))
    files = []
    for k in range(voltages):
        files.append(folder / f"supply{k}.json")
        files[-1].write_text(json.dumps(scaled(base, 0.7 + 0.6 * k / voltages)), encoding="utf-8")
    few = network == "alexnet"
    axes = [
        {"pointer": "/precision/preset", "values": ["int8", "int16", "fp32"] if few else
         ["int8", "int16", "fp32", "int8_master16", "int8_master32"]},
        {"pointer": "/chip/lanes", "values": [16, 32] if few else [4, 8, 16, 32]},
        {"pointer": "/chip/scratchpad_kib", "values": [1024, 4096] if few else [128, 256, 512, 1024, 2048]},
        {"pointer": "/chip/clock_ghz", "values": [0.5, 1] if few or small else [0.5 + 0.1 * k for k in range(10)]},
        {"pointer": "/chip/hbm/channels", "values": [4, 8] if few or small else [2, 4, 8, 16]},
        {"pointer": "/chip/dma_outstanding", "values": [16, 32, 64, 128, 256]},
        {"pointer": "/technology", "values": [str(file) for file in files]},
    ]
    points = 1
    for axis in axes:
        points *= len(axis["values"])
    config = {"network": str(ROOT / f"workloads/networks/{network}.json"), "dataset": {"kind": "synthetic"},
              "training": {"batch": 16 if few else 64, "iterations": 1,
                           "optimizer": {"momentum": 0.9, "learning_rate": {"base": 0.01}}}}
    sweep = {"base": config, "axes": axes, "sampler": {"kind": "grid"},
             "objectives": [{"figure": "/time/seconds_per_step"}, {"figure": "/energy/joules_per_step"}]}
    file = folder / f"{network}_speed.json"
    file.write_text(json.dumps(sweep), encoding="utf-8")
    return file, points


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=("lenet", "alexnet"), default="lenet")
    parser.add_argument("--voltages", type=int, default=50, help="default %(default)s")
    parser.add_argument("--small", action="store_true", help="fewer clocks and channels")
    parser.add_argument("--out", type=pathlib.Path, help="default: a folder that is removed")
    parser.add_argument("--check", type=int, default=1000, help="points compared with `anzan cost`; default %(default)s")
    arguments = parser.parse_args()
    if arguments.voltages < 1:
        parser.error("--voltages: at least 1")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.out or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        file, points = sweep_of(arguments.network, arguments.voltages, arguments.small, folder)
        store = folder / "speed.sqlite"
        begun = time.monotonic()
        subprocess.run([ANZAN, "sweep", file, "--store", store], check=True, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{points:,} points in {wall:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor time: "
              f"{3600 * points / wall:,.0f} points an hour; {store.stat().st_size / points:.0f} bytes a point", flush=True)
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as rows:
            begun = time.monotonic()
            front, = rows.execute(FRONT).fetchone()
            print(f"front of all: {front} points, in {time.monotonic() - begun:.2f} s")
        sys.stdout.flush()
        sys.exit(subprocess.run([sys.executable, ROOT / "scripts/check_sweep.py", store, "--points",
                                 str(arguments.check)], check=False).returncode)


if __name__ == "__main__":
    main()
