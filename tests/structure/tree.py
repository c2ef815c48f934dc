"""The files of the source tree, as every structure check sees them.

A Tree lists what belongs to the project: what .gitignore names is left out (the plain forms that the
project uses: /folder/, /file and name/), and so is .git.
"""
import os
from pathlib import Path


class Tree:
    """The project below `root`; paths are relative to it, with forward slashes, sorted."""

    def __init__(self, root):
        self.root = Path(root)
        self._ignored_here, self._ignored_anywhere = {".git"}, set()
        ignore_file = self.root / ".gitignore"
        for line in ignore_file.read_text(encoding="utf-8").splitlines() if ignore_file.exists() else []:
            line = line.strip()
            if line.startswith("/"):
                self._ignored_here.add(line.strip("/"))
            elif line and not line.startswith("#"):
                self._ignored_anywhere.add(line.strip("/"))
        self.files = sorted(self._walk())

    def _ignored(self, path):
        return path in self._ignored_here or os.path.basename(path) in self._ignored_anywhere

    def _walk(self):
        for folder, subfolders, names in os.walk(self.root):
            here = os.path.relpath(folder, self.root).replace(os.sep, "/")
            prefix = "" if here == "." else here + "/"
            subfolders[:] = [s for s in subfolders if not self._ignored(prefix + s)]
            yield from (prefix + n for n in names if not self._ignored(prefix + n))

    def top_level(self):
        """Names of the top level that hold at least one file (git knows no empty folders)."""
        return sorted({path.split("/")[0] for path in self.files})

    def text(self, path):
        """Content of a text file; bytes that are no UTF-8 are replaced."""
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def with_suffix(self, *suffixes):
        return [path for path in self.files if path.endswith(suffixes)]
