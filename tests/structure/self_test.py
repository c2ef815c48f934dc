"""Proves that every structure check can fail: on a small sound tree none finds anything, and each
change in BREAKS makes exactly the named check find something. The reader of C++ is held to a source of
its own."""
import contextlib
import tempfile
import unittest
from pathlib import Path

import content
import cpp
import functions
from check import CHECKS
from tree import Tree

content.CLANG_FORMAT = content.formatter()[1]  # any version will do for trees of its own

SOUND = {
    "CMakeLists.txt": "# The build.\nproject(sound)\n",
    "CMakePresets.json": "{}\n",
    "LICENSE": "Licence text\n",
    "README.md": "# Sound\n",
    ".ci/run": "#!/usr/bin/env bash\n# All tests.\n",
    ".clang-format": "BasedOnStyle: Google\n",
    ".clang-tidy": "Checks: '-*'\n",
    ".gitignore": "/build/\n__pycache__/\n",
    "build/junk.cpp": "int  junk;\n",
    "isa/__pycache__/junk.txt": "junk\n",
    "isa/CMakeLists.txt": "# The ISA.\nadd_library(anzan_isa a.cpp)\n",
    "isa/a.hpp": "// A header. See README.md.\n#pragma once\n#include <cstdint>\n",
    "isa/README.md": "# Page\n`a`\n",
    "models/CMakeLists.txt": "# Models.\ntarget_link_libraries(anzan_models PUBLIC anzan_isa)\n",
    "models/m.hpp": """// A model.
#pragma once
#include "isa/a.hpp"

class M {
 public:
  M() = default;
  explicit M(int a, std::map<int, int> b = {}) : a_{a} { a_ += 1; }
  virtual int pure(int a, int b, int c, int d, int e, int f) const = 0;
  template <class T, class U>
  int inline_too(T t, U u);
  int out_of_line(int a);
  friend bool operator<(const M& v, const M& w) { return v.a_ < w.a_; }

 private:
  std::function<int(int)> member_;
  int a_ = 0;
};

template <class T, class U>
int M::inline_too(T, U) {
  return 0;
}
""",
    "models/m.cpp": """// A model, its functions.
#include "models/m.hpp"

int M::out_of_line(int a) { return a; }
""",
    "models/README.md": "# Page\n`m`\n",
    "models/kernels/k.cpp": '// A set.\nnamespace {\n#include "models/kernels/f-inl.hpp"\n}  // namespace\n',
    "models/kernels/f-inl.hpp": "// A fragment.\ninline int f() { return 1; }\n",
    "models/kernels/README.md": "# Page\n`k` and `f-inl.hpp`\n",
    "compiler/README.md": "# Page\n`c.cpp`\n",
    "compiler/graph/README.md": "# Page\n| `g` | a graph |\n",
    "sim/README.md": "# Page\n`s.cpp`\n",
    "rtl/README.md": "# Page\n`r`\n",
    "compiler/c.cpp": '// A pass.\n#include "compiler/c.hpp"\n\n#include "compiler/graph/g.hpp"\n#include "models/m.hpp"\n',
    "compiler/graph/g.hpp": '// A wing.\n#pragma once\n#include "compiler/graph/h.hpp"\n#include "compiler/input/i.hpp"\n',
    "sim/s.cpp": '// A driver.\n#include <sys/stat.h>\n\n#include "compiler/c.hpp"\n',
    "rtl/r.sv": "// A block.\nmodule r; endmodule\n",
    "workloads/configs/w.json": '{"a": 1}\n',
    "workloads/RESULTS.md": "# Results\n\n[sound](../README.md#sound), [folder](configs), <https://example.org/a.md>\n"
                            "`isa/a.hpp` `a.hpp` `configs/w.json` `DIR/x.json` `isa_pkg.sv` `compiler/graph/`\n"
                            "`compiler/graph/g` `add/sub`\n\n"
                            "    `isa/gone.hpp` [gone](gone.md)\n",
    "tests/t.cpp": '// A test.\n#include "tests/t.hpp"\n\n#include "sim/s.hpp"\n',
    "tests/p.py": '#!/usr/bin/env python3\n"""A program."""\n',
    "scripts/x.sh": "#!/usr/bin/env bash\n# A script.\nmktemp -d\n",
}

