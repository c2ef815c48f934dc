#!/usr/bin/env python3
"""Five steps of LeNet on MNIST in every preset give the committed digest: in every build (release, sanitised),
on both engines, for every number of threads and size of scratchpad, on every processor.

  golden_test.py ANZAN           compares with tests/golden/lenet_mnist_digests.json
  golden_test.py ANZAN --once    the same on one engine, with two threads and little scratchpad
  golden_test.py ANZAN --write   writes that file, after a change that is meant to move bits
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/lenet_mnist_digests.json"
PRESETS = ("fp32", "int16", "int8", "int8_master16", "int8_master32")
MACHINES = (("functional", 1, 2048), ("functional", 2, 256), ("functional", 1, 64), ("cycle", 1, 2048))


def digest(anzan, preset, engine, threads, scratchpad_kib):
    with tempfile.TemporaryDirectory() as out:
        command = [anzan, "run", str(ROOT / f"workloads/configs/lenet_mnist_{preset}.json"), "--out", out, "--quiet",
                   "--engine", engine, "--threads", str(threads)]
        for change in ("/training/iterations=5", "/dataset/test_images_used=64",
                       f"/chip/scratchpad_kib={scratchpad_kib}"):
            command += ["--set", change]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return json.loads((pathlib.Path(out) / "result.json").read_text(encoding="utf-8"))["digest"]["weights"]


def main():
    anzan = sys.argv[1]
    if sys.argv[2:] == ["--write"]:
        digests = {preset: digest(anzan, preset, "functional", 1, 2048) for preset in PRESETS}
        GOLDEN.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
        return 0
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    machines = MACHINES[1:2] if sys.argv[2:] == ["--once"] else MACHINES
    wrong = 0
    for preset in PRESETS:
        for engine, threads, scratchpad_kib in machines:
            found = digest(anzan, preset, engine, threads, scratchpad_kib)
            if found != golden[preset]:
                wrong += 1
                print(f"{preset}, {engine}, {threads} threads, {scratchpad_kib} KiB: found {found}, expected {golden[preset]}")
    print(f"{len(PRESETS) * len(machines) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
