#!/usr/bin/env python3
"""Five steps of LeNet on MNIST in every preset, and with other optimisers, give the committed digest: on both
engines, for every number of threads and size of scratchpad, on every processor.

  golden_test.py ANZAN           compares with tests/golden/lenet_mnist_digests.json
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
ADAMW = {"kind": "adamw", "weight_decay": 0.01, "clip_norm": 0.5,
         "learning_rate": {"policy": "cosine", "base": 0.002, "warmup_steps": 3}}
# name: preset, changes
CASES = {preset: (preset, []) for preset in PRESETS} | {
    "int8 adamw": ("int8", ["/training/optimizer=" + json.dumps(ADAMW)]),
    "fp32 adamw": ("fp32", ["/training/optimizer=" + json.dumps(ADAMW)]),
    "int16 nesterov": ("int16", ["/training/optimizer/nesterov=true"]),
}
MACHINES = (("functional", 1, 2048), ("functional", 2, 256), ("functional", 1, 64), ("cycle", 1, 2048))


def digest(anzan, case, engine, threads, scratchpad_kib):
    preset, changes = CASES[case]
    with tempfile.TemporaryDirectory() as out:
        command = [anzan, "run", str(ROOT / f"workloads/configs/lenet_mnist_{preset}.json"), "--out", out, "--quiet",
                   "--engine", engine, "--threads", str(threads)]
        for change in ("/training/iterations=5", "/dataset/test_images_used=64",
                       f"/chip/scratchpad_kib={scratchpad_kib}", *changes):
            command += ["--set", change]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return json.loads((pathlib.Path(out) / "result.json").read_text(encoding="utf-8"))["digest"]["weights"]


def main():
    anzan = sys.argv[1]
    if sys.argv[2:] == ["--write"]:
        digests = {case: digest(anzan, case, "functional", 1, 2048) for case in CASES}
        GOLDEN.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
        return 0
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    wrong = 0
    for case in CASES:
        for engine, threads, scratchpad_kib in MACHINES:
            found = digest(anzan, case, engine, threads, scratchpad_kib)
            if found != golden[case]:
                wrong += 1
                print(f"{case}, {engine}, {threads} threads, {scratchpad_kib} KiB: found {found}, expected {golden[case]}")
    print(f"{len(CASES) * len(MACHINES) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
