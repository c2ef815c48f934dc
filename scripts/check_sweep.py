#!/usr/bin/env python3
"""Whether points of a sweep's store are what `anzan cost` says of them: draws some, runs each on its own from its
effective configuration, and compares every figure, which must be the same to the last bit.

  check_sweep.py STORE [--points 1000] [--seed 1] [--anzan build/release/anzan]

Prints each difference, and how many points were compared; exit status 1 if any differs.
"""
import argparse
import json
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIGURES = {  # column: where the command says it
    "cycles_per_step": "time/cycles_per_step", "seconds_per_step": "time/seconds_per_step",
    "images_per_second": "time/images_per_second", "joules_per_step": "energy/joules_per_step",
    "tensor_utilization": "time/utilization/tensor",
    "vector_utilization": "time/utilization/vector", "dma_utilization": "time/utilization/dma",
    "network_utilization": "time/utilization/network", "useful_share_of_peak": "time/useful_share_of_peak",
    "hbm_bytes_per_step": "traffic/hbm_bytes_per_step", "interchip_bytes_per_step": "traffic/interchip_bytes_per_step",
    "planned_bytes": "memory/planned_bytes", "mm2": "area/mm2",
}


def at(result, place):
    """The number there, None where there is none."""
    for key in place.strip("/").split("/"):
        result = result.get(key) if isinstance(result, dict) else None
    return result if isinstance(result, (int, float)) else None


def cost(anzan, configuration, folder):
    """cost.json of an effective configuration."""
    file = folder / "config.json"
    file.write_text(configuration, encoding="utf-8")
    subprocess.run([anzan, "cost", file, "--out", folder / "out", "--step", "--no-one-core", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    return json.loads((folder / "out/cost.json").read_text(encoding="utf-8"))


def differences(row, result):
    """Figures of a row that are not those of the command: name, in the row, there."""
    expected = {name: (row[name], at(result, place)) for name, place in FIGURES.items()}
    expected.update((place, (value, at(result, place))) for place, value in json.loads(row["further"] or "{}").items())
    return [(name, *values) for name, values in expected.items() if values[0] != values[1]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=pathlib.Path, metavar="STORE")
    parser.add_argument("--points", type=int, default=1000, help="default %(default)s; fewer if there are fewer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--anzan", type=pathlib.Path, default=ROOT / "build/release/anzan")
    arguments = parser.parse_args()
    if not arguments.store.is_file():
        parser.error(f"{arguments.store}: there is no such file, expected a store of `anzan sweep`")
    with sqlite3.connect(f"file:{arguments.store}?mode=ro", uri=True) as store, tempfile.TemporaryDirectory() as folder:
        store.row_factory = sqlite3.Row
        points = [row[0] for row in store.execute("SELECT id FROM point WHERE status = 'done' AND measurement = 'cost'")]
        points = random.Random(arguments.seed).sample(points, min(arguments.points, len(points)))
        wrong = 0
        for point in points:
            configuration, = store.execute("SELECT configuration FROM configuration WHERE point = ?", [point]).fetchone()
            row = store.execute("SELECT * FROM figure WHERE point = ?", [point]).fetchone()
            found = differences(row, cost(arguments.anzan, configuration, pathlib.Path(folder)))
            wrong += bool(found)
            for name, here, there in found:
                print(f"point {point}: {name} is {here} in the store, {there} by itself")
    print(f"{len(points)} points compared, {wrong} differ")
    sys.exit(1 if wrong or not points else 0)


if __name__ == "__main__":
    main()
