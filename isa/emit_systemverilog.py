"""isa_pkg.sv: plain localparams, in the subset that Verilator, yosys and Icarus Verilog read."""
from description import camel

OPENING = """\
// Generated from isa/isa.json by isa/generate.py; change it there.
// Architecture constants, enum values, and where every field of an instruction lies:
//   <Instruction><Field>Lsb    first bit, counted from bit 0 of the instruction's first word
//   <Instruction><Field>Width  bits; element k of an array stands at Lsb + k * Width
//   <Instruction><Field>Count  elements, of arrays only
package isa_pkg;
"""


def package(d):
    lines = [OPENING]

    def constant(name, value):
        lines.append(f"  localparam integer {name} = {value};")

    def code(name, width, value):
        lines.append(f"  localparam [{width - 1}:0] {name} = {width}'d{value};")

    for name, value in d.architecture.items():
        if isinstance(value, list):  # a choice: the parameter of the design picks one
            lines.append(f"  // {name}: {', '.join(map(str, value))}")
            constant(camel(name) + "Min", min(value))
            constant(camel(name) + "Max", max(value))
        else:
            constant(camel(name), value)
    for name, (doc, values) in d.enums.items():
        lines.append(f"\n  // {doc}")
        constant(camel(name) + "Bits", d.enum_width(name))
        for value, (number, _) in values.items():
            code(camel(name) + camel(value), d.enum_width(name), number)
    lines.append("\n  // Which instruction a word begins.")
    for i in d.instructions:
        code("Opcode" + camel(i.name), d.header[0].width, i.opcode)
    lines.append("\n  // What executes an instruction.")
    for number, unit in enumerate(d.units):
        constant("Unit" + camel(unit), number)
    for i in d.instructions:
        lines.append(f"\n  // {i.name}")
        constant(camel(i.name) + "Words", i.words)
        for leaf in i.leaves:
            stem = camel(i.name) + "".join(camel(part) for part in leaf.path.split("."))
            constant(stem + "Lsb", leaf.offsets[0])
            constant(stem + "Width", leaf.field.width)
            if leaf.field.count:
                constant(stem + "Count", leaf.field.count)
    return "\n".join(lines) + "\nendpackage\n"
