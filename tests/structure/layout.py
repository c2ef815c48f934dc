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
# The wings of the folders that have some, and what a file of a wing may include of its own folder besides
# its wing: wings further down. What stands outside the wings may include all of them.
WINGS = {
    "compiler": {
        "input": set(),
        "onnx": {"input"},
        "instructions": set(),
        "graph": {"input", "instructions"},
        "schedule": {"instructions"},
        "lowering": {"graph", "instructions", "input"},
        "collective": {"schedule", "instructions", "input"},
        "memory": {"graph", "instructions", "input"},
        "parallel": {"memory", "lowering", "collective", "schedule", "graph", "instructions", "input"},
    },
    "sim": {
        "host": set(),
        "rtl": set(),
        "data": {"host"},
        "configuration": {"data", "host", "rtl"},
        "engines": {"configuration", "rtl", "data", "host"},
        "cost": {"configuration", "data", "host", "rtl"},
        "trace": {"cost", "configuration", "data", "host", "rtl"},
        "verify": {"engines", "rtl", "host"},
        "training": {"engines", "cost", "trace", "configuration", "data", "host", "rtl"},
        "sweep": {"training", "engines", "cost", "trace", "configuration", "data", "host", "rtl"},
    },
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


def wings(tree):
    """Within a folder that has wings, includes run one way only; no wing includes what stands outside them."""
    for path in tree.with_suffix(".hpp", ".h", ".cpp"):
        folder, _, below = path.partition("/")
        wing = below.split("/")[0] if "/" in below else None
        if folder not in WINGS or wing is None:
            continue
        if wing not in WINGS[folder]:
            yield f"{path}: {folder}/ has no wing {wing}"
            continue
        for used, target in _included(tree, path):
            if used != folder:
                continue
            other = target.split("/")[1] if target.count("/") > 1 else None
            if other != wing and other not in WINGS[folder][wing]:
                yield f"{path}: {folder}/{wing} must not include {target}"


def _circle(graph):
    """A list of nodes of which each leads to the next and the last to the first; None where there is none."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):]
        if node in done:
            return None
        path.append(node)
        found = next(filter(None, map(visit, sorted(graph.get(node, ())))), None)
        path.pop()
        done.add(node)
        return found

    return next(filter(None, map(visit, sorted(graph))), None)


def circles(tree):
    """No header includes itself by way of others."""
    graph = {path: {target for _, target in _included(tree, path)} for path in tree.with_suffix(".hpp", ".h")}
    found = _circle(graph)
    if found:
        yield f"{found[0]}: includes itself: {' -> '.join(found + found[:1])}"


def guards(tree):
    """Headers have a guard. Fragments, *-inl.hpp, have none: a source of their folder puts them into its namespace."""
    for path in tree.with_suffix(".hpp", ".h", ".cpp"):
        folder = path.rpartition("/")[0]
        if path.endswith((".hpp", ".h")):
            guarded = re.search(r"^#pragma once$", tree.text(path), re.MULTILINE) is not None
            if guarded == path.endswith("-inl.hpp"):
                yield f"{path}: a fragment with a guard" if guarded else f"{path}: a header without `#pragma once`"
        for _, target in _included(tree, path):
            if not target.endswith("-inl.hpp"):
                if path.endswith("-inl.hpp"):
                    yield f"{path}: a fragment must not include {target}: its sources do"
            elif target.rpartition("/")[0] != folder or not path.endswith((".cpp", "-inl.hpp")):
                yield f"{path}: {target} is a fragment for the sources of its own folder"
