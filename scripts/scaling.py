#!/usr/bin/env python3
"""What hiding and pipelining the exchange of gradients are worth on a system of chips: each technique switched alone.

    scripts/scaling.py [CONFIG] [--set /json/pointer=value]...

prints a table in Markdown (default: workloads/systems/alexnet_64chips.json). Needs build/release/anzan.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SWITCHES = ("pipelined", "hide_in_backward", "hide_in_forward")
ROWS = (
    ("conventional: none", ()),
    ("segments pipelined", ("pipelined",)),
    ("hidden behind backward", ("hide_in_backward",)),
    ("hidden behind the next forward", ("hide_in_forward",)),
    ("pipelined, hidden behind backward", ("pipelined", "hide_in_backward")),
    ("all three", SWITCHES),
)


def cost(config, sets, on):
    """The `time.scaling` and `traffic` of a dry step with these switches on."""
    with tempfile.TemporaryDirectory() as directory:
        command = [ROOT / "build/release/anzan", "cost", config, "--out", directory]
        for switch in SWITCHES:
            command += ["--set", f"/system/exchange/{switch}={'true' if switch in on else 'false'}"]
        for change in sets:
            command += ["--set", change]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        result = json.loads(pathlib.Path(directory, "cost.json").read_text())
    return result["time"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default=ROOT / "workloads/systems/alexnet_64chips.json")
    parser.add_argument("--set", action="append", default=[], dest="sets")
    arguments = parser.parse_args()
    print("| exchange | cycles a step | speed-up over one core | gain | exposed exchange |")
    print("| --- | --- | --- | --- | --- |")
    first = None
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        times = list(pool.map(lambda row: cost(arguments.config, arguments.sets, row[1]), ROWS))
    for (name, _), time in zip(ROWS, times):
        scaling = time["scaling"]
        first = first or scaling["speedup"]
        print(f"| {name} | {time['cycles_per_step']:,} | {scaling['speedup']:.1f} | {scaling['speedup'] / first:.2f} "
              f"| {scaling['exposed_exchange_cycles'] / time['cycles_per_step']:.0%} |")
    print(f"| limit: all of it hidden | {scaling['compute_cycles']:,} | {scaling['speedup_limit']:.1f} "
          f"| {scaling['speedup_limit'] / first:.2f} | 0% |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
