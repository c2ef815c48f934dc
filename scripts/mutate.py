#!/usr/bin/env python3
"""How good `anzan verify` is: mutants of rtl/, and which of them random programs with four lanes do not notice.

  mutate.py [--number 300] [--seed 1] [--kinds REGEX] [--these FILE]... [--programs 200] [--jobs 2] [--write] [DIR]

DIR is results/mutation by default.

Draws mutants, in each module in proportion to its sites, puts all of them into one copy of the RTL, where the
environment variable ANZAN_MUTANT chooses one, and runs `anzan verify` on each, with the same programs, to the first
difference. Prints a table a block and the survivors; DIR/mutants.json holds every mutant and what became of it.
tests/mutation/equivalent.json lists mutants that no program can tell from the original, each with the reason: they
do not count. --these takes the mutants of FILE, which is like mutants.json, and numbers them in its order; it can be
given more than once. --kinds draws only some, by words of what they are: "narrowed|stray". --write only writes the
copy, to DIR/rtl. Exit status 1 if fewer than 98 in 100 are killed.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

import sv_mutants

ROOT = pathlib.Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tests" / "mutation" / "equivalent.json"
WANTED = 0.98
TIMEOUT_SECONDS = 900
BLOCKS = {
    "sequencer": "sequencer instruction_fetch instruction_queue semaphores compute_core",
    "dma, network unit": "dma transposer network_unit row_walks row_address row_spread",
    "scratchpad": "scratchpad",
    "tensor unit": "tensor_unit tensor_walk mac_array processing_element int_dot bias_to_accumulator",
    "vector unit": "vector_unit vector_operand vector_lane lane_alu lane_fold element_to_fp32 fp32_compare "
                   "fp32_to_fixed",
    "write-back": "write_back write_back_lane value_parts position relu quantiser_shift quantiser_round int_to_fp32 "
                  "mix random_key random_word",
    "statistics": "statistics_merge analysis_block database_pass statistics_database",
    "settings": "settings_store settings_optimiser counter_port overflow_point least_error recent_positions "
                "predicted_position point_choice",
    "arithmetic, addresses": "fp32_fma normalise shift_right_sticky loop_nest address_generator",
}
PACKAGE = """// Which mutant lives: none at zero.
package mutation_pkg;
  int mutant = $c32("(std::getenv(\\"ANZAN_MUTANT\\") ? std::atoi(std::getenv(\\"ANZAN_MUTANT\\")) : 0)");
