#!/usr/bin/env python3
"""What a training step of LeNet costs in each precision, as a table of workloads/RESULTS.md.

  cost_table.py [--technology NAME]…   default: all that are built in

Needs build/release/anzan. Nothing is trained: time, traffic and energy do not depend on values.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESETS = {
    "fp32": "FP32",
    "int16": "everything in 16 bits",
    "int8": "everything in 8 bits",
    "int8_master16": "8 bits, 16-bit master weights and momentum",
    "int8_master32": "8 bits, FP32 master weights and momentum",
}


def cost(preset, technology):
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([ROOT / "build/release/anzan", "cost", ROOT / f"workloads/configs/lenet_mnist_{preset}.json",
                        "--set", f"/technology={technology}", "--out", out], check=True, stdout=subprocess.DEVNULL)
        return json.loads((pathlib.Path(out) / "cost.json").read_text(encoding="utf-8"))


def figures(result):
    time, energy = result["time"], result["energy"]
    parts = energy["by_component"]
    return {
        "cycles": time["cycles_per_step"],
        "busy": 100 * time["utilization"]["tensor"],
        "useful": 100 * time["useful_share_of_peak"],
        "memory": result["memory"]["planned_bytes"] / 1e6,
        "hbm": result["traffic"]["hbm_bytes_per_step"] / 1e6,
        "energy": 1e3 * energy["joules_per_step"],
        "arithmetic": 1e3 * (parts["tensor"] + parts["vector"] + parts["write_back"]),
        "watching": 100 * energy["watching_joules_per_step"] / energy["joules_per_step"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--technology", action="append")
    technologies = parser.parse_args().technology or sorted(
        path.stem for path in (ROOT / "workloads/technology").glob("*.json"))
    columns = " | ".join(f"energy at {t}, mJ | watching" for t in technologies)
    print(f"| stored in | cycles | tensor unit busy | useful products of its peak | memory, MB | HBM traffic, MB | {columns} |")
    print("| --- " * (6 + 2 * len(technologies)) + "|")
    base = None
    for preset, name in PRESETS.items():
        costs = [figures(cost(preset, technology)) for technology in technologies]
        base = base or costs

        def cell(key, k=0, form="{:.2f}"):
            text = form.format(costs[k][key])
            return text if costs is base else f"{text} ({base[k][key] / costs[k][key]:.2f}×)"

        energies = " | ".join(f"{cell('energy', k)} | {costs[k]['watching']:.2f} %" for k in range(len(technologies)))
        print(f"| {name} | {cell('cycles', 0, '{:,}')} | {costs[0]['busy']:.0f} % | {costs[0]['useful']:.0f} % "
              f"| {cell('memory')} | {cell('hbm')} | {energies} |")


if __name__ == "__main__":
    main()
