"""ISA.md: the instruction set as a page for people."""
from description import Field, WORD

OPENING = """\
# Instruction set

Generated from [isa.json](isa.json) by `python3 isa/generate.py --markdown`; change it there. What the
instructions do to the bits of memory is in [models/README.md](../models/README.md).

## Encoding

A program is a sequence of instructions, an instruction a whole number of {word}-bit words. Its fields
stand in the listed order from the least significant bit of the first word upward; a field that would
cross a word boundary starts at the next word, and so does every array. Bits between fields are zero.
The first field is the opcode. Types: `u` unsigned, `s` two's complement, `m` a mask with one bit a
semaphore, otherwise the name of an enumeration. A field that is not set holds 0, or the value given as
default.

## Architecture

| constant | value |
| --- | --- |
"""


RECORDS = """
## Records

What the settings store and the statistics database hold of a slot. Fields stand as in an instruction, and each part
starts at a new word, because whoever writes there writes whole words. Type `c` is a counter, unsigned, which stops at its
largest value.
"""


def page(d):
    parts = [OPENING.format(word=WORD)]
    for name, value in d.architecture.items():
        parts.append(f"| `{name}` | {', '.join(map(str, value)) if isinstance(value, list) else value} |\n")
    parts.append("\n## Instructions\n\n| opcode | instruction | unit | words |\n| ---: | --- | --- | ---: |\n")
    for i in d.instructions:
        parts.append(f"| {i.opcode} | [`{i.name}`](#{i.name}) | {i.unit} | {i.words} |\n")
    parts += [instruction(i) for i in d.instructions]
    parts.append(RECORDS)
    parts += [record(r) for r in d.records]
    parts.append("\n## Groups\n\nFields that several instructions share; above they stand in their places.\n")
    for name, (doc, fields) in d.groups.items():
        parts.append(f"\n**{name}**: {doc}\n\n| field | type | meaning |\n| --- | --- | --- |\n")
        for f in fields:
            if isinstance(f, Field):
                parts.append(f"| `{f.name}` | {type_of(f)} | {meaning(f)} |\n")
            else:
                parts.append(f"| `{f.name}` | {f.group} | {escape(d.groups[f.group][0])} |\n")
    parts.append("\n## Enumerations\n")
    for name, (doc, values) in d.enums.items():
        parts.append(f"\n### {name}\n\n{doc}\n\n| value | name | meaning |\n| ---: | --- | --- |\n")
        parts += [f"| {number} | `{value}` | {escape(text)} |\n" for value, (number, text) in values.items()]
    return "".join(parts)


def escape(text):
    return text.replace("|", "\\|")


def type_of(field):
    bits = f"{field.width} bit{'s' if field.width > 1 else ''}"
    kind = f"{field.type}{field.width}" if len(field.type) == 1 else f"[{field.type}](#{field.type}), {bits}"
    return kind + (f" × {field.count}" if field.count else "")


def meaning(field):
    return escape(field.doc) + (f" (default {field.default})" if field.default else "")


def instruction(i):
    text = f"\n### {i.name}\n\nOpcode {i.opcode}, {i.unit} unit, {i.words} words. {i.doc}\n\n"
    return text + fields(i.leaves)


def record(r):
    text = f"\n### {r.name}\n\n{r.words} word{'s' if r.words > 1 else ''}{f', {-(-r.words // r.line)} lines' if r.line else ''}. {escape(r.doc)}\n"
    leaves = list(r.leaves)
    for part in r.parts:
        own, leaves = leaves[:len(part.fields)], leaves[len(part.fields):]
        writers = ", ".join(f"`{w}`" for w in part.writers)
        text += f"\n**{part.name}**, written by {writers}: {escape(part.doc)}\n\n{fields(own)}"
    return text


def fields(leaves):
    text = "| word | bits | field | type | meaning |\n| ---: | ---: | --- | --- | --- |\n"
    for leaf in leaves:
        first, last = leaf.offsets[0], leaf.offsets[-1] + leaf.field.width - 1
        words = f"{first // WORD}" if first // WORD == last // WORD else f"{first // WORD}–{last // WORD}"
        low, high = first % WORD, first % WORD + leaf.field.width - 1
        bits = f"{high}:{low}" if high > low else f"{low}"
        if leaf.field.count:
            bits = f"{leaf.field.width} each"
        text += f"| {words} | {bits} | `{leaf.path}` | {type_of(leaf.field)} | {meaning(leaf.field)} |\n"
    return text
