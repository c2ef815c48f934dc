"""isa_pkg.sv: plain localparams, in the subset that Verilator, yosys and Icarus Verilog read."""
from description import camel

OPENING = """\
// Generated from isa/isa.json by isa/generate.py; change it there.
// Architecture constants, enum values (<Enum>Count: how many), and where every field of an instruction lies:
//   <Instruction><Field>Lsb    first bit, counted from bit 0 of the instruction's first word
//   <Instruction><Field>Width  bits; element k of an array stands at Lsb + k * Width
//   <Instruction><Field>Count  elements, of arrays only
// Records of settings and statistics likewise, and of them
//   <Record>Words, <Record>Lines         length, in words and in lines of its memory
//   <Record>Bits                         length up to the last bit of the last field
//   <Record><Part>FirstWord, ...Words    the words of a part
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
        constant(camel(name) + "Count", len(values))
        for value, (number, _) in values.items():
            code(camel(name) + camel(value), d.enum_width(name), number)
    lines.append("\n  // Which instruction a word begins.")
    for i in d.instructions:
        code("Opcode" + camel(i.name), d.header[0].width, i.opcode)
    lines.append("\n  // What executes an instruction.")
    for number, unit in enumerate(d.units):
        constant("Unit" + camel(unit), number)
    constant("UnitCount", len(d.units))
    def fields(described):
        for leaf in described.leaves:
            stem = camel(described.name) + "".join(camel(part) for part in leaf.path.split("."))
            constant(stem + "Lsb", leaf.offsets[0])
            constant(stem + "Width", leaf.field.width)
            if leaf.field.count:
                constant(stem + "Count", leaf.field.count)

    for i in d.instructions:
        lines.append(f"\n  // {i.name}")
        constant(camel(i.name) + "Words", i.words)
        fields(i)
    for r in d.records:
        lines.append(f"\n  // {r.doc}")
        constant(camel(r.name) + "Words", r.words)
        constant(camel(r.name) + "Bits", r.bits)
        if r.line:
            constant(camel(r.name) + "Lines", -(-r.words // r.line))
        for part in r.parts:
            constant(camel(r.name) + camel(part.name) + "FirstWord", part.first_word)
            constant(camel(r.name) + camel(part.name) + "Words", part.words)
        fields(r)
    return "\n".join(lines) + "\nendpackage\n"
