"""isa_generated.hpp: constants, enums, structs of instructions and records, field tables and visitors."""
from description import Field, INTEGER_TYPES, camel

OPENING = """\
// Generated from isa/isa.json by isa/generate.py; change it there.
// Architecture constants, enums, one struct an instruction and one a record, and the tables of their fields.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

#include "isa/fields.hpp"

namespace anzan::isa {
"""


def header(d):
    enums = {name: (doc, values) for name, (doc, values) in d.enums.items()}
    enums["opcode"] = ("Which instruction a word begins.", {i.name: (i.opcode, i.doc) for i in d.instructions})
    enums["unit"] = ("What executes an instruction.", {u: (n, "") for n, u in enumerate(d.units)})
    parts = [OPENING, architecture(d)]
    parts += [enum(name, doc, values) for name, (doc, values) in enums.items()]
    parts += [struct(camel(name), doc, fields, d) for name, (doc, fields) in d.groups.items()
              if d.single_field(name) is None]
    parts += [struct(camel(i.name), i.doc, d.header[1:] + i.fields, d) for i in d.instructions]
    parts += [field_table(i, i.leaves[1:]) for i in d.instructions]  # the opcode is no member
    parts += [visitor(i) for i in d.instructions]
    parts.append(instructions(d))
    parts += [record(r) for r in d.records]
    parts.append(record_table(d))
    return "\n".join(parts) + "\n}  // namespace anzan::isa\n"


def architecture(d):
    lines = []
    for name, value in d.architecture.items():
        if isinstance(value, list):
            values = ", ".join(map(str, value))
            lines.append(f"inline constexpr std::array<int, {len(value)}> k{camel(name)}{{{values}}};")
        else:
            lines.append(f"inline constexpr int k{camel(name)} = {value};")
    return "\n".join(lines) + "\n"


def comment(text):
    lines, line = [], "//"
    for word in text.split():
        if len(line) + 1 + len(word) > 108:
            lines.append(line)
            line = "//"
        line += " " + word
    return "\n".join([*lines, line]) + "\n"


def enum(name, doc, values):
    kind = camel(name)
    text = comment(doc) + f"enum class {kind} : std::uint8_t {{\n"
    text += "".join(f"  k{camel(v)} = {n},\n" for v, (n, _) in values.items()) + "};\n"
    text += f"inline constexpr EnumEntry k{kind}Entries[] = {{\n"
    text += "".join(f'    {{"{v}", {n}}},\n' for v, (n, _) in values.items()) + "};\n"
    text += f'inline constexpr EnumInfo k{kind}Info{{"{name}", k{kind}Entries, {len(values)}}};\n'
    text += f"constexpr const char* name({kind} value) {{\n  switch (value) {{\n"
    text += "".join(f'    case {kind}::k{camel(v)}: return "{v}";\n' for v in values)
    text += '  }\n  return "(no such value)";\n}\n'
    text += f"constexpr std::optional<{kind}> parse_{name}(std::string_view text) {{\n"
    text += f"  const EnumEntry* entry = find_name(k{kind}Info, text);\n"
    text += f"  return entry ? std::optional<{kind}>(static_cast<{kind}>(entry->value)) : std::nullopt;\n}}\n"
    return text


def element_type(field):
    if field.type == "c":
        return "Count"
    if field.type == "s":
        return f"std::int{container(field.width)}_t"
    return f"std::uint{container(field.width)}_t" if field.type in INTEGER_TYPES else camel(field.type)


def container(width):
    return next(bits for bits in (8, 16, 32) if width <= bits)


def struct(name, doc, fields, d):
    text = comment(doc) + f"struct {name} {{\n"
    for f in fields:
        single = f if isinstance(f, Field) else d.single_field(f.group)
        text += f"  {camel(f.group)} {f.name};\n" if single is None else member(f.name, single)
    return text + comparison(name, [f.name for f in fields]) + "};\n"


def member(name, field):
    doc = f"  // {field.doc}"
    if field.count:
        initial = "" if field.default == 0 else ", ".join([str(field.default)] * field.count)
        return f"  std::array<{element_type(field)}, {field.count}> {name}{{{initial}}};{doc}\n"
    if field.type in INTEGER_TYPES:
        return f"  {element_type(field)} {name} = {field.default};{doc}\n"
    return f"  {element_type(field)} {name}{{}};{doc}\n"


def comparison(name, members):
    compare = " &&\n           ".join(f"v.{m} == w.{m}" for m in members) if members else "true"
    left, right = ("v", "w") if members else ("", "")
    text = f"  friend bool operator==(const {name}& {left}, const {name}& {right}) {{\n    return {compare};\n  }}\n"
    return text + f"  friend bool operator!=(const {name}& v, const {name}& w) {{ return !(v == w); }}\n"


