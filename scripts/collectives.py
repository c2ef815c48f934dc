#!/usr/bin/env python3
"""What collectives take on some networks, beside theory and the lower bound, as a table of workloads/RESULTS.md.

  collectives.py [--bytes N]   default: 8 MiB in each core

Needs build/release/anzan.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = ["all_reduce", "reduce_scatter", "all_gather", "broadcast", "all_to_all"]
NETWORKS = {
    "ring 8, one way": (8, "ring", [8], 1),
    "ring 8, both ways": (8, "ring", [8], 2),
    "torus 4 × 4, one way": (16, "torus", [4, 4], 1),
    "torus 4 × 4, four ways": (16, "torus", [4, 4], 4),
    "switch 8": (8, "switch", [8], 1),
}


def collective(kind, count, network):
    chips, topology, sizes, ways = network
    link = {"gb_per_s": 12.5, "latency_ns": 100}
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "collective.json"
        command = [ROOT / "build/release/anzan", "collective", ROOT / "workloads/configs/lenet_mnist_int8.json", "--kind", kind,
                   "--bytes", str(count), "--out", out, "--set", f"/system/chips={chips}", "--set", f"/system/exchange/ways={ways}",
                   "--set", "/system/topology=" + json.dumps({"kind": topology, "sizes": sizes, "link": link})]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text(encoding="utf-8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=1 << 23)
    count = parser.parse_args().bytes
    print("| network | " + " | ".join(KINDS) + " |")
    print("| --- " * (1 + len(KINDS)) + "|")
    for name, network in NETWORKS.items():
        cells = []
        for kind in KINDS:
            result = collective(kind, count, network)
            cells.append(f"{result['seconds'] * 1e6:.0f} µs ({result['ratio_to_theory']:.2f}, {result['ratio_to_lower_bound']:.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