# check: [(file, its new content; None removes it)]
BREAKS = {
    "top_level": [("extra.txt", "x\n"), ("docs/page.md", "# Page\n"), ("LICENSE", None), ("scripts/x.sh", None)],
    "layers": [
        ("isa/b.hpp", '// A header.\n#include "models/m.hpp"\n'),
        ("isa/b.hpp", "// A header.\n#  include <models/m.hpp>\n"),
        ("models/b.hpp", '// A header.\n#include "compiler/c.hpp"\n'),
        ("compiler/b.cpp", '// A pass.\n#include "sim/s.hpp"\n'),
        ("sim/b.cpp", '// A driver.\n#include "tests/t.hpp"\n'),
        ("sim/b.cpp", '// A driver.\n#include "workloads/w.hpp"\n'),
        ("sim/b.cpp", '// A driver.\n#include "s.hpp"\n'),
        ("sim/b.cpp", '// A driver.\n#include "../isa/a.hpp"\n'),
        ("tests/b.cpp", '// A test.\n#include "t.hpp"\n'),
        ("rtl/b.sv", '// A block.\n`include "isa/a.svh"\n'),
        ("isa/CMakeLists.txt", "# The ISA.\ntarget_link_libraries(anzan_isa PUBLIC anzan_models)\n"),
        ("compiler/CMakeLists.txt", "# Passes.\ntarget_link_libraries(anzan_compiler PUBLIC anzan_sim)\n"),
    ],
    "wings": [
        ("compiler/input/i.cpp", '// A wing.\n#include "compiler/graph/g.hpp"\n'),
        ("compiler/graph/h.cpp", '// A wing.\n#include "compiler/c.hpp"\n'),
        ("compiler/attic/a.hpp", "// A wing.\n"),
        ("sim/cost/c.hpp", '// A wing.\n#include "sim/trace/t.hpp"\n'),
        ("sim/host/h.cpp", '// A wing.\n#include "sim/s.hpp"\n'),
    ],
    "circles": [
        ("compiler/graph/h.hpp", '// A wing.\n#include "compiler/graph/g.hpp"\n'),
        ("isa/a.hpp", '// A header.\n#include "isa/a.hpp"\n'),
    ],
    "guards": [
        ("isa/b.hpp", "// A header.\n#include <cstdint>\n"),
        ("models/kernels/f-inl.hpp", "// A fragment.\n#pragma once\n"),
        ("models/kernels/f-inl.hpp", '// A fragment.\n#include "models/m.hpp"\n'),
        ("models/b.cpp", '// A model.\n#include "models/kernels/f-inl.hpp"\n'),
        ("models/kernels/b.hpp", '// A header.\n#pragma once\n#include "models/kernels/f-inl.hpp"\n'),
    ],
    "function_lines": [
        ("isa/b.hpp", "// A header.\nint f() {\n" + "  g();\n" * 59 + "}\n"),
        ("sim/b.cpp", "// A driver.\nnamespace {\nS::S(int a)\n    : a_{a} {\n" + "  g();\n" * 59 + "}\n}\n"),
        ("tests/b.cpp", "// A test.\nTEST(A, b) {\n" + "  EXPECT_EQ('{', '\"');\n" * 59 + "}\n"),
    ],
    "parameters": [
        ("isa/b.hpp", "// A header.\ninline void f(int a, int b, int c, int d, int e, int f, int g) {}\n"),
        ("isa/b.hpp", "// A header.\nstruct B {\n  B(A<1, 2> a, int b, int c, int d, int e, int f, int g) {}\n};\n"),
        ("sim/b.cpp", "// A driver.\ntemplate <class T>\nvoid f(int, int, int, int, int, int, int (*g)(int)) {}\n"),
    ],
    "at_home": [
        ("isa/b.hpp", "// A header.\nint f();\n"),
        ("isa/b.hpp", "// A header.\nstruct B {\n  explicit B(int a);\n};\n"),
        ("models/m.cpp", "// A model, moved.\n"),
        ("models/m.cpp", "// A model, another overload.\nint M::out_of_line(int a, int b) { return a + b; }\n"),
    ],
    "openings": [
        ("isa/b.hpp", "#pragma once\n"),
        ("isa/b.hpp", "//\n"),
        ("isa/b.hpp", ""),
        ("sim/b.cpp", "\n// Too late.\n"),
        ("rtl/b.sv", "module b; endmodule\n"),
        ("tests/b.py", "#!/usr/bin/env python3\nimport os\n"),
        ("scripts/b.sh", "#!/usr/bin/env bash\nset -e\n"),
        ("tests/CMakeLists.txt", "add_subdirectory(x)\n"),
        ("isa/README.md", "text\n"),
        (".ci/run", "#!/usr/bin/env bash\nset -e\n"),
        ("models/m.cpp", SOUND["models/m.cpp"].replace("A model, its functions", "See m.hpp")),
        ("tests/p.py", '#!/usr/bin/env python3\n"""See README.md."""\n'),
    ],
    "wording": [
        ("isa/b.hpp", "// A header. TO" "DO: finish\n"),
        ("isa/b.hpp", "// A header.\n// FIX" "ME\n"),
        ("scripts/b.sh", '# A script.\ncat "/t' 'mp/x"\n'),
        ("scripts/b.sh", "# A script.\ncd /wo" "rk/main\n"),
        ("scripts/b.sh", "# A script.\nls /ho" "me\n"),
        ("isa/README.md", "# Page\nSee ../sha" "red for more.\n"),
        ("isa/README.md", "# Page\nSee DESI" "GN.md.\n"),
        ("isa/README.md", "# Page\nAs is" "sue 2 says.\n"),
    ],
    "workloads": [
        ("workloads/networks/b.json", '{"a": 1,}\n'),
        ("workloads/networks/b.json", ""),
        ("workloads/networks/b.json", '{"a": 1, "a": 2}\n'),
        ("workloads/networks/b.json", '{"a": NaN}\n'),
        ("workloads/networks/b.txt", "text\n"),
        ("workloads/networks/b.md", "# Page\n"),
    ],
    "links": [
        ("isa/README.md", "# Page\n[gone](gone.md)\n"),
        ("isa/README.md", "# Page\n[gone](../compiler/gone)\n"),
        ("isa/README.md", "# Page\n[sound](../README.md#gone)\n"),
        ("isa/README.md", "# Page\n[here](#gone)\n"),
        ("isa/README.md", "# Page\nSee `isa/gone.hpp`.\n"),
        ("isa/README.md", "# Page\nSee `gone/a.hpp`.\n"),
        ("isa/README.md", "# Page\nSee `gone.hpp`.\n"),
        ("isa/README.md", "# Page\nSee `compiler/gone/`.\n"),
        ("isa/README.md", "# Page\nSee `compiler/graph/gone`.\n"),
    ],
    "modules": [
        ("isa/b.cpp", "// A module.\n"),
        ("rtl/b.sv", "// A block.\nmodule b; endmodule\n"),
        ("isa/README.md", "# Page\nOf a, no more.\n"),
        ("models/kernels/README.md", "# Page\n`k` and `f`\n"),
        ("compiler/graph/README.md", None),
    ],
    "formatting": [
        ("isa/b.hpp", "// A header.\nconstexpr int  kB=1;\n"),
        (".clang-format", "BasedOnStyle: Nobody\n"),
    ],
}


