"""Checks of the functions of C++: how long, how many parameters, and where they are defined.

Each check takes a Tree and yields findings as text; no finding means that it holds.
"""
import ast
import re

import cpp

LINES = 60      # of a function, from its opening brace to its closing one
PARAMETERS = 6
FILE_LINES = 500  # soft: for the report only

# Headers whose functions are at home elsewhere, by design.
ELSEWHERE = {
    "models/kernels/kernels.hpp": "a set of kernels each: generic.cpp, avx2.cpp, avx512.cpp, for processors of their own",
    "sim/host/embedded.hpp": "the build writes its source",
    "sim/host/version.hpp": "the build writes its source",
}


def _functions(tree):
    """Pairs of path and functions, read once a tree."""
    if not hasattr(tree, "functions"):
        tree.functions = [(path, cpp.functions(tree.text(path))) for path in tree.with_suffix(".hpp", ".h", ".cpp")]
    return tree.functions


def function_lines(tree):
    """No function of C++ is longer than 60 lines."""
    for path, functions in _functions(tree):
        for function in functions:
            if function.lines > LINES:
                yield (f"{path}: {function.title}: {function.lines} lines, the limit is {LINES}: "
                       "look for the second idea in it")


def parameters(tree):
    """No function of C++ has more than six parameters, constructors included."""
    for path, functions in _functions(tree):
        for function in functions:
            if len(function.parameters) > PARAMETERS:
                yield (f"{path}: {function.title}: {len(function.parameters)} parameters, the limit is {PARAMETERS}: "
                       "some of them are one thing")


def _is_declared_only(function):
    """A declaration of something that is defined elsewhere: no macro, no member that holds a function."""
    return (not function.opening and not re.fullmatch(r"[A-Z]+(_[A-Z]+)+", function.name)
            and re.match(r"(?:const\b|noexcept\b|override\b|final\b|->|&|$)", function.tail)
            and not re.search(r"=\s*(?:0|default|delete)$", function.tail))


def at_home(tree):
    """What x.hpp declares is defined there or in x.cpp beside it."""
    def key(function):
        return function.owner, function.name, len(function.parameters)

    defined = {path: {key(f) for f in functions if f.opening or f.tail.endswith("= default")}
               for path, functions in _functions(tree)}

    for path, functions in _functions(tree):
        stem, _, suffix = path.rpartition(".")
        if suffix == "cpp" or path in ELSEWHERE:
            continue
        here = defined[path] | defined.get(stem + ".cpp", set())
        for function in functions:
            if _is_declared_only(function) and key(function) not in here:
                yield f"{path}: {function.title}: is not defined in the source of this header"


def _python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def report(tree):
    """What is long, longest first, for whoever looks for a second idea: lines of text, no findings."""
    long = []
    for path in tree.with_suffix(".hpp", ".h", ".cpp", ".sv", ".svh", ".py", ".sh", ".cmake", "CMakeLists.txt"):
        lines = len(tree.text(path).splitlines())
        if lines > FILE_LINES:
            long.append((lines, path))
    for path in tree.with_suffix(".py"):
        long += [(lines, f"{path}: {name}") for name, lines in _python_functions(tree.text(path)) if lines > LINES]
    yield f"files of more than {FILE_LINES} lines, functions of Python of more than {LINES}: {len(long)}"
    yield from (f"{lines:6} {what}" for lines, what in sorted(long, reverse=True))
    longest = sorted(((f.lines, f"{path}: {f.title}") for path, functions in _functions(tree) for f in functions),
                     reverse=True)[:10]
    yield f"longest functions of C++, of {LINES} lines allowed:"
    yield from (f"{lines:6} {what}" for lines, what in longest)
