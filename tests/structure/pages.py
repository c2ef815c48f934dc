"""Checks of the Markdown pages: what they point to is there.

Each check takes a Tree and yields findings as text; no finding means that it holds.
"""
import posixpath
import re

# Files that a page may name without a folder, because a name like this is a file of the tree or generated.
_NAME = re.compile(r"[\w-]+(\.schema\.json|\.(cpp|hpp|sv|py|sh|md|cmake))")
GENERATED = {"isa_generated.hpp", "isa_pkg.sv"}
_PATH = re.compile(r"(\.?[\w-]+/)+(\.?[\w-]+(\.\w+)*)?")
_NOT_OF_THE_TREE = {"build", "results"}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def _prose(text):
    """Numbered lines of a page outside fenced and indented blocks of code."""
    fenced, before = False, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not (line.startswith("    ") and before.strip() == ""):
            yield number, line
            before = line
        # in an indented block the line before stays blank, so that the whole block is left out


def _anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = (line.lstrip("#").strip() for _, line in _prose(text) if re.match(r"#+ ", line))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _exists(tree, folders, target):
    """A file, a folder, or a module: files that differ only in how they end."""
    return target in folders or target in tree.files or any(path.startswith(target + ".") for path in tree.files)


def _broken_link(tree, folders, page, link):
    """What is wrong with a link of this page, or None."""
    if re.match(r"[a-z]+:", link):
        return None
    path, _, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    if not _exists(tree, folders, target):
        return f"link to {path}, which is not there"
    if anchor and target.endswith(".md") and anchor not in _anchors(tree.text(target)):
        return f"link to {link}: {target} has no such heading"
    return None


def _broken_name(tree, folders, page, code):
    """What is wrong with a path or file name that a page has in backticks, or None."""
    if _NAME.fullmatch(code):
        if code not in GENERATED and code not in {posixpath.basename(path) for path in tree.files}:
            return f"`{code}`: no file has this name"
        return None
    first, slash, _ = code.partition("/")
    if not _PATH.fullmatch(code) or not slash or first in _NOT_OF_THE_TREE or first != first.lower():
        return None
    # Without an ending, and not below a folder of the top level, it may be anything: `iadd/isub`, `clocked/`.
    if first not in folders and "." not in posixpath.basename(code):
        return None
    below = posixpath.join(posixpath.dirname(page), code)
    if not any(_exists(tree, folders, posixpath.normpath(path)) for path in (code, below)):
        return f"`{code}`: not there, neither from the root of the tree nor from the page"
    return None


def links(tree):
    """Every relative link of a page leads somewhere; every path or file name in backticks is one of the tree."""
    folders = {"."}
    for path in tree.files:
        while path:
            path = posixpath.dirname(path)
            folders.add(path or ".")
    for page in tree.with_suffix(".md"):
        for number, line in _prose(tree.text(page)):
            found = [_broken_link(tree, folders, page, link) for link in _LINK.findall(_CODE.sub("", line))]
            found += [_broken_name(tree, folders, page, code) for code in _CODE.findall(line)]
            for finding in found:
                if finding:
                    yield f"{page}:{number}: {finding}"


# Folders whose modules are named in a page of their own.
_HOUSE = ("isa/", "models/", "compiler/", "sim/", "rtl/")


def modules(tree):
    """Every folder of sources has a README that names each of its modules, in backticks."""
    folders = {}
    for path in tree.with_suffix(".hpp", ".cpp", ".sv"):
        if path.startswith(_HOUSE):
            folder, _, name = path.rpartition("/")
            folders.setdefault(folder, set()).add(name.rpartition(".")[0])
    for folder, names in folders.items():
        page = folder + "/README.md"
        if page not in tree.files:
            yield f"{folder}: has no README"
            continue
        code = " ".join(re.findall(r"`[^`\n]+`", tree.text(page)))
        for name in sorted(names):
            if not re.search(rf"(?<![\w-]){name}(?![\w-])", code):
                yield f"{page}: does not name {name}"
