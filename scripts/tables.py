#!/usr/bin/env python3
"""Prints the tables of costs anew, into the pages that show them: README.md and workloads/RESULTS.md.

  tables.py [NAME]…   default: all of them. LeNet's take a minute, `hiding` (AlexNet on 64 chips) half an hour.
  tables.py --print NAME   prints one and changes no page

Needs build/release/anzan. Nothing is trained: time, traffic and energy do not depend on values. The accuracies are
those of the page (accuracy.py prints them).
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ANZAN = ROOT / "build/release/anzan"
CONFIG = ROOT / "workloads/configs/lenet_mnist_int8.json"
RESULTS = ROOT / "workloads/RESULTS.md"
README = ROOT / "README.md"


def cost(config, *sets):
    """cost.json of a configuration with these changes."""
    with tempfile.TemporaryDirectory() as out:
        command = [ANZAN, "cost", config, "--out", out]
        for change in sets:
            command += ["--set", change]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads((pathlib.Path(out) / "cost.json").read_text(encoding="utf-8"))


def table(header, rows):
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, ["---"] * len(header), *rows])


def script(name):
    """What another script prints."""
    return subprocess.run([sys.executable, ROOT / "scripts" / name], check=True, text=True, stdout=subprocess.PIPE).stdout


def lenet():
    """The README's table: accuracies as they stand there, cycles and energy anew."""
    rows = []
    for line in README.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or cells[0] not in ("FP32", "INT16", "INT8"):
            continue
        result = cost(ROOT / f"workloads/configs/lenet_mnist_{cells[0].lower()}.json", "/technology=7nm")
        rows.append([*cells[:3], f"{result['time']['cycles_per_step']:,}",
                     f"{1e3 * result['energy']['joules_per_step']:.2f}"])
    return table(["stored in", "MNIST", "Fashion-MNIST", "cycles", "energy, mJ"], rows)


def chips():
    """A share of the batch for each chip, gradients in three formats."""
    rows = []
    for name, count, topology in (("4, ring", 4, {"kind": "ring", "sizes": [4]}),
                                  ("16, torus 4 × 4", 16, {"kind": "torus", "sizes": [4, 4]}),
                                  ("64, torus 8 × 8", 64, {"kind": "torus", "sizes": [8, 8]})):
        results = [cost(CONFIG, "/training/batch=1024", f"/system/chips={count}", "/system/topology=" + json.dumps(topology),
                        f"/system/exchange/format={form}") for form in ("fp32", "int16", "int8")]
        speedups = ", ".join(f"{r['time']['scaling']['speedup']:.1f}" for r in results)
        megabytes = ", ".join(f"{r['traffic']['interchip_bytes_per_step'] / 1e6:.1f}" for r in results)
        rows.append([name, speedups, f"{results[0]['time']['scaling']['speedup_limit']:.1f}", megabytes])
    return table(["chips", "speed-up over one core", "limit", "exchanged between chips, MB a step"], rows)


def mappings():
    """The network divided among the eight cores of a chip."""
    rows = []
    for name, mapping in (("1 × 1 × 8", {}), ("2 × 1 × 4 (`automatic`)", {"tensor": 2}),
                          ("1 × 2 × 4, 2 micro-batches", {"pipeline": 2, "micro_batches": 2}),
                          ("2 × 2 × 2, 4 micro-batches", {"tensor": 2, "pipeline": 2, "micro_batches": 4})):
        result = cost(CONFIG, "/training/batch=128", "/chip/cores=8", "/system/mapping=" + json.dumps(mapping))
        scaling = result["time"]["scaling"]
        rows.append([name, f"{result['time']['cycles_per_step']:,}", f"{scaling['expected_cycles_per_step']:,}",
                     f"{scaling['speedup']:.1f}", f"{result['memory']['planned_bytes'] / 1e6:.2f}",
                     f"{result['traffic']['onchip_bytes_per_step'] / 1e6:.1f}"])
    return table(["tensor × pipeline × data axis", "cycles a step", "expected", "speed-up over one core", "memory, MB",
                  "on the chip's network, MB"], rows)


def memory():
    """What training needs: techniques side by side, of all tensors as the chip stores them."""
    rows = []
    for name, batch, form in (("AlexNet", 64, "fp32"), ("AlexNet", 256, "fp32"), ("VGG-16", 64, "fp32"), ("VGG-16", 64, "int8"),
                              ("ResNet-50", 64, "fp32"), ("ResNet-20", 128, "int8")):
        network = ROOT / "workloads/networks" / (name.lower().replace("-", "") + ".json")
        found = subprocess.run([ANZAN, "memory", network, "--batch", str(batch), "--format", form, "--json"], check=True, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        techniques = json.loads(found)["memory"]["techniques"]
        cells = [f"{t['bytes'] / 1e6:,.1f} / {t['chip_bytes'] / 1e6:,.1f}" for t in techniques]
        rows.append([f"{name}, {batch} images, {form.upper()}", *cells, f"{techniques[-1]['chip_saved_percent']:.1f} %"])
    return table(["MB as articles count / on the chip", "conventional", "shared gradients", "smaller first", "lifetimes", "least peak",
                  "weight parts", "cheap recomputation", "less"], rows)


# Of each table, who prints it, and the page that shows it.
TABLES = {
    "lenet": (lenet, README),
    "precisions": (lambda: script("cost_table.py"), RESULTS),
    "chips": (chips, RESULTS),
    "mappings": (mappings, RESULTS),
    "memory": (memory, RESULTS),
    "collectives": (lambda: script("collectives.py"), RESULTS),
    "hiding": (lambda: script("scaling.py"), RESULTS),
}


def replace(page, text):
    """Puts a table in the place of the one with the same header."""
    old = page.read_text(encoding="utf-8")
    header = text.splitlines()[0]
    new, count = re.subn("^" + re.escape(header) + r"\n(\|.*\n)+", lambda _: text, old, flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{page}: found {count} tables with the header {header}, expected one")
    page.write_text(new, encoding="utf-8")
    return new != old


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TABLES))
    parser.add_argument("--print", action="store_true", dest="only_print")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in TABLES:
            parser.error(f"{name}: expected one of {', '.join(TABLES)}")
    for name in arguments.names or TABLES:
        build, page = TABLES[name]
        text = build()
        if arguments.only_print:
            print(text, end="")
        else:
            print(f"{name}: {page.relative_to(ROOT)} {'has changed' if replace(page, text) else 'stays as it is'}")


if __name__ == "__main__":
    main()
