#!/usr/bin/env python3
"""What hiding and pipelining the exchange of gradients are worth on a system of chips: each technique alone,
in pairs, and all three; as a table of workloads/RESULTS.md.

    scripts/scaling.py [CONFIG] [--set /json/pointer=value]... [--one-core-cycles N] [--anzan PATH]

prints a table in Markdown (default: workloads/systems/alexnet_64chips.json). The step of one core with all images, of
which speed-ups count, is run once, unless its cycles are given. Needs build/release/anzan.
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SWITCHES = {
    "pipelined": "segments pipelined",
    "hide_in_backward": "hidden behind backward",
    "hide_in_forward": "hidden behind the next forward",
}
ONE_WAY = ["/system/exchange/ways=1"]


def rows():
    """Name, switches that are on, further changes."""
    yield "conventional: none", (), []
    for count in (1, 2):
        for on in itertools.combinations(SWITCHES, count):
            yield ", ".join(SWITCHES[switch] for switch in on), on, []
    yield "all three, but all segments go one way", tuple(SWITCHES), ONE_WAY
    yield "all three", tuple(SWITCHES), []


def cost(arguments, on, changes, one_core_cycles):
    """The `time` of a dry step with these switches on."""
    with tempfile.TemporaryDirectory() as directory:
        command = [arguments.anzan, "cost", arguments.config, "--step", "--quiet", "--out", directory]
        for switch in SWITCHES:
            command += ["--set", f"/system/exchange/{switch}={'true' if switch in on else 'false'}"]
        for change in arguments.sets + changes:
            command += ["--set", change]
        if one_core_cycles:
            command += ["--one-core-cycles", str(one_core_cycles)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(pathlib.Path(directory, "cost.json").read_text())["time"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default=ROOT / "workloads/systems/alexnet_64chips.json")
    parser.add_argument("--set", action="append", default=[], dest="sets")
    parser.add_argument("--one-core-cycles", type=int)
    parser.add_argument("--anzan", default=ROOT / "build/release/anzan")
    arguments = parser.parse_args()
    (_, on, changes), *others = list(rows())
    times = [cost(arguments, on, changes, arguments.one_core_cycles)]
    first = times[0]["scaling"]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        times += pool.map(lambda row: cost(arguments, row[1], row[2], first["one_core_cycles"]), others)
    print("| exchange | cycles a step | speed-up over one core | gain | exposed exchange |")
    print("| --- | --- | --- | --- | --- |")
    for (name, _, _), time in zip(rows(), times):
        scaling = time["scaling"]
        print(f"| {name} | {time['cycles_per_step']:,} | {scaling['speedup']:.1f} | "
              f"{scaling['speedup'] / first['speedup']:.2f} | "
              f"{scaling['exposed_exchange_cycles'] / time['cycles_per_step']:.0%} |")
    print(f"| limit: a step that exchanges nothing | {first['compute_cycles']:,} | {first['speedup_limit']:.1f} "
          f"| {first['speedup_limit'] / first['speedup']:.2f} | 0% |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
