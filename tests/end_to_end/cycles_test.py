#!/usr/bin/env python3
"""What LeNet's programs cost in cycles and HBM traffic is what was committed, on several chips.

  cycles_test.py ANZAN           compares with tests/golden/lenet_mnist_cycles.json
  cycles_test.py ANZAN --write   writes that file, after a change that is meant to move cycles

Each entry carries a hash of its effective configuration: a changed configuration is said to be one, and
only for an unchanged one do cycles have to be the same.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/lenet_mnist_cycles.json"
CHIPS = {
    "default": [],
    "4 lanes": ["/chip/lanes=4", "/chip/scratchpad_kib=64", "/training/batch=16"],
    "32 lanes": ["/chip/lanes=32"],
    "small queues": ["/chip/queue_depth=1", "/chip/dma_outstanding=4"],
    "one channel in order": ["/chip/hbm/channels=1", "/chip/hbm/scheduling=in_order"],
}
PRESETS = {"default": ("fp32", "int16", "int8", "int8_master16", "int8_master32")}


def cost(anzan, preset, changes):
    with tempfile.TemporaryDirectory() as out:
        command = [anzan, "cost", str(ROOT / f"workloads/configs/lenet_mnist_{preset}.json"), "--out", out]
        for change in changes:
            command += ["--set", change]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        result = json.loads((pathlib.Path(out) / "cost.json").read_text(encoding="utf-8"))
    config = json.dumps(result["config"], sort_keys=True).encode()
    return {
        "configuration": hashlib.sha256(config).hexdigest(),
        "cycles": {name: program["cycles"] for name, program in result["time"]["programs"].items()},
        "hbm_bytes_per_step": result["traffic"]["hbm_bytes_per_step"],
    }


def costs(anzan):
    return {f"{preset}, {chip}": cost(anzan, preset, changes)
            for chip, changes in CHIPS.items() for preset in PRESETS.get(chip, ("int8",))}


def main():
    found = costs(sys.argv[1])
    if sys.argv[2:] == ["--write"]:
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return 0
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    wrong = 0
    for name in sorted(found.keys() | golden.keys()):
        if found.get(name) == golden.get(name):
            continue
        wrong += 1
        same = found.get(name, {}).get("configuration") == golden.get(name, {}).get("configuration")
        print(f"{name}: {'the same configuration costs' if same else 'another configuration, with'} "
              f"{found.get(name)}, committed {golden.get(name)}")
    print(f"{len(found)} configurations, {wrong} differ; --write if that is meant")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