# Only asked for breaks of their own: one starts a program for every file, the others do not like new files.
ALONE = {"formatting", "guards", "modules"}

CPP = """// A { comment.
#define MACRO(x) { x
int declared(int a, std::map<int, int> b);  // not f(x)
struct alignas(8) B {
  int data{3}, more[2] = {1, 2};
  explicit B(int a) : data{a} { use(R"(})", '}', 1'000); }
  int operator()(int) const { return 1; }
  template <class T>
  int call(T t) const;
};
enum class E { kA, kB };
constexpr int kTable[] = {1, 2};
template <class T, int N>
[[nodiscard]] T* f(T* a, int (*g)(int)) {
  const auto lambda = [&](int k) {
    return k;
  };
  for (int i = 0; i < N; ++i) lambda(i);
  return a;
}
int B::call(int t) const { return t; }

TEST(Suite, name) {
  EXPECT_EQ("{", "");
}
"""


@contextlib.contextmanager
def small_tree(*changes):
    """A Tree of SOUND with the changes made to it."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in dict(SOUND, **dict(changes)).items():
            if text is not None:
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_text(text, encoding="utf-8")
        yield Tree(folder)


class StructureChecks(unittest.TestCase):
    def test_sound_tree_passes(self):
        with small_tree() as tree:
            for name, check in CHECKS.items():
                self.assertEqual(list(check(tree)), [], name)

    def test_every_check_can_fail(self):
        self.assertEqual(set(BREAKS), set(CHECKS))
        for name, breaks in BREAKS.items():
            for change in breaks:
                with self.subTest(check=name, change=change), small_tree(change) as tree:
                    checks = {n: c for n, c in CHECKS.items() if n not in ALONE or n == name}
                    failed = [other for other, check in checks.items() if list(check(tree))]
                    self.assertEqual(failed, [name])

    def test_reader_finds_functions(self):
        found = [(f.title, len(f.parameters), f.opening, f.closing) for f in cpp.functions(CPP)]
        self.assertEqual(found, [
            ("declared", 2, 0, 0), ("B::B", 1, 6, 6), ("B::operator()", 1, 7, 7), ("B::call", 1, 0, 0), ("f", 2, 14, 20),
            ("B::call", 1, 21, 21), ("TEST", 2, 23, 25)])

    def test_report_names_what_is_long(self):
        with small_tree(("isa/b.hpp", "// A header.\n" * 501),
                        ("scripts/b.py", "# A script.\ndef f():\n" + "    g()\n" * 60)) as tree:
            text = "\n".join(functions.report(tree))
            self.assertIn("501 isa/b.hpp", text)
            self.assertIn("61 scripts/b.py: f", text)
            self.assertIn("models/m.hpp: M::inline_too", text)

    def test_fix_formats(self):
        with small_tree(("isa/b.hpp", "// A header.\nconstexpr int  kB=1;\n")) as tree:
            self.assertEqual(list(content.formatting(tree, fix=True)), [])
            self.assertEqual(tree.text("isa/b.hpp"), "// A header.\nconstexpr int kB = 1;\n")


if __name__ == "__main__":
    unittest.main()