endpackage
"""
WARNINGS = ("WIDTH", "SELRANGE", "UNSIGNED", "CMPCONST", "LATCH", "UNOPTFLAT", "CASEINCOMPLETE", "MULTIDRIVEN",
            "ALWCOMBORDER", "ENUMVALUE", "BLKSEQ", "COMBDLY", "INITIALDLY", "SYNCASYNCNET", "WIDTHCONCAT")


def sources():
    """The modules of the core, by name."""
    texts = {path.stem: path.read_text() for path in sorted((ROOT / "rtl").glob("*.sv"))}
    reached, todo = set(), ["compute_core"]
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        todo += [other for other in texts if re.search(rf"^\s*{other}\s+(#\(|u_)", texts[name], re.MULTILINE)]
    return {name: sv_mutants.Source(f"{name}.sv", texts[name]) for name in sorted(reached)}


def draw(modules, number, seed, kinds):
    """Mutants of every module in proportion to its sites, by number from 1."""
    fitting = {name: [mutant for mutant in module.mutants if re.search(kinds, mutant.what)]
               for name, module in modules.items()}
    sites = sum(map(len, fitting.values()))
    chosen = []
    for name, mutants in fitting.items():
        quota = min(len(mutants), max(1, round(number * len(mutants) / sites)))
        chosen += random.Random(f"{seed} {name}").sample(mutants, quota)
    return dict(enumerate(chosen, start=1))


def listed(modules, files):
    """The mutants that JSON files name by their text, by number from 1. With a key `fault`, which says what is
    wrong, it may be a text that no operator makes."""
    chosen = []
    for file, wanted in ((file, wanted) for file in files for wanted in json.loads(file.read_text())):
        module = modules[pathlib.Path(wanted["file"]).stem]
        known = [mutant for mutant in module.mutants
                 if all(wanted.get(key, value) == value for key, value in mutant.entry().items())]
        if not known and "fault" in wanted:
            known = module.faults(wanted["original"], wanted["mutated"], wanted["fault"])
        if not known:
            sys.exit(f"{file}: no such mutant: {wanted}")
        chosen.append(known[0])
    return dict(enumerate(chosen, start=1))


def write_variant(directory, modules, mutants):
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(ROOT / "rtl", directory)
    (directory / "mutation_pkg.sv").write_text(PACKAGE)
    pragmas = "".join(f"/* verilator lint_off {warning} */ " for warning in WARNINGS)
    for module in modules.values():
        own = {number: mutant for number, mutant in mutants.items() if mutant.file == module.file}
        text = sv_mutants.schema(module, own, "mutation_pkg::mutant")
        (directory / module.file).write_text(pragmas + "\n" + text)


def build(directory, *options):
    """The program with a core of four lanes, in a tree of its own."""
    run = dict(cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    launcher = [f"-DCMAKE_CXX_COMPILER_LAUNCHER={shutil.which('ccache')}"] if shutil.which("ccache") else []
    subprocess.run(["cmake", "--preset", "release", "-B", directory, "-DANZAN_BUILD_TESTS=OFF", "-DANZAN_RTL_LANES=4",
                    *options, *launcher], **run)
    subprocess.run(["cmake", "--build", directory, "--target", "anzan"], **run)
    return directory / "anzan"


def judge(program, number, arguments):
    """What became of a mutant: None if no program noticed it."""
    command = [program, "verify", "--lanes", "4", "--first", "--seed", "1", "--programs", str(arguments.programs)]
    try:
        run = subprocess.run(command, env=dict(os.environ, ANZAN_MUTANT=str(number)), text=True, errors="replace",
                             capture_output=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return "hangs"
    if run.returncode == 0:
        return None
    found = re.search(r"^seed (\d+): (.*?)(?:  repeat|$)", run.stdout, re.MULTILINE)
    return f"seed {found.group(1)}: {found.group(2)}" if found else f"crash, status {run.returncode}"


def block_of(file):
    stem = pathlib.Path(file).stem
    return next((block for block, modules in BLOCKS.items() if stem in modules.split()), "others")


def report(mutants, fates, equivalent):
    """Prints the table and the survivors; True if enough were killed."""
    rows = {block: [0, 0, 0] for block in BLOCKS}
    survivors = []
    for number, mutant in mutants.items():
        row = rows.setdefault(block_of(mutant.file), [0, 0, 0])
        if fates[number] is None and mutant.entry() in equivalent:
            row[1] += 1
            continue
        row[0] += 1
        row[2] += fates[number] is not None
        if fates[number] is None:
            survivors.append((number, mutant))
    print("| block | mutants | killed | survive | equivalent |\n| --- | --- | --- | --- | --- |")
    total = [sum(row[k] for row in rows.values()) for k in range(3)]
    for block, (count, same, killed) in [*rows.items(), ("all", total)]:
        share = f" ({100 * killed / count:.1f} %)" if count else ""
        print(f"| {block} | {count} | {killed}{share} | {count - killed} | {same} |")
    for number, mutant in survivors:
        print(f"\n{number}: {mutant.file}:{mutant.line}: {mutant.what}\n  {' '.join(mutant.before.split())}"
              f"\n  {' '.join(mutant.after.split())}")
    return total[2] >= WANTED * total[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--programs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--these", type=pathlib.Path, action="append")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=ROOT / "results" / "mutation")
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)

    modules = sources()
    mutants = listed(modules, arguments.these) if arguments.these else \
        draw(modules, arguments.number, arguments.seed, arguments.kinds)
    write_variant(directory / "rtl", modules, mutants)
    if arguments.write:
        return
    program = build(directory / "build", f"-DANZAN_RTL_SOURCE_DIR={directory / 'rtl'}")
    without = judge(program, 0, arguments)
    if without is not None:
        sys.exit(f"the copy differs without any mutant: {without}")
    fates = {}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for number, fate in zip(mutants, pool.map(lambda n: judge(program, n, arguments), mutants)):
            fates[number] = fate
            print(number, mutants[number].file, fate or "survives", file=sys.stderr, flush=True)
    (directory / "mutants.json").write_text(json.dumps(
        [dict(m.entry(), number=n, line=m.line, what=m.what, fate=fates[n]) for n, m in mutants.items()],
        indent=1) + "\n")
    equivalent = [{key: value for key, value in entry.items() if key != "reason"}
                  for entry in json.loads(EQUIVALENT.read_text())]
    sys.exit(0 if report(mutants, fates, equivalent) else 1)


if __name__ == "__main__":
    main()
