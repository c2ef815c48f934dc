#!/usr/bin/env python3
"""Each broken copy of isa.json must be refused, with status 2, a message that names the fault, and no output.

Usage: generator_test.py PATH/generate.py
"""
import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

GENERATOR = Path(sys.argv[1])
ORIGINAL = json.loads(GENERATOR.with_name("isa.json").read_text(encoding="utf-8"))


def put(value, *path):
    """A mutation that sets the place `path` to the value."""
    def mutate(isa):
        for key in path[:-1]:
            isa = isa[key]
        isa[path[-1]] = value
    return mutate


def remove(*path):
    def mutate(isa):
        for key in path[:-1]:
            isa = isa[key]
        del isa[path[-1]]
    return mutate


def append(value, *path):
    def mutate(isa):
        for key in path:
            isa = isa[key]
        isa.append(value)
    return mutate


UPDATE = ("instructions", "update", "fields")
RECORD = ("records", "slot_settings")
NUMBERS = (*RECORD, "parts", "numbers")
RULE = (*RECORD, "parts", "rule")
UNIT = {"opcode": 200, "unit": "dma", "doc": "Something.", "fields": []}

# what is broken, how, and what the message must hold
MUTATIONS = [
    ("opcode twice", put(3, "instructions", "copy", "opcode"), "/instructions/tensor/opcode: found 3"),
    ("opcode too wide", put(256, "instructions", "put", "opcode"), "/instructions/put/opcode: found 256"),
    ("opcode negative", put(-1, "instructions", "put", "opcode"), "/instructions/put/opcode: found -1"),
    ("opcode no number", put("7", "instructions", "put", "opcode"), "/instructions/put/opcode: found 7"),
    ("enum value twice", put([0, "doc"], "enums", "format", "values", "int16"), "/enums/format/values/int16"),
    ("enum value too wide", put([4, "doc"], "enums", "format", "values", "fp64"), "a value that fits 2 bits"),
    ("enum value negative", put([-1, "doc"], "enums", "format", "values", "fp64"), "/enums/format/values/fp64"),
    ("enum without 0", remove("enums", "format", "values", "int8"), "/enums/format: found no value 0"),
    ("enum value without doc", put([3, " "], "enums", "format", "values", "fp64"), "no documentation"),
    ("enum without doc", put("", "enums", "format", "doc"), "/enums/format: found no documentation"),
    ("enum in two widths", append(["f", 3, "format", 1, "doc"], *UPDATE), "/instructions/update/f: found 3 bits"),
    ("enum named as a type", put(ORIGINAL["enums"]["space"], "enums", "u"), "/enums/u: found enum 'u'"),
    ("field without doc", append(["f", 3, "u", 1, ""], *UPDATE), "/instructions/update/fields/1: found no documentation"),
    ("field doc left out", append(["f", 3, "u", 1], *UPDATE), "/instructions/update/fields/1"),
    ("group field without doc", put("", "groups", "mask", "fields", 0, 4), "/groups/mask/fields/0: found no doc"),
    ("header field without doc", put("", "header", 1, 4), "/header/1: found no documentation"),
    ("instruction without doc", put("", "instructions", "end", "doc"), "/instructions/end: found no documentation"),
    ("group without doc", put("", "groups", "mask", "doc"), "/groups/mask: found no documentation"),
    ("unknown type", append(["f", 3, "float", 1, "doc"], *UPDATE), "type 'float'"),
    ("unknown group", append(["f", "adress"], *UPDATE), "group 'adress'"),
    ("group that holds itself", append(["g", "operand"], "groups", "operand", "fields"), "described before it"),
    ("group without use", put({"doc": "d", "fields": [["f", 1, "u", 1, "d"]]}, "groups", "idle"), "/groups/idle"),
    ("group without fields", put([], "groups", "mask", "fields"), "/groups/mask: found no fields"),
    ("group named as an enum", put(ORIGINAL["groups"]["mask"], "groups", "format"), "/groups/format"),
    ("unknown count", append(["f", 8, "u", "loop", "doc"], *UPDATE), "count 'loop'"),
    ("count that is a list", append(["f", 8, "u", "lanes", "doc"], *UPDATE), "count 'lanes'"),
    ("count 0", append(["f", 8, "u", 0, "doc"], *UPDATE), "count 0"),
    ("width 0", append(["f", 0, "u", 1, "doc"], *UPDATE), "width 0"),
    ("width 33", append(["f", 33, "u", 1, "doc"], *UPDATE), "width 33"),
    ("width no number", append(["f", "8", "u", 1, "doc"], *UPDATE), "width '8'"),
    ("array across words", append(["f", 10, "u", "loops", "doc"], *UPDATE), "array of 10-bit elements"),
    ("default too large", append(["f", 4, "u", 1, "doc", 16], *UPDATE), "default 16"),
    ("default too small", append(["f", 4, "s", 1, "doc", -9], *UPDATE), "default -9"),
    ("enum with default", append(["f", 2, "format", 1, "doc", 1], *UPDATE), "default 1"),
    ("mask of wrong width", append(["f", 16, "m", 1, "doc"], *UPDATE), "mask of 16 bits"),
    ("field twice", append(["slot", 3, "u", 1, "doc"], *UPDATE), "field 'slot' again"),
    ("field as in the header", append(["wait", 3, "u", 1, "doc"], *UPDATE), "field 'wait'"),
    ("field named as a keyword", append(["static", 3, "u", 1, "doc"], *UPDATE), "no C++ keyword"),
    ("field not in snake_case", append(["Slot", 3, "u", 1, "doc"], *UPDATE), "name 'Slot'"),
    ("opcode not first", put(ORIGINAL["header"][1:], "header"), "/header/0"),
    ("opcode an array", put(["opcode", 8, "u", 2, "doc"], "header", 0), "/header/0"),
    ("group in the header", append(["m", "mask"], "header"), "/header/3"),
    ("instruction as a group", put(UNIT, "instructions", "mask"), "type name Mask for two things"),
    ("instruction as an enum", put(UNIT, "instructions", "rounding"), "type name Rounding for two things"),
    ("one name in SystemVerilog", put({**UNIT, "fields": [["base", 32, "u", 1, "doc"]]}, "instructions", "tensor_a"),
     "constant name TensorABaseLsb for two things"),
    ("counter in an instruction", append(["f", 32, "c", 1, "doc"], *UPDATE), "/instructions/update/f: found a counter"),
    ("record without parts", put({}, *RECORD, "parts"), "/records/slot_settings/parts: found {}"),
    ("record without doc", put("", *RECORD, "doc"), "/records/slot_settings: found no documentation"),
    ("record field without doc", put("", *NUMBERS, "fields", 0, 4), "numbers/fields/0: found no documentation"),
    ("record field twice", append(["width", 8, "u", 1, "doc"], *NUMBERS, "fields"), "field 'width' again"),
    ("record field in two parts", append(["age", 8, "u", 1, "doc"], *NUMBERS, "fields"), "the field in two parts"),
    ("part without fields", put([], *NUMBERS, "fields"), "numbers: found no fields"),
    ("part without writers", put([], *NUMBERS, "writers"), "numbers/writers: found []"),
    ("unknown writer", put(["compiler"], *NUMBERS, "writers"), "numbers/writers: found ['compiler']"),
    ("group in a record", append(["m", "mask"], *NUMBERS, "fields"), "numbers/fields/4: found ['m', 'mask']"),
    ("default that is no constant", put("width_most", *NUMBERS, "fields", 0, 5), "default 'width_most'"),
    ("enum too wide for a record", put(2, *RULE, "fields", 0, 1), "/records/slot_settings/policy: found 2 bits"),
    ("counter among others", append(["c", 32, "c", 1, "doc"], *NUMBERS, "fields"), "found counters among other"),
    ("line of no constant", put("line_words", "records", "statistics", "line"), "/records/statistics/line"),
    ("copy of nothing", put("slot_settings.name", "records", "lookup", "of"), "/records/lookup/of"),
    ("copy wider than the field", put(6, *NUMBERS, "fields", 1, 1), "/records/lookup/q_read: found 7 bits"),
    ("copy of no field", append(["age", 8, "u", 1, "doc"], "records", "lookup", "parts", "answer", "fields"),
     "/records/lookup/age"),
    ("record as a group", put(ORIGINAL["records"]["lookup"], "records", "mask"), "type name Mask for two things"),
    ("unknown key of a record", put(1, *RECORD, "latency"), "/records/slot_settings: found the keys"),
    ("unknown key", put(1, "instructions", "end", "latency"), "/instructions/end: found the keys"),
    ("missing unit", remove("instructions", "end", "unit"), "/instructions/end: found the keys"),
    ("unknown section", put({}, "registers"), "/: found"),
    ("missing section", remove("groups"), "/: found"),
    ("section of wrong kind", put([], "enums"), "/enums: found []"),
    ("no instructions", put({}, "instructions"), "/instructions: found none"),
    ("architecture with text", put("8", "architecture", "loops"), "/architecture/loops: found 8"),
    ("architecture out of order", put(17, "architecture", "width_min"), "/architecture/width_min: found 17"),
    ("other word width", put(64, "architecture", "word_bits"), "/architecture/word_bits: found 64"),
    ("two faults", lambda isa: (put(1, "instructions", "put", "opcode")(isa),
                                put(999, "instructions", "copy", "opcode")(isa)), "/instructions/copy/opcode: found 999"),
]
TEXTS = [
    ("not JSON", "{", "not JSON"),
    ("no object", "[]", "/: found []"),
    ("key twice", '{"enums": {"a": 1, "a": 2}}', "key 'a': found twice"),
]


