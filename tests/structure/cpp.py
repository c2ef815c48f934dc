"""Reads C++ well enough to find functions: their names, parameters and lines.

No compiler: comments and literals are blanked, then braces matched. It knows the style of this project
(clang-format's), and macros only as functions with arguments (`TEST(Suite, name) {`).
"""
import re
from dataclasses import dataclass

_TOKENS = re.compile(
    r"""//[^\n]*|/\*.*?\*/                                    # comments
    |R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"                       # raw strings
    |"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'  # literals, and no separators of digits
    |^[ \t]*\#(?:\\\n|[^\n])*                                 # preprocessor
    """, re.VERBOSE | re.DOTALL | re.MULTILINE)
_ATTRIBUTES = re.compile(r"\[\[[^\]]*\]\]|__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|\balignas\([^()]*\)")
_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum)\b")
_TYPE_NAME = re.compile(r"\b(?:class|struct|union)\s+([\w:]+)")
_CONTROL = {"if", "for", "while", "switch", "catch", "return", "sizeof", "alignas", "decltype", "noexcept",
            "static_assert", "defined", "using", "typedef", "__attribute__", "requires"}
_NAME = re.compile(r"(?:\w+(?:<[^<>()]*>)?::)*(?:operator\s*(?:\(\)|\[\]|\w+|[^\s\w(]+)|~?\w+)$")


@dataclass
class Function:
    """A function as it is declared or defined; `owner` is the type it is a member of, or ""."""
    owner: str
    name: str
    parameters: list
    line: int      # where its declaration begins
    opening: int   # line of its opening brace, 0 where it is only declared
    closing: int   # and of its closing brace
    tail: str      # what stands between its parameters and its body or semicolon

    @property
    def title(self):
        return f"{self.owner}::{self.name}" if self.owner else self.name

    @property
    def lines(self):
        return self.closing - self.opening + 1 if self.opening else 0


def _blank(found):
    return re.sub(r"[^\n]", " ", found.group())


def code(text):
    """The text with comments, literals, attributes and preprocessor lines blanked: same length, same lines."""
    text = _TOKENS.sub(_blank, text)
    return _ATTRIBUTES.sub(_blank, text)


def _closing(text, start, opening, closing):
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
    raise ValueError(f"no {closing} for the {opening} at {start}")


def split_parameters(text):
    """The parameters of a list without its parentheses; commas inside brackets do not count."""
    parts, depth, begin = [], 0, 0
    for at, sign in enumerate(text):
        if sign in "([{<":
            depth += 1
        elif sign in ")]}" or (sign == ">" and text[at - 1] != "-"):
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    last = text[begin:].strip()
    return parts + [last] if last and last != "void" else parts


def _head(text):
    """Name, parameters and the rest of what may begin a function; None where it does not."""
    for found in re.finditer(r"\(", text):
        before = text[:found.start()].rstrip()
        if before.endswith("operator"):  # operator()
            continue
        name = _NAME.search(before)
        if name is None or before.rsplit(None, 1)[-1].lstrip(":") in _CONTROL:
            return None
        if re.search(r"(?<![=!<>])=(?!=)", before.replace(name.group(), "")):
            return None
        closing = _closing(text, found.start(), "(", ")")
        qualified = re.sub(r"<[^<>]*>", "", name.group().strip())
        if qualified.split("::")[-1] in _CONTROL:
            return None
        rest = text[closing + 1:].strip()
        if before == name.group().strip() or re.search(r"[\w>&*\]\s]", before[:name.start() + 1]):
            return qualified, split_parameters(text[found.start() + 1:closing]), rest
        return None
    return None


class _Reader:
    def __init__(self, text):
        self.text, self.found = code(text), []

    def line(self, at):
        return self.text.count("\n", 0, at) + 1

    def add(self, owner, begin, end, body=None):
        head = self.text[begin:end]
        stripped = re.sub(r"^\s*(?:(?:public|private|protected)\s*:\s*)*", "", head)
        stripped = re.sub(r"^template\s*<(?:[^<>]|<[^<>]*>)*>\s*", "", stripped)
        if re.match(r"(?:using|typedef|extern|static_assert)\b" + ("|friend\\b" if body is None else ""), stripped):
            return None
        parsed = _head(stripped)
        if parsed is None:
            return None
        qualified, parameters, rest = parsed
        *scopes, name = qualified.split("::")
        begin_of_head = begin + len(head) - len(stripped)
        self.found.append(Function(
            scopes[-1] if scopes else owner, name, parameters, self.line(begin_of_head),
            self.line(body[0]) if body else 0, self.line(body[1]) if body else 0, rest))
        return self.found[-1]

    def initialisers_end(self, begin, at):
        """Whether the brace at `at` belongs to a member's initialiser in a constructor's list."""
        return re.search(r"\)\s*(?:noexcept\s*)?:(?!:)", self.text[begin:at]) and re.search(
            r"[\w>]\s*$", self.text[begin:at]) and not re.search(r"\b(?:const|noexcept|override)\s*$", self.text[begin:at])

    def read(self, begin, end, owner):
        """What stands between two braces of a namespace or a type."""
        start = at = begin
        while at < end:
            sign = self.text[at]
            if sign == "(":
                at = _closing(self.text, at, "(", ")")
            elif sign == ";":
                self.add(owner, start, at)
                start = at + 1
            elif sign == "{":
                closing = _closing(self.text, at, "{", "}")
                head = self.text[start:at]
                plain = re.sub(r"template\s*<(?:[^<>]|<[^<>]*>)*>", "", re.sub(r"\([^()]*\)", "()", head))
                if self.initialisers_end(start, at):
                    pass
                elif self.add(owner, start, at, (at, closing)):
                    start = closing + 1
                elif _SCOPE.search(plain) and "(" not in plain and "=" not in plain:
                    name = _TYPE_NAME.search(plain)
                    if not re.search(r"\benum\b", plain):
                        self.read(at + 1, closing, name.group(1).split("::")[-1] if name else owner)
                    if name:
                        closing = self.text.index(";", closing)
                    start = closing + 1
                at = closing
            at += 1


def functions(text):
    """All functions that a file declares or defines, those of its types too."""
    reader = _Reader(text)
    reader.read(0, len(reader.text), "")
    return reader.found
