"""Where SystemVerilog can be mutated, and a source that holds many mutants at once: each is chosen by a number.

Knows the subset of SystemVerilog that rtl/ is written in. A mutant is one of: an operator swapped, a constant off
by one, a negation dropped, a condition (`if`, `?:`) negated, an `if` that is always or never taken, a bit of an
assigned variable stuck, the upper half of its bits cut off, a non-blocking assignment dropped (a reset, too), a memory
written at a second place. What is constant at elaboration (widths, ranges, parameters, generate) is left alone.
"""
import dataclasses
import re
import zlib

TOKEN = re.compile(r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/|\(\*.*?\*\))
  | (?P<text>"[^"]*")
  | (?P<based>\d*'[sS]?[bodhBODH][0-9a-fA-F_?]+|'[01])
  | (?P<number>\d+)
  | (?P<name>[A-Za-z_$`][\w$]*(?:::[\w$]+)*)
  | (?P<operator><<<|>>>|<=|>=|==|!=|<<|>>|&&|\|\||\+:|-:|.)
""", re.VERBOSE | re.DOTALL)
SWAPS = {"+": "-", "-": "+", "*": "+", "&": "|", "|": "&", "^": "|", "==": "!=", "!=": "==", "<": "<=", "<=": "<",
         ">": ">=", ">=": ">", "&&": "||", "||": "&&", "<<": ">>", ">>": "<<", ">>>": ">>", "!": "", "~": ""}
DECLARATION = re.compile(r"^(?:input|output)?\s*(?:var)?\s*logic\s+(?:signed\s+)?((?:\[[^\]]*\]\s*)*)(.*)$", re.DOTALL)
MEMORY = re.compile(r"logic\s+(?:\[[^\]]*\]\s*)?(\w+)\s*\[[^\]:]*\]\s*(?:/\*.*?\*/\s*)?;")
PART = re.compile(r"\w+\[[^\]]*\+:\s*(\w+)\]$")  # of a vector
OPEN, CLOSE = "([{", ")]}"
MODULE, STATEMENT = range(2)


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Mutant:
    """`place` is what the schema wraps: an expression, or a whole statement if `after` is one. The text of its
    first line, of which it is the nth in the file, finds it again when lines have moved."""
    file: str
    line: int
    at: str
    nth: int
    what: str
    place: tuple  # start and end in the source
    before: str
    after: str
    is_statement: bool = False

    def entry(self):
        return dict(file=self.file, at=self.at, nth=self.nth, original=" ".join(self.before.split()),
                    mutated=" ".join(self.after.split()))


class Source:
    """The mutants of one file of modules."""

    def __init__(self, file, text):
        self.file, self.text, self.mutants = file, text, []
        self.tokens = [Token(m.lastgroup, m.group(), m.start(), m.end()) for m in TOKEN.finditer(text)
                       if m.lastgroup != "space"]
        self.vectors, self.scalars = set(), set()
        self.declarations()
        self.memories = set(MEMORY.findall(re.sub(r"//[^\n]*", "", text)))
        self.at = 0
        while self.at < len(self.tokens):
            self.item()

    # Reading

    def now(self, ahead=0):
        return self.tokens[self.at + ahead].text if self.at + ahead < len(self.tokens) else ""

    def closing(self, i):
        """The index of the bracket that closes the one at i."""
        depth = 0
        for k in range(i, len(self.tokens)):
            depth += (self.tokens[k].text in OPEN) - (self.tokens[k].text in CLOSE)
            if depth == 0:
                return k
        raise ValueError(f"{self.file}: a bracket is not closed")

    def until(self, *ends):
        """From here to the first of `ends` outside brackets: its index."""
        k = self.at
        while self.tokens[k].text not in ends:
            k = self.closing(k) + 1 if self.tokens[k].text in OPEN else k + 1
        return k

    def declarations(self):
        code = re.sub(r"//[^\n]*", "", self.text)
        for part in re.split(r"[;]|,(?=\s*(?:input|output))|\((?=\s*(?:input|output))|\)\s*;", code):
            found = DECLARATION.match(part.strip())
            if found is None:
                continue
            for name in re.findall(r"(?:^|,)\s*(\w+)\s*(?=,|$|\))", found.group(2).strip()):
                (self.vectors if found.group(1).strip() else self.scalars).add(name)

    def item(self):
        """One item of a module, or a part of one."""
        word = self.now()
        if word == "assign":
            self.at += 1
            self.assignment(start=self.at - 1)
        elif word in ("always_comb", "always_ff"):
            self.at += 1
            if self.now() == "@":
                self.at = self.closing(self.at + 1) + 1
            self.statement()
        elif word in ("for", "if") or word == "#":
            self.at = self.closing(self.at + 1) + 1
        elif word == "module":
            self.at = self.until(";") + 1
        elif word in ("localparam", "logic", "typedef", "genvar", "integer"):
            self.at = self.until(";") + 1
        elif word == "." and self.now(2) == "(":
            end = self.closing(self.at + 2)
            if self.now(1).endswith("_i") and self.now(1) not in ("clk_i", "rst_ni"):
                self.expression(self.at + 3, end)
            self.at = end + 1
        else:
            self.at += 1

    def statement(self):
        word = self.now()
        if word == "begin":
            self.at += 3 if self.now(1) == ":" else 1
            while self.now() != "end":
                self.statement()
            self.at += 1
        elif word == "if":
            end = self.closing(self.at + 1)
            self.condition(self.at + 2, end)
            self.at = end + 1
            self.statement()
            if self.now() == "else":
                self.at += 1
                self.statement()
        elif word in ("case", "casez"):
            end = self.closing(self.at + 1)
            self.expression(self.at + 2, end)
            self.at = end + 1
            while self.now() != "endcase":
                self.at = self.until(":") + 1
                self.statement()
            self.at += 1
        elif word == "for":
            self.at = self.closing(self.at + 1) + 1
            self.statement()
        elif word in ("logic", "integer", "int", "automatic", ";"):
            self.at = self.until(";") + 1
        else:
            self.assignment()

    def assignment(self, start=None):
        continuous = start is not None
        begin = start if continuous else self.at
        equals = self.until("=", "<=")
        target = self.text[self.tokens[self.at].start:self.tokens[equals - 1].end]
        self.at = equals
        end = self.until(";")
        self.at = end + 1
        if "unused" in target:
            return
        whole = (self.tokens[begin].start, self.tokens[end].end)
        statement = self.text[slice(*whole)]
        procedural = statement.removeprefix("assign").strip()
        operator = self.tokens[equals].text
        if operator == "<=":
            self.add("dropped", whole, "", is_statement=True)
        if target in self.vectors | self.scalars and end - equals > 2:
            chosen = zlib.crc32(f"{self.file} {procedural}".encode())  # one of the four, always the same
            bit = ("[0]", f"[$bits({target})-1]")[chosen & 1] if target in self.vectors else ""
            stuck = f"begin {procedural} {target}{bit} {operator} 1'b{chosen >> 1 & 1}; end"
            self.add("stuck bit", whole, stuck, is_statement=True)
        self.narrowed(target, equals + 1, end)
        self.stray(target, whole, statement)
        self.expression(equals + 1, end)

    # Mutating

    def faults(self, original, mutated, what):
        """The mutant that somebody has thought of: an expression, or a statement with its `;`. It must stand in the
        file as it is given, its first place counts; none: an empty list."""
        start = self.text.find(original)
        if start < 0:
            return []
        line = self.text.count("\n", 0, start)
        return [Mutant(self.file, line + 1, " ".join(self.text.split("\n")[line].split()), 1, what,
                       (start, start + len(original)), original, mutated, original.endswith(";"))]

    def add(self, what, place, after, is_statement=False):
        line = self.text.count("\n", 0, place[0])
        lines = [" ".join(text.split()) for text in self.text.split("\n")]
        nth = lines[:line + 1].count(lines[line])
        self.mutants.append(Mutant(self.file, line + 1, lines[line], nth, what, place, self.text[slice(*place)], after,
                                   is_statement))

    def narrowed(self, target, begin, end):
        """As if the variable had half its bits: counters and addresses wrap too early."""
        part = PART.match(target)
        bits = f"$bits({target})" if target in self.vectors else part.group(1) if part else None
        if bits is None or bits == "1" or end - begin < 3:
            return
        place = (self.tokens[begin].start, self.tokens[end - 1].end)
        self.add("narrowed", place, f"({self.text[slice(*place)]}) & ({{({bits}){{1'b1}}}} >> (({bits}) / 2))")

    def stray(self, target, place, statement):
        """A write of a memory that changes a second place of it."""
        name, bracket, index = target.partition("[")
        if not bracket or name not in self.memories:
            return
        second = statement.replace(target, f"{name}[({index[:-1]}) ^ 8]", 1)
        self.add("stray write", place, f"begin {statement} {second} end", is_statement=True)

    def condition(self, begin, end):
        place = (self.tokens[begin].start, self.tokens[end - 1].end)
        for what, constant in (("always", "1'b1"), ("never", "1'b0")):
            self.add(what, place, constant)
        self.add("condition negated", place, f"!({self.text[slice(*place)]})")
        self.expression(begin, end)

    def replace(self, what, begin, end, start, stop, new):
        """Of the expression from token `begin` to `end`: with what stands from start to stop replaced."""
        place = (self.tokens[begin].start, self.tokens[end - 1].end)
        self.add(what, place, self.text[place[0]:start] + new + self.text[stop:place[1]])

    def constant_tokens(self, begin, end):
        """Indices of what must stay constant: ranges, widths of part selects, casts and repetitions."""
        constant, cast = set(), set()
        for k in range(begin, end):
            text = self.tokens[k].text
            if text == "[":
                close = self.closing(k)
                inner = range(k + 1, close)
                for colon in (i for i in inner if self.tokens[i].text in (":", "+:", "-:")):
                    if not any(self.tokens[i].text == "?" for i in inner):
                        constant.update(inner if self.tokens[colon].text == ":" else range(colon, close))
                if all(self.is_parameter(i) for i in inner) and any(self.tokens[i].kind == "name" for i in inner) \
                        or self.tokens[close + 1].text == ".":  # one of the blocks that generate has made
                    constant.update(inner)
            elif text == "{" and k > begin and self.tokens[k - 1].text not in ("{", ",", "(", "?", ":", "=") \
                    and self.tokens[k - 1].kind != "operator" or \
                    text == "{" and k > begin and self.tokens[k - 1].text == ")":
                i, depth = k - 1, 0
                while depth or self.tokens[i].text != "{":
                    depth += (self.tokens[i].text in CLOSE) - (self.tokens[i].text in OPEN)
                    i -= 1
                constant.update(range(i + 1, k))
            elif text == "'" and self.tokens[k + 1].text == "(":
                i, depth = k - 1, (self.tokens[k - 1].text == ")")
                while depth:
                    i -= 1
                    depth += (self.tokens[i].text == ")") - (self.tokens[i].text == "(")
                constant.update(range(i, k))
                cast.update(range(k + 2, self.closing(k + 1)))
        return constant, cast

    def is_parameter(self, k):
        token = self.tokens[k]
        return token.kind != "name" or token.text.split("::")[-1][0].isupper()

    def expression(self, begin, end):
        constant, cast = self.constant_tokens(begin, end)
        for k in range(begin, end):
            token = self.tokens[k]
            if k in constant:
                continue
            before = self.tokens[k - 1] if k > begin else None
            binary = before is not None and (before.kind != "operator" or before.text in CLOSE)
            if token.text in ("-", "+", "*") and not binary:
                continue
            if token.text in SWAPS and token.kind == "operator":
                swapped = SWAPS[token.text]
                if not binary and token.text == "^":
                    swapped = "&"
                self.replace(f"{token.text} to {swapped or 'nothing'}", begin, end, token.start, token.end, swapped)
            elif token.text == "?":
                start = self.tokens[self.start_of_condition(begin, k)].start
                stop = self.tokens[k - 1].end
                self.replace("?: negated", begin, end, start, stop, f"!({self.text[start:stop]})")
            elif token.kind in ("number", "based"):
                for new in off_by_one(token.text):
                    self.replace("constant", begin, end, token.start, token.end, new)
            elif k in cast and token.kind == "name" and self.is_parameter(k):
                for new in (f"({token.text} + 1)", f"({token.text} - 1)"):
                    self.replace("constant", begin, end, token.start, token.end, new)

    def start_of_condition(self, begin, k):
        depth = 0
        while k > begin:
            text = self.tokens[k - 1].text
            if depth == 0 and (text in OPEN or text in (",", "?", ":")):
                break
            depth += (text in CLOSE) - (text in OPEN)
            k -= 1
        return k


def off_by_one(literal):
    if literal in ("'0", "'1"):
        return ["'1" if literal == "'0" else "'0"]
    base = re.match(r"(\d*'[sS]?([bodhBODH]))([0-9a-fA-F_]+)$", literal)
    if base is None:
        return [str(int(literal) + 1)] + ([str(int(literal) - 1)] if int(literal) > 0 else []) \
            if literal.isdigit() else []
    radix = {"b": 2, "o": 8, "d": 10, "h": 16}[base.group(2).lower()]
    value = int(base.group(3), radix)
    width = int(base.group(1).split("'")[0] or 32)
    form = {2: "b", 8: "o", 10: "d", 16: "x"}[radix]
    return sorted({f"{base.group(1)}{(value + step) % 2 ** width:{form}}" for step in (1, -1)})


def schema(source, numbered, selector):
    """The text of `source` with the mutants of `numbered` (number -> mutant), each alive when `selector` is its
    number."""
    places = {}
    for number, mutant in numbered.items():
        places.setdefault(mutant.place, []).append((number, mutant))
    edits = []  # position, order, text: the inner of two places that begin or end together lies within
    for (start, end), mutants in places.items():
        text = source.text[start:end]
        inner = [m for m in mutants if not m[1].is_statement]
        outer = [m for m in mutants if m[1].is_statement]
        if inner:
            head = "".join(f"{selector} == {n} ? ({m.after}) : " for n, m in inner)
            edits += [(start, 1, f"({head}("), (end, -1, "))")]
        if outer:
            continuous = text.startswith("assign")
            head = "".join(f"if ({selector} == {n}) begin {m.after} end else " for n, m in outer)
            edits += [(start, 0, ("always_comb " if continuous else "") + "begin " + head + "begin "),
                      (end, 0, " end end")]
            if continuous:
                edits.append((start, 2, None))  # the word `assign` goes
    result, at = [], 0
    for position, _, text in sorted(edits, key=lambda e: e[:2]):
        result.append(source.text[at:position])
        at = position
        if text is None:
            at += len("assign")
        else:
            result.append(text)
    return "".join(result) + source.text[at:]
