#!/usr/bin/env python3
"""The accuracy campaigns: LeNet in every precision and with every control, ResNet-20 in every precision, Caffe's quick
network for CIFAR-10, the networks of the literature on integer training; and their tables.

  scripts/accuracy.py run [--jobs N] [--dataset mnist|fashion_mnist|cifar10|cifar10_quick|mlp_mnist|mlp_fashion_mnist
                          |vgg8b_bn_fashion_mnist] [--only NAME]… [--cifar10 DIR]
  scripts/accuracy.py table                                              Markdown from the results

Hours; a run that was broken off goes on where it was, what is done is skipped. Without --dataset: mnist and
fashion_mnist. CIFAR-10 (15 epochs; the configurations that ship have 60) wants DIR with the binary files of its
publisher, data_batch_1.bin to data_batch_5.bin and test_batch.bin.
Results stand in results/accuracy/DATASET/NAME/seedN. Needs build/release/anzan (scripts/run.sh builds it).
"""
import argparse
import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "accuracy"
LENET = ("mnist", "fashion_mnist")
INTEGERS_ONLY = {  # what it is, its published accuracy, seeds
    "mlp_mnist": ("perceptron 200-100-50-10, MNIST", 97.36, 3),
    "mlp_fashion_mnist": ("perceptron 200-100-50-10, Fashion-MNIST", 88.66, 3),
    "vgg8b_bn_fashion_mnist": ("VGG8B with normalisation, Fashion-MNIST", 93.66, 1)}
DATASETS = LENET + ("cifar10", "cifar10_quick", *INTEGERS_ONLY)
CIFAR10_STEPS = 391  # of an epoch


def default(**keys):
    return ["/precision/default=" + json.dumps(keys)]


def policy(**keys):
    return default(policy=keys)


# name, preset, changes, seeds, what it is
ROWS = [
    ("fp32", "fp32", [], 3, "FP32"),
    ("int16", "int16", [], 3, "everything in 16 bits"),
    ("int8", "int8", [], 3, "everything in 8 bits"),
    ("int8_master16", "int8_master16", [], 3, "8 bits, 16-bit master weights and momentum"),
    ("int8_master32", "int8_master32", [], 3, "8 bits, FP32 master weights and momentum"),
    ("policy_max", "int8", policy(kind="max"), 1, "8 bits, policy `max`"),
    ("policy_step", "int8", policy(kind="step"), 1, "8 bits, policy `step`"),
    ("policy_min_error", "int8", policy(kind="min_error"), 1, "8 bits, policy `min_error`"),
    ("policy_predictive", "int8", policy(kind="predictive"), 1, "8 bits, policy `predictive`"),
    ("policy_static", "int8", policy(kind="static"), 1, "control: static points (policy `static`)"),
    ("truncation", "int8", default(rounding="towards_zero")
     + ['/precision/activation={"rounding": "towards_zero"}'], 1, "control: truncation"),
    ("nearest_weights", "int8", ['/precision/weight={"rounding": "nearest_even"}'], 1,
     "control: stored weights rounded to nearest"),
    ("interval_100", "int8", policy(interval=100, warmup=0), 1, "control: interval 100, no warm-up"),
    ("r_max_1e-2", "int8", policy(r_max=1e-2), 1, "control: r_max = 1e-2"),
]


# Fixup initialisation instead of normalisation; without it the usual rate is too high
FIXUP = ["/network=../networks/resnet20_fixup.json", "/training/optimizer/learning_rate/base=0.05",
         f"/training/optimizer/learning_rate/warmup_steps={CIFAR10_STEPS}"]
CIFAR10_SEEDS = {"fp32": 3, "int8_master32": 3, "int8": 2}
CIFAR10_ROWS = [(name, preset, changes, CIFAR10_SEEDS.get(name, 1), what)
                for name, preset, changes, _, what in ROWS[:5]]
CIFAR10_ROWS.append(("fixup_int8_master32", "int8_master32", FIXUP, 1,
                     "8 bits, FP32 master weights and momentum, no normalisation"))


def rows(dataset):
    if dataset in INTEGERS_ONLY:
        return [row[:3] + (INTEGERS_ONLY[dataset][2],) + row[4:] for row in ROWS if row[0] == "int8"]
    if dataset == "cifar10_quick":
        return [row[:3] + (1,) + row[4:] for row in ROWS[:3]]
    return CIFAR10_ROWS if dataset == "cifar10" else ROWS


def recipe(dataset, arguments):
    """The configuration without its precision, and what is changed in it."""
    if dataset in INTEGERS_ONLY:
        return dataset, []
    if dataset in LENET:
        return f"lenet_{dataset}", ["/training/test_interval=2500"]
    images = ["/dataset/directory=" + str(arguments.cifar10.resolve())] if arguments.cifar10 else []
    if dataset == "cifar10_quick":
        return "cifar10_quick_cifar10", images
    changes = [f"/training/iterations={15 * CIFAR10_STEPS}", f"/training/test_interval={3 * CIFAR10_STEPS}",
               f"/training/snapshot_interval={CIFAR10_STEPS}",
               f"/training/optimizer/learning_rate/steps=[{8 * CIFAR10_STEPS},{12 * CIFAR10_STEPS}]"]
    return "resnet20_cifar10", changes + images


