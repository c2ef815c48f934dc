"""Checks of what stands in the files: opening comments, words, JSON, formatting.

Each check takes a Tree and yields findings as text; no finding means that it holds.
"""
import itertools
import json
import re
import shutil
import subprocess
import sys

CLANG_FORMAT = 14  # Debian 12's; others break lines elsewhere


def _opening(path, lines):
    """Whether a file of this kind opens with a comment; None where there is nothing to ask."""
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
        if not path.endswith(".py"):
            return lines[:1] != [] and re.match(r"# \w", lines[0]) is not None
    first = lines[0] if lines else ""
    if path.endswith((".hpp", ".h", ".cpp", ".sv", ".svh")):
        return re.match(r"(//|/\*) \w", first) is not None
    if path.endswith(".py"):
        return re.match(r'r?"""\s*\S|# \w', first) is not None
    if path.endswith((".sh", ".cmake", "CMakeLists.txt")):
        return re.match(r"# \w", first) is not None
    if path.endswith(".md"):
        return re.match(r"# \S|<!-- ", first) is not None
    return None


def _says(lines):
    """What the comment that a source opens with says."""
    comments = [re.match(r"(?://|# |/\*|r?\"\"\")\s*(.*)", line) for line in lines if not line.startswith("#!")]
    return " ".join(c.group(1) for c in itertools.takewhile(bool, comments)).strip()


def openings(tree):
    """Every source, script and page opens with what it is, and not only with where to read that."""
    for path in tree.files:
        lines = tree.text(path).splitlines()
        says = _opening(path, lines)
        if says is False:
            yield f"{path}: does not open with a comment that says what it is"
        elif says and re.fullmatch(r"[Ss]ee [\w./`-]+(\s*\*/|\"\"\")?", _says(lines)):
            yield f"{path}: its opening only points away: say how it does it, or what is in it"


# The words are put together from halves so that this file does not find itself.
FORBIDDEN = {
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b": "unfinished work",
    r"""(?<![\w.})$*\]-])/(wo""" r"""rk|ro""" r"""ot|ho""" r"""me|t""" r"""mp)(?=[/\s"'`),;]|$)""": "a path of one machine",
    r"\.\./sha" r"red\b|\bDESI" r"GN\.md\b|\bSTY" r"LE\.md\b": "a page outside the tree",
    r"(?i)\b(is" r"sue|tic" r"ket) #?\d": "a ticket number",
}


def wording(tree):
    """No unfinished work, no paths of one machine, no references outside the tree, no ticket numbers."""
    rules = [(re.compile(pattern, re.MULTILINE), meaning) for pattern, meaning in FORBIDDEN.items()]
    for path in tree.files:
        if path == "LICENSE":
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            for rule, meaning in rules:
                found = rule.search(line)
                if found:
                    yield f'{path}:{number}: "{found.group().strip()}": {meaning}'


def _unique_keys(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f'key "{key}" stands twice')
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def workloads(tree):
    """workloads/ holds JSON and pages only; every JSON file there parses, each key once."""
    for path in tree.files:
        if not path.startswith("workloads/") or (path.endswith("/README.md") or (path.endswith(".md") and path.count("/") == 1)):
            continue
        if not path.endswith(".json"):
            yield f"{path}: workloads holds JSON and pages only"
            continue
        try:
            json.loads(tree.text(path), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
        except ValueError as error:
            yield f"{path}: {error}"


def formatter():
    """The program, and its major version; None and 0 where there is none."""
    program = shutil.which(f"clang-format-{CLANG_FORMAT}") or shutil.which("clang-format")
    if program is None:
        return None, 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)", said)
    return program, int(found[1]) if found else 0


def formatting(tree, fix=False):
    """Every C++ file is as clang-format writes it; with `fix` it is made so."""
    program, version = formatter()
    if program is None:
        yield "clang-format is missing (scripts/install.sh installs it)"
        return
    if version != CLANG_FORMAT:
        print(f"formatting: not checked: expected clang-format {CLANG_FORMAT}, found {version}", file=sys.stderr)
        return
    files = list(tree.with_suffix(".hpp", ".h", ".cpp"))
    if not files:
        return
    # one process for all: to start it takes longer than a file does
    command = [program, "--style=file", *(["-i"] if fix else ["--dry-run", "--Werror"]), *files]
    done = subprocess.run(command, cwd=tree.root, capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    wrong = dict.fromkeys(line.split(":")[0] for line in said.splitlines() if "[-Wclang-format-violations]" in line)
    for path in wrong:
        yield f"{path}: not formatted (scripts/format.sh)"
    if done.returncode != 0 and not wrong:
        yield f"clang-format: {said.strip()}"
