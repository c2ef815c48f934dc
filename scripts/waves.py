#!/usr/bin/env python3
"""Whether `anzan verify --wave` writes waveforms that open, with the signals that their save files name.

  waves.py [DIR]       (default results/waves; builds there, with waveforms and some faults of the RTL)

A fault of one core and one that two cores show: verify must find both, and leave for each the waveform and the save
file of GTKWave. Exit status 1 if a waveform cannot be read, is empty, or lacks a signal that is named.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

import mutate

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAULTS = ("four places of a queue are read", "puts to another core go to the next line")


def waveform_reader(directory):
    """scripts/waveform.cpp, compiled."""
    verilator = subprocess.run(["verilator", "--getenv", "VERILATOR_ROOT"], check=True, capture_output=True, text=True)
    sources = pathlib.Path(verilator.stdout.strip()) / "include" / "gtkwave"
    directory.mkdir(parents=True, exist_ok=True)
    objects = [directory / f"{name}.o" for name in ("fstapi", "lz4", "fastlz")]
    for made in objects:
        subprocess.run(["cc", "-O2", "-w", f"-I{sources}", '-DFST_CONFIG_INCLUDE="fst_config.h"', "-c",
                        sources / f"{made.stem}.c", "-o", made], check=True)
    program = directory / "waveform"
    subprocess.run(["c++", "-std=c++17", "-O2", f"-I{sources}", ROOT / "scripts" / "waveform.cpp", *objects, "-lz",
                    "-o", program], check=True)
    return program


def findings(reader, save_file):
    """What is wrong with the save file and its waveform."""
    text = save_file.read_text()
    waveform = save_file.with_suffix(".fst")
    if f'[dumpfile] "{waveform}"' not in text:
        return [f"{save_file}: names another waveform"]
    run = subprocess.run([reader, "toggles", waveform], capture_output=True, text=True)
    bits = dict(line.partition(" ")[::2] for line in run.stdout.splitlines())
    if run.returncode != 0 or not any("+" in toggled for toggled in bits.values()):
        return [f"{waveform}: cannot be read, or nothing happens in it"]
    named = [line for line in text.splitlines() if line.startswith("TOP.")]
    return [f"{waveform}: has no {name}" for name in named if name not in bits]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=ROOT / "results" / "waves")
    directory = parser.parse_args().directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    faults = json.loads((ROOT / "tests" / "mutation" / "extremes.json").read_text())
    chosen = [next(fault for fault in faults if fault["fault"] == name) for name in FAULTS]
    (directory / "faults.json").write_text(json.dumps(chosen))
    modules = mutate.sources()
    mutate.write_variant(directory / "rtl", modules, mutate.listed(modules, [directory / "faults.json"]))
    program = mutate.build(directory / "build", f"-DANZAN_RTL_SOURCE_DIR={directory / 'rtl'}", "-DANZAN_RTL_WAVES=ON")
    reader = waveform_reader(directory / "reader")
    wrong = []
    for number, name in enumerate(FAULTS, start=1):
        waves = directory / f"fault_{number}"
        shutil.rmtree(waves, ignore_errors=True)
        run = subprocess.run([program, "verify", "--lanes", "4", "--first", "--wave", waves],
                             env=dict(os.environ, ANZAN_MUTANT=str(number)))
        save_files = sorted(waves.glob("*.gtkw"))
        if run.returncode != 1 or not save_files:
            wrong.append(f"{name}: is not found, or leaves no waveform")
        for save_file in save_files:
            wrong += findings(reader, save_file)
            print(f"{save_file}: {save_file.with_suffix('.fst').stat().st_size} bytes of waveform")
    print("\n".join(wrong) or "all named signals are there")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