def folder(dataset, name, seed):
    return RESULTS / dataset / name / f"seed{seed}"


def train(dataset, row, seed, arguments):
    name, preset, changes, _, _ = row
    out = folder(dataset, name, seed)
    if (out / "result.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    base, of_recipe = recipe(dataset, arguments)
    command = [str(ROOT / "build/release/anzan"), "run", str(ROOT / f"workloads/configs/{base}_{preset}.json"),
               "--out", str(out), "--seed", str(seed), "--threads", "1"]
    for change in of_recipe + changes:
        command += ["--set", change]
    if (out / "checkpoint.bin").exists():  # of a run that was broken off
        command.append("--resume")
    with open(out / "log.txt", "w", encoding="utf-8") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
    print(f"{dataset} {name} seed {seed}: " + (f"failed with status {status}, see {out}/log.txt" if status
                                               else f"{result(dataset, name, seed)['accuracy']['test']}"), flush=True)


def run(arguments):
    # the first seed of every row before the others: a table that is broken off is still a table
    jobs = [(dataset, row, seed) for dataset in arguments.dataset or LENET for seed in (1, 2, 3) for row in rows(dataset)
            if seed <= row[3] and (not arguments.only or row[0] in arguments.only)]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(lambda job: train(*job, arguments), jobs))


def result(dataset, name, seed):
    path = folder(dataset, name, seed) / "result.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def cell(dataset, row):
    found = [r["accuracy"]["test"] * 100 for s in range(1, row[3] + 1) if (r := result(dataset, row[0], s))]
    if not found:
        return "–"
    text = f"{statistics.mean(found):.2f}"
    if len(found) > 1:
        text += f" ({min(found):.2f}–{max(found):.2f})"
    return text


def tables(_):
    print("| stored in | " + " | ".join(LENET) + " |\n| --- | --- | --- |")
    for row in ROWS:
        print(f"| {row[4]} | " + " | ".join(cell(d, row) for d in LENET) + " |")
    for dataset in LENET:
        slots(dataset)
    print("\n| stored in | CIFAR-10, Caffe's quick network | cycles, 10^9 | energy, J | HBM in training steps, TB |\n"
          "| --- | --- | --- | --- | --- |")
    for row in rows("cifar10_quick"):
        print(f"| {row[4]} | {cell('cifar10_quick', row)} | {costs('cifar10_quick', row)} |")
    print("\n| stored in | CIFAR-10, ResNet-20 | cycles, 10^9 | energy, J | HBM in training steps, TB |\n| --- | --- | --- | --- | --- |")
    for row in CIFAR10_ROWS:
        print(f"| {row[4]} | {cell('cifar10', row)} | {costs('cifar10', row)} |")
    print("\n| network and images | published, integers only | everything in 8 bits | cycles, 10^9 | energy, J |\n"
          "| --- | --- | --- | --- | --- |")
    for dataset, (name, published, _) in INTEGERS_ONLY.items():
        row = rows(dataset)[0]
        print(f"| {name} | {published} | {cell(dataset, row)} | {costs(dataset, row).rsplit(' | ', 1)[0]} |")


def costs(dataset, row):
    """Of the whole training of seed 1."""
    found = result(dataset, row[0], 1)
    if not found:
        return "– | – | –"
    steps = found["traffic"]["hbm_bytes_per_step"] * found["training"]["steps"]
    return f"{found['time']['total_cycles'] / 1e9:.1f} | {found['energy']['total_joules']:.0f} | {steps / 1e12:.2f}"


KINDS = ["activation", "weight", "momentum", "activation_gradient", "weight_gradient"]


def slots(dataset):
    """Binary point and saturation rate of each tensor after the last step, int8, seed 1."""
    found = result(dataset, "int8", 1)
    if not found:
        return
    print(f"\n{dataset}, int8, seed 1: binary point (saturation rate)\n")
    print("| layer | " + " | ".join(k.replace("_", " ") for k in KINDS) + " |\n|" + " --- |" * (len(KINDS) + 1))
    layers = {}
    for slot in found["precision"]["slots"]:
        if "bias" not in slot["name"] and slot["class"] in KINDS and slot["layer"]:
            layers.setdefault(slot["layer"], {})[slot["class"]] = slot
    for layer, by_kind in layers.items():
        cells = [f"{s['binary_point']}" + (f" ({s['saturation_rate']:.0e})" if s["saturation_rate"] is not None else "")
                 if (s := by_kind.get(k)) else "" for k in KINDS]
        print(f"| {layer} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    run_parser = commands.add_parser("run")
    run_parser.add_argument("--jobs", type=int, default=2)
    run_parser.add_argument("--dataset", action="append", choices=DATASETS)
    run_parser.add_argument("--only", action="append", choices=sorted({r[0] for r in ROWS + CIFAR10_ROWS}))
    run_parser.add_argument("--cifar10", type=pathlib.Path, metavar="DIR", help="the binary files of CIFAR-10")
    run_parser.set_defaults(do=run)
    table_parser = commands.add_parser("table")
    table_parser.set_defaults(do=tables)
    arguments = parser.parse_args()
    arguments.do(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