def run(text, directory):
    path = directory / "isa.json"
    path.write_text(text, encoding="utf-8")
    output = directory / "generated"
    command = [sys.executable, str(GENERATOR), "--isa", str(path), "--output", str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result, output.exists()


def main():
    failures = []
    cases = [(what, text, message) for what, text, message in TEXTS]
    for what, mutate, message in MUTATIONS:
        isa = copy.deepcopy(ORIGINAL)
        mutate(isa)
        if isa == ORIGINAL:
            failures.append(f"{what}: the mutation changes nothing")
        cases.append((what, json.dumps(isa), message))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        result, wrote = run(json.dumps(ORIGINAL), directory)
        if result.returncode != 0 or not wrote:
            failures.append(f"the unbroken description is refused: {result.stderr}")
    for what, text, message in cases:
        with tempfile.TemporaryDirectory() as name:
            result, wrote = run(text, Path(name))
        if result.returncode != 2 or message not in result.stderr or "Traceback" in result.stderr or wrote:
            failures.append(f"{what}: status {result.returncode}, output {'written' if wrote else 'not written'}, "
                            f"expected status 2 and {message!r} in:\n{result.stderr}")
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "ISA.md"
        page.write_text("an old page\n", encoding="utf-8")
        command = [sys.executable, str(GENERATOR), "--page", str(page)]
        if subprocess.run([*command, "--check"], capture_output=True, check=False).returncode != 1:
            failures.append("--check accepts a stale page")
        subprocess.run([*command, "--markdown"], check=True)
        if subprocess.run([*command, "--check"], capture_output=True, check=False).returncode != 0:
            failures.append("--check refuses the page that --markdown wrote")
    print("\n".join(failures) if failures else f"{len(cases)} broken descriptions refused")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
