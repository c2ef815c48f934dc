"""Reads isa.json, refuses it where it is wrong, and lays out every instruction and every record.

Promise: a Description that `load` returns is consistent; every finding otherwise comes in one
DescriptionError that names the place, what stands there and what was expected.
"""
import json
import re
from dataclasses import dataclass, field

WORD = 32
INTEGER_TYPES = {"u": "unsigned", "s": "signed", "m": "mask", "c": "counter"}
# Who may write a record: the host, or a block by its name in rtl/.
WRITERS = ["host", "analysis_block", "settings_optimiser", "settings_store"]
# Member names appear in C++ and (joined to others) in SystemVerilog as they stand in isa.json.
CPP_KEYWORDS = set("""alignas alignof and asm auto bool break case catch char class const constexpr
continue decltype default delete do double else enum explicit export extern false float for friend goto
if inline int long mutable namespace new not operator or private protected public register return short
signed sizeof static struct switch template this throw true try typedef typeid typename union unsigned
using virtual void volatile while xor""".split())


class DescriptionError(Exception):
    """All findings, one a line."""


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


@dataclass
class Field:
    """One field as written: `count` is 0 for a single value, otherwise the length of the array."""
    name: str
    width: int
    type: str  # u, s, m, c or the name of an enum
    count: int
    doc: str
    default: int


@dataclass
class GroupUse:
    name: str
    group: str


@dataclass
class Leaf:
    """A field of an instruction in its place: `path` is the C++ member, offsets are in bits."""
    path: str
    field: Field
    offsets: list = field(default_factory=list)


@dataclass
class Instruction:
    name: str
    opcode: int
    unit: str
    doc: str
    fields: list  # Field or GroupUse, without the header
    leaves: list = field(default_factory=list)  # header first, then the fields expanded in place
    words: int = 0


@dataclass
class Part:
    """Fields of a record that stand together in words of their own, because the same ones write them."""
    name: str
    doc: str
    writers: list
    fields: list
    first_word: int = 0
    words: int = 0


@dataclass
class Record:
    """An entry of one of the memories that hold settings and statistics, or what such a memory answers."""
    name: str
    doc: str
    parts: list
    line: int  # words in a line of its memory; 0: it is not kept in lines
    of: tuple  # record and part that hold its fields too; (): none
    leaves: list = field(default_factory=list)
    words: int = 0

    @property
    def bits(self):
        return max(leaf.offsets[-1] + leaf.field.width for leaf in self.leaves)

    @property
    def counts(self):
        """Of counters alone: a C++ template, since what adds them up may want them wider."""
        return any(leaf.field.type == "c" for leaf in self.leaves)


@dataclass
class Description:
    architecture: dict
    enums: dict  # name -> (doc, {value name: (number, doc)})
    groups: dict  # name -> (doc, [Field or GroupUse])
    instructions: list  # by opcode
    header: list  # of Field; the first is the opcode
    units: list
    records: list

    def single_field(self, group):
        """A group of one field stands for that field itself: it has no C++ struct and no name of its own."""
        fields = self.groups[group][1]
        return fields[0] if len(fields) == 1 and isinstance(fields[0], Field) else None

    def enum_width(self, enum):
        """Bits of the fields that hold the enum; of its largest value where no field does."""
        widths = [leaf.field.width for i in self.instructions for leaf in i.leaves if leaf.field.type == enum]
        return widths[0] if widths else max(1, max(n for n, _ in self.enums[enum][1].values()).bit_length())


def load(path):
    """The checked description of the file. Raises DescriptionError, OSError."""
    with open(path, encoding="utf-8") as file:
        try:
            return _Reader(json.load(file, object_pairs_hook=_unique_pairs)).read()
        except json.JSONDecodeError as error:
            raise DescriptionError(f"{path}: not JSON: {error}") from error


