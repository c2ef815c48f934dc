#!/usr/bin/env python3
"""Proves the assertions of a checker in this folder, or finds that one of its broken variants is refuted.

  prove.py CHECKER --isa-package FILE [--broken N] [--set NAME=VALUE]… [--value NAME=VALUE]…
           [--join WIRE=REGISTER]… [--induction STEPS]

Combinational checkers go to the SAT solver of yosys: no input breaks an assertion. With --induction, yosys-smtbmc
with cvc5: none is broken in STEPS cycles from reset, nor in a cycle after STEPS in which none was, so never.
--set gives a parameter of the checker, --value replaces a constant of isa_pkg, for a proof at smaller sizes;
--join connects a wire of the checker to a register inside the block, which names it as yosys does after flattening.
With --broken it is success that an assertion fails; that nothing could be read or solved never is.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

FORMAL = pathlib.Path(__file__).resolve().parent
RTL = FORMAL.parent.parent / "rtl"


def replaced(text, values):
    """The package with other constants; each must be there once."""
    for name, value in values:
        text, times = re.subn(rf"(localparam integer {name} = )-?\d+;", rf"\g<1>{value};", text)
        if times != 1:
            sys.exit(f"isa_pkg holds {name} {times} times")
    return text


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def elaborated(checker, package, parameters, joins):
    """The yosys commands that read a checker with its blocks and make one flat module of it."""
    return "\n".join([
        f"read_verilog -sv -formal {package} {' '.join(map(str, sorted(RTL.glob('*_pkg.sv'))))}",
        f"read_verilog -sv -formal {FORMAL / checker}.sv",
        *(f"chparam -set {name} {value} {checker}" for name, value in parameters),
        f"hierarchy -check -libdir {RTL} -top {checker}",
        "proc",
        "flatten",
        "select -assert-min 1 t:$assert",
        # A register that is not there must not leave the wire free: a free wire would prove or refute by chance.
        *(f"select -assert-count 1 w:{register}\nselect -clear\ncd {checker}\nconnect -set {wire} {register}\ncd"
          for wire, register in joins),
    ])


def combinational(script, out, broken):
    wanted = "-falsify" if broken else "-verify"
    script.write_text(script.read_text() + f"\nopt -full\nsat -prove-asserts -set-assumes {wanted} -show-inputs\n")
    status, said = run("yosys", "-s", script)
    proved = "SAT proof finished - no model found: SUCCESS!" in said
    refuted = "SAT proof finished - model found: FAIL!" in said
    return status == 0 and (refuted if broken else proved), said


def inductive(script, out, steps, broken):
    smt2 = out / "checker.smt2"
    script.write_text(script.read_text() +
                      f"\nmemory_map\nasync2sync\nopt -full\ndffunmap\nwrite_smt2 -wires {smt2}\n")
    status, said = run("yosys", "-s", script)
    if status:
        return False, said
    base, said_base = run("yosys-smtbmc", "-s", "cvc5", "-t", steps, smt2)
    if broken:
        return base == 1 and "Assert failed in" in said_base, said_base
    step, said_step = run("yosys-smtbmc", "-s", "cvc5", "-i", "-t", steps, smt2)
    return base == 0 and step == 0 and "Status: PASSED" in said_base and "Status: PASSED" in said_step, \
        said_base + said_step


def pair(text):
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE is wanted")
    return name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checker")
    parser.add_argument("--isa-package", type=pathlib.Path, required=True)
    parser.add_argument("--broken", type=int, default=0)
    parser.add_argument("--set", type=pair, action="append", default=[])
    parser.add_argument("--value", type=pair, action="append", default=[])
    parser.add_argument("--join", type=pair, action="append", default=[])
    parser.add_argument("--induction", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        package = out / "isa_pkg.sv"
        package.write_text(replaced(arguments.isa_package.read_text(), arguments.value))
        script = out / "script.ys"
        parameters = [("Broken", arguments.broken), *arguments.set]
        script.write_text(elaborated(arguments.checker, package, parameters, arguments.join))
        if arguments.induction:
            good, said = inductive(script, out, arguments.induction, arguments.broken)
        else:
            good, said = combinational(script, out, arguments.broken)
    if not good:
        sys.exit(said[-2000:] + f"\n{arguments.checker}: " +
                 ("the broken variant is not refuted" if arguments.broken else "not proved"))
    print(f"{arguments.checker}: {'refuted, as it should be' if arguments.broken else 'proved'}")


if __name__ == "__main__":
    main()
