"""Checks of the house: which folders there are, and which may use which.

Each check takes a Tree and yields findings as text; no finding means that it holds.
"""
import re

TOP_LEVEL = {
    "CMakeLists.txt", "rtl", "sim", "models", "isa", "compiler", "workloads", "tests", "scripts", "README.md",
    ".ci", "CMakePresets.json", ".clang-format", ".clang-tidy", ".gitignore", "LICENSE",
}

# What a folder may include and link, besides what is generated from `isa`.
MAY_USE = {
    "isa": {"isa"},
    "models": {"isa", "models"},
    "compiler": {"isa", "models", "compiler"},
    "sim": {"isa", "models", "compiler", "sim"},
    "rtl": set(),
    "tests": {"isa", "models", "compiler", "sim", "tests"},
}
FOLDERS = set(MAY_USE) | {"workloads", "scripts"}

_INCLUDE = re.compile(r'^\s*[#`]\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
_LIBRARY = re.compile(r"\banzan_(isa|models|compiler|sim)\b")


def top_level(tree):
    """The top level holds exactly what the project's plan names."""
    for name in sorted(set(tree.top_level()) - TOP_LEVEL):
        yield f"{name}: does not belong on the top level"
    for name in sorted(TOP_LEVEL - set(tree.top_level())):
        yield f"{name}: missing from the top level"


def _included(tree, path):
    """The includes of a file that concern the project: pairs of (folder or None, target)."""
    for quote, target in _INCLUDE.findall(tree.text(path)):
        first, slash, _ = target.partition("/")
        if slash and first in FOLDERS:
            yield first, target
        elif quote == '"' or first == "..":
            yield None, target


def layers(tree):
    """isa <- models <- compiler <- sim; rtl includes nothing of the project; nothing includes workloads.

    Includes are written from the root of the tree; quotes are for the project's own headers.
    """
    for path in tree.with_suffix(".hpp", ".h", ".cpp", ".sv", ".svh"):
        folder = path.split("/")[0]
        for used, target in _included(tree, path):
            if used is None:
                yield f'{path}: include "{target}" is not written from the root of the tree'
            elif used not in MAY_USE.get(folder, set()):
                yield f"{path}: {folder} must not include {target}"
    for path in tree.files:
        folder = path.split("/")[0]
        if path.endswith(("CMakeLists.txt", ".cmake")) and folder in MAY_USE:
            for library in sorted(set(_LIBRARY.findall(tree.text(path))) - MAY_USE[folder]):
                yield f"{path}: {folder} must not use anzan_{library}"