def _unique_pairs(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise DescriptionError(f"key {key!r}: found twice in one object, expected once")
    return dict(pairs)


def _integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


class _Reader:
    def __init__(self, data):
        self.data = data
        self.findings = []

    def fail(self, place, found, expected):
        self.findings.append(f"{place}: found {found}, expected {expected}")

    def read(self):
        names = ["architecture", "enums", "groups", "instructions", "records", "header"]
        if not isinstance(self.data, dict) or sorted(self.data) != sorted(names):
            self.fail("/", sorted(self.data) if isinstance(self.data, dict) else self.data, f"the keys {names}")
            self.stop()
        for name in names:
            if not isinstance(self.data[name], list if name == "header" else dict):
                self.fail(f"/{name}", self.data[name], "an array" if name == "header" else "an object")
        self.stop()
        self.architecture()
        self.stop()
        enums = self.enums()
        groups = {}
        for name, group in self.data["groups"].items():
            place = f"/groups/{name}"
            self.keys(place, group, ["doc", "fields"])
            self.identifier(place, name)
            if name in enums or name in INTEGER_TYPES:
                self.fail(place, f"group {name!r}", "a name that no enum and no integer type has")
            groups[name] = (self.doc(place, group.get("doc")), self.fields(place, group.get("fields", []), enums))
        header = self.fields("/header", self.data["header"], enums, allow_groups=False)
        if not header or header[0].name != "opcode" or header[0].type != "u" or header[0].count:
            self.fail("/header/0", header[0].name if header else "nothing", "one unsigned field 'opcode'")
        instructions = [self.instruction(*item, enums, header) for item in self.data["instructions"].items()]
        self.no_counters(groups, instructions, header)
        records = [self.record(*item, enums) for item in self.data["records"].items()]
        self.stop()
        self.opcodes(instructions, header[0])
        self.group_uses(groups, instructions)
        self.copies(records)
        self.stop()
        units = list(dict.fromkeys(i.unit for i in instructions))
        instructions.sort(key=lambda i: i.opcode)
        description = Description(self.data["architecture"], enums, groups, instructions, header, units, records)
        for i in instructions:
            self.lay_out(i, description)
        for record in records:
            self.lay_out_record(record)
        self.enum_fields(description)
        self.generated_names(description)
        self.stop()
        return description

    def stop(self):
        if self.findings:
            raise DescriptionError("\n".join(self.findings))

    def keys(self, place, value, expected, optional=()):
        if not isinstance(value, dict):
            self.fail(place, value, f"an object with the keys {expected}")
            self.stop()
        if sorted(set(value) - set(optional)) != sorted(expected):
            self.fail(place, f"the keys {sorted(value)}", f"the keys {sorted(expected)}")

    def identifier(self, place, name):
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            self.fail(place, f"name {name!r}", "snake_case: small letters, digits, single underscores")

    def doc(self, place, text):
        if not isinstance(text, str) or not text.strip():
            self.fail(place, "no documentation", "a sentence that says what it is")
        return text

    def architecture(self):
        values = self.data["architecture"]
        for name, value in values.items():
            self.identifier(f"/architecture/{name}", name)
            is_list = isinstance(value, list) and value and all(_integer(v) for v in value)
            if not is_list and not _integer(value):
                self.fail(f"/architecture/{name}", value, "an integer or a list of integers")
            elif name.endswith("_min") and not _integer(values.get(name[:-4] + "_max")):
                self.fail(f"/architecture/{name}", "no matching maximum", f"{name[:-4]}_max")
            elif name.endswith("_min") and value > values[name[:-4] + "_max"]:
                self.fail(f"/architecture/{name}", value, f"at most {name[:-4]}_max")
        if values.get("word_bits") != WORD:
            self.fail("/architecture/word_bits", values.get("word_bits"), WORD)

    def enums(self):
        result = {}
        for name, enum in self.data["enums"].items():
            place = f"/enums/{name}"
            self.identifier(place, name)
            self.keys(place, enum, ["doc", "values"])
            if name in INTEGER_TYPES or name in ("opcode", "unit"):
                self.fail(place, f"enum {name!r}", "a name that is not taken")
            values = {}
            for key, entry in enum.get("values", {}).items():
                self.identifier(f"{place}/values/{key}", key)
                if not isinstance(entry, list) or len(entry) != 2 or not _integer(entry[0]) or entry[0] < 0:
                    self.fail(f"{place}/values/{key}", entry, "[number >= 0, documentation]")
                    continue
                if entry[0] in [number for number, _ in values.values()]:
                    self.fail(f"{place}/values/{key}", f"value {entry[0]} again", "a value of its own")
                values[key] = (entry[0], self.doc(f"{place}/values/{key}", entry[1]))
            if 0 not in [number for number, _ in values.values()]:
                self.fail(place, "no value 0", "a value 0: what a field holds by default")
            result[name] = (self.doc(place, enum.get("doc")), values)
        return result

    def fields(self, place, entries, enums, allow_groups=True):
        result = []
        for number, entry in enumerate(entries):
            here = f"{place}/fields/{number}" if place != "/header" else f"{place}/{number}"
            if not isinstance(entry, list) or len(entry) not in ((2, 5, 6) if allow_groups else (5, 6)):
                self.fail(here, entry, "[name, group] or [name, width, type, count, documentation, default?]")
                continue
            self.identifier(here, entry[0])
            if entry[0] in CPP_KEYWORDS:
                self.fail(here, f"name {entry[0]!r}", "a name that is no C++ keyword")
            if entry[0] in [f.name for f in result]:
                self.fail(here, f"field {entry[0]!r} again", "a name of its own")
            result.append(GroupUse(*entry) if len(entry) == 2 else self.field(here, entry, enums))
        return result

    def field(self, place, entry, enums):
        name, width, kind, count, doc = entry[:5]
        default = entry[5] if len(entry) == 6 else 0
        if isinstance(default, str):  # an architecture constant
            default = self.data["architecture"].get(default, default)
        if not _integer(width) or not 1 <= width <= WORD:
            self.fail(place, f"width {width!r}", f"1 to {WORD} bits")
            width = WORD
        if kind not in INTEGER_TYPES and kind not in enums:
            self.fail(place, f"type {kind!r}", f"one of {[*INTEGER_TYPES, *enums]}")
        elif kind == "m" and width != self.data["architecture"].get("semaphores"):
            self.fail(place, f"mask of {width} bits", "one bit a semaphore")
        if isinstance(count, str):
            length = self.data["architecture"].get(count)
            if not _integer(length) or length < 1:
                self.fail(place, f"count {count!r}", "a number or a positive architecture constant")
                length = 0
        elif count == 1:
            length = 0
        else:
            length = count
            if not _integer(count) or count < 1:
                self.fail(place, f"count {count!r}", "at least 1")
                length = 0
        if length and WORD % width:
            self.fail(place, f"array of {width}-bit elements", "a width that divides the word")
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if kind == "s" else (0, (1 << width) - 1)
        if kind in enums:
            high = 0  # the first entry of an enum is what an unset field means
        if not _integer(default) or not low <= default <= high:
            self.fail(place, f"default {default!r}", f"{low} to {high}")
        return Field(name, width, kind, length, self.doc(place, doc), default)

    def instruction(self, name, data, enums, header):
        place = f"/instructions/{name}"
        self.identifier(place, name)
        self.keys(place, data, ["opcode", "unit", "doc", "fields"])
        fields = self.fields(place, data.get("fields", []), enums)
        for f in fields:
            if f.name in [h.name for h in header]:
                self.fail(place, f"field {f.name!r}", "a name that the header does not have")
        self.identifier(f"{place}/unit", data.get("unit"))
        return Instruction(name, data.get("opcode"), data.get("unit"), self.doc(place, data.get("doc")), fields)

    def no_counters(self, groups, instructions, header):
        for place, fields in [("/header", header), *((f"/groups/{n}", f) for n, (_, f) in groups.items()),
                              *((f"/instructions/{i.name}", i.fields) for i in instructions)]:
            for f in fields:
                if isinstance(f, Field) and f.type == "c":
                    self.fail(f"{place}/{f.name}", "a counter", "counters in records only")

    def record(self, name, data, enums):
        place = f"/records/{name}"
        self.identifier(place, name)
        self.keys(place, data, ["doc", "parts"], ["line", "of"])
        line = self.data["architecture"].get(data["line"]) if "line" in data else 0
        if not _integer(line) or line < ("line" in data):
            self.fail(f"{place}/line", data["line"], "a positive architecture constant")
            line = 0
        if not isinstance(data.get("parts"), dict) or not data["parts"]:
            self.fail(f"{place}/parts", data.get("parts"), "an object of at least one part")
            self.stop()
        parts = [self.part(f"{place}/parts/{key}", key, part, enums) for key, part in data["parts"].items()]
        fields = [f for part in parts for f in part.fields]
        for f in fields:
            if [g.name for g in fields].count(f.name) > 1:
                self.fail(f"{place}/{f.name}", "the field in two parts", "names of their own in the whole record")
        if any(f.type == "c" for f in fields) and not all(f.type == "c" for f in fields):
            self.fail(place, "counters among other fields", "counters alone")
        of = tuple(str(data["of"]).split(".")) if "of" in data else ()
        return Record(name, self.doc(place, data.get("doc")), parts, line, of)

    def part(self, place, name, data, enums):
        self.identifier(place, name)
        self.keys(place, data, ["doc", "writers", "fields"])
        writers = data.get("writers", [])
        if not isinstance(writers, list) or not writers or not set(map(str, writers)) <= set(WRITERS):
            self.fail(f"{place}/writers", writers, f"some of {WRITERS}")
            writers = []
        fields = self.fields(place, data.get("fields", []), enums, allow_groups=False)
        if not fields:
            self.fail(place, "no fields", "at least one")
        return Part(name, self.doc(place, data.get("doc")), writers, fields)

    def copies(self, records):
        """A record `of` a part holds what fits its fields, as the part does under the same names."""
        parts = {(r.name, part.name): {f.name: f for f in part.fields} for r in records for part in r.parts}
        for r in records:
            if r.of and r.of not in parts:
                self.fail(f"/records/{r.name}/of", ".".join(r.of), "RECORD.PART")
            for f in [f for part in r.parts for f in part.fields if r.of in parts]:
                whole = parts[r.of].get(f.name)
                if whole is None or (whole.type, whole.count) != (f.type, f.count) or whole.width < f.width:
                    self.fail(f"/records/{r.name}/{f.name}", f"{f.width} bits of type {f.type}",
                              f"a field of {'.'.join(r.of)} that is not narrower")

    def opcodes(self, instructions, opcode):
        taken = {}
        for i in instructions:
            if not _integer(i.opcode) or not 0 <= i.opcode < 1 << opcode.width:
                self.fail(f"/instructions/{i.name}/opcode", i.opcode, f"0 to {(1 << opcode.width) - 1}")
            elif i.opcode in taken:
                self.fail(f"/instructions/{i.name}/opcode", f"{i.opcode}, which is {taken[i.opcode]}'s",
                          "an opcode of its own")
            taken[i.opcode] = i.name
        if not instructions:
            self.fail("/instructions", "none", "at least one")

    def group_uses(self, groups, instructions):
        used = set()
        earlier = set()
        for name, (_, fields) in groups.items():
            if not fields:
                self.fail(f"/groups/{name}", "no fields", "at least one")
            for f in fields:
                if isinstance(f, GroupUse):
                    used.add(f.group)
                    if f.group not in earlier:
                        self.fail(f"/groups/{name}/{f.name}", f"group {f.group!r}", "a group described before it")
            earlier.add(name)
        for i in instructions:
            for f in i.fields:
                if isinstance(f, GroupUse):
                    used.add(f.group)
                    if f.group not in groups:
                        self.fail(f"/instructions/{i.name}/{f.name}", f"group {f.group!r}", f"one of {[*groups]}")
        for name in groups:
            if name not in used:
                self.fail(f"/groups/{name}", "no use of it", "an instruction that uses the group")

    def lay_out(self, instruction, description):
        """Least significant bit first; what would cross a word, and every array, starts at a new word."""
        def expand(fields, prefix):
            for f in fields:
                if isinstance(f, Field):
                    instruction.leaves.append(Leaf(prefix + f.name, f))
                elif (single := description.single_field(f.group)) is not None:
                    instruction.leaves.append(Leaf(prefix + f.name, single))
                else:
                    expand(description.groups[f.group][1], prefix + f.name + ".")
        expand(description.header, "")
        expand(instruction.fields, "")
        instruction.words = self.place(instruction.leaves, 0)

    def lay_out_record(self, record):
        """As an instruction; and every part starts at a new word."""
        for part in record.parts:
            leaves = [Leaf(f.name, f) for f in part.fields]
            part.first_word = record.words
            record.words = self.place(leaves, record.words)
            part.words = record.words - part.first_word
            record.leaves += leaves

    def place(self, leaves, word):
        """Gives the leaves their offsets from that word on; returns the first word behind them."""
        bit = word * WORD
        for leaf in leaves:
            if leaf.field.count:
                bit = -(-bit // WORD) * WORD
            for _ in range(leaf.field.count or 1):
                if bit % WORD + leaf.field.width > WORD:
                    bit = -(-bit // WORD) * WORD
                leaf.offsets.append(bit)
                bit += leaf.field.width
        return -(-bit // WORD)

    def enum_fields(self, description):
        for name, (_, values) in description.enums.items():
            width = description.enum_width(name)
            for i in description.instructions:
                for leaf in i.leaves:
                    if leaf.field.type == name and leaf.field.width != width:
                        self.fail(f"/instructions/{i.name}/{leaf.path}", f"{leaf.field.width} bits for {name}",
                                  f"{width} bits as elsewhere")
            for record in description.records:  # may leave room
                for leaf in record.leaves:
                    if leaf.field.type == name and leaf.field.width < width:
                        self.fail(f"/records/{record.name}/{leaf.path}", f"{leaf.field.width} bits for {name}",
                                  f"{width} bits at least")
            for key, (number, _) in values.items():
                if number >= 1 << width:
                    self.fail(f"/enums/{name}/values/{key}", number, f"a value that fits {width} bits")

    def generated_names(self, description):
        """Names of different things may not become one name in C++ or SystemVerilog."""
        types = [camel(n) for n in [*description.enums, "opcode", "unit", "instruction", "program"]]
        types += [camel(g) for g in description.groups if description.single_field(g) is None]
        types += [camel(i.name) for i in [*description.instructions, *description.records]]
        constants = [camel(n) for n in description.architecture]
        constants += [camel(e) + camel(v) for e, (_, values) in description.enums.items() for v in values]
        constants += [camel(e) + suffix for e in description.enums for suffix in ("Bits", "Count", "Info", "Entries")]
        constants += [camel(i.name) + suffix for i in description.instructions for suffix in ("Words", "Fields")]
        constants += ["Opcode" + camel(i.name) for i in description.instructions]
        constants += ["UnitCount", *("Unit" + camel(u) for u in description.units)]
        constants += [camel(r.name) + suffix for r in description.records
                      for suffix in ("Words", "Fields", "Parts", "Bits") + (("Lines",) if r.line else ())]
        constants += [camel(r.name) + camel(part.name) + suffix for r in description.records for part in r.parts
                      for suffix in ("FirstWord", "Words")]
        for i in [*description.instructions, *description.records]:
            for leaf in i.leaves:
                stem = camel(i.name) + "".join(camel(p) for p in leaf.path.split("."))
                constants += [stem + suffix for suffix in ("Lsb", "Width") + (("Count",) if leaf.field.count else ())]
        for what, names in (("type", types), ("constant", constants)):
            for name in sorted({n for n in names if names.count(n) > 1}):
                self.fail("/", f"{what} name {name} for two things", "names that stay different in CamelCase")