def field_table(i, leaves):
    kinds = {"u": "kUnsigned", "s": "kSigned", "m": "kMask", "c": "kUnsigned"}
    size = sum(leaf.field.count or 1 for leaf in leaves)
    text = f"inline constexpr int k{camel(i.name)}Words = {i.words};\n"
    text += f"inline constexpr std::array<FieldInfo, {size}> k{camel(i.name)}Fields{{{{\n"
    for leaf in leaves:
        f = leaf.field
        kind = kinds.get(f.type, "kEnum")
        values = "nullptr" if f.type in kinds else f"&k{camel(f.type)}Info"
        for index, offset in enumerate(leaf.offsets):
            name = f"{leaf.path}[{index}]" if f.count else leaf.path
            text += (f'    {{"{name}", "{leaf.path}", {index}, {f.count}, {offset}, {f.width}, '
                     f"FieldKind::{kind}, {values}, {f.default}}},\n")
    return text + "}};\n"


def visitor(i):
    name = camel(i.name)
    text = f"template <class T, class Visitor>\nstd::enable_if_t<std::is_same_v<std::remove_const_t<T>, {name}>> "
    text += f"visit_fields(T& i, Visitor&& visit) {{\n  const FieldInfo* field = k{name}Fields.data();\n"
    for leaf in i.leaves[1:]:
        if leaf.field.count:
            text += f"  for (auto& element : i.{leaf.path}) visit(*field++, element);\n"
        else:
            text += f"  visit(*field++, i.{leaf.path});\n"
    return text + "}\n"


INSTRUCTIONS = """\
// The bits of an instruction's first word that hold its opcode.
inline constexpr int kOpcodeBits = %(opcode_bits)s;

// Every instruction, by opcode; `Instruction` holds them in the same order.
struct InstructionInfo {
  std::string_view name;
  Opcode opcode = Opcode{};
  Unit unit = Unit{};
  int words = 0;  // length of its encoding
  const FieldInfo* fields = nullptr;
  int field_count = 0;
};
inline constexpr std::array<InstructionInfo, %(count)s> kInstructions{{
%(rows)s}};

using Instruction = std::variant<%(types)s>;

// The instruction with all fields at their defaults; `number` counts kInstructions.
inline Instruction make_instruction(std::size_t number) {
  switch (number) {
%(cases)s  }
  return {};
}

// Calls visit(const FieldInfo&, member&) for every field, `wait` and `signal` first, in the order of
// the encoding. The opcode is no field here: the type of the instruction says it.
template <class T, class Visitor>
std::enable_if_t<std::is_same_v<std::remove_const_t<T>, Instruction>> visit_fields(T& i, Visitor&& visit) {
  std::visit([&visit](auto& instruction) { visit_fields(instruction, visit); }, i);
}
"""


def instructions(d):
    names = [camel(i.name) for i in d.instructions]
    rows = "".join(f'    {{"{i.name}", Opcode::k{n}, Unit::k{camel(i.unit)}, k{n}Words, k{n}Fields.data(), '
                   f"static_cast<int>(k{n}Fields.size())}},\n" for i, n in zip(d.instructions, names))
    return INSTRUCTIONS % {
        "opcode_bits": d.header[0].width, "count": len(names), "rows": rows, "types": ", ".join(names),
        "cases": "".join(f"    case {k}: return {n}{{}};\n" for k, n in enumerate(names))}


RECORD = """\
  static constexpr int kWords = k%(name)sWords;
  // Calls visit(const FieldInfo&, member&...) for every field in the order of the words, with the member of each
  // of the records.
  template <class Visitor, class... Record>
  static void visit_fields(Visitor&& visit, Record&... r) {
    const FieldInfo* field = k%(name)sFields.data();
%(visits)s  }
"""


def record(r):
    name = camel(r.name)
    text = field_table(r, r.leaves)
    for part in r.parts:
        text += f"inline constexpr int k{name}{camel(part.name)}FirstWord = {part.first_word};\n"
        text += f"inline constexpr int k{name}{camel(part.name)}Words = {part.words};\n"
    if r.line:
        text += f"inline constexpr int k{name}Lines = {-(-r.words // r.line)};\n"
    text += f"inline constexpr RecordPart k{name}Parts[] = {{\n"
    text += "".join(f'    {{"{part.name}", {part.first_word}, {part.words}, "{", ".join(part.writers)}"}},\n'
                    for part in r.parts) + "};\n"
    text += comment(r.doc) + ("template <class Count>\n" if r.counts else "") + f"struct {name} {{\n"
    for part in r.parts:
        text += f"  // {part.doc}\n" + "".join(member(f.name, f) for f in part.fields)
    visits = "".join(f"    for (std::size_t n = 0; n < {f.count}; ++n) visit(*field++, r.{f.name}[n]...);\n" if f.count
                     else f"    visit(*field++, r.{f.name}...);\n" for part in r.parts for f in part.fields)
    text += RECORD % {"name": name, "visits": visits}
    return text + comparison(name, [f.name for part in r.parts for f in part.fields]) + "};\n"


def record_table(d):
    rows = "".join(f'    {{"{r.name}", k{n}Words, k{n}Fields.data(), static_cast<int>(k{n}Fields.size()), k{n}Parts, '
                   f"{len(r.parts)}}},\n" for r in d.records for n in [camel(r.name)])
    return ("// Every record of settings and statistics.\n"
            f"inline constexpr std::array<RecordInfo, {len(d.records)}> kRecords{{{{\n{rows}}}}};\n")
