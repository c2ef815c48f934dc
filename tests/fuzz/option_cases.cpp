// Words in place of others, lost and added.
#include "tests/fuzz/option_cases.hpp"

#include "tests/fuzz/memory_cases.hpp"

namespace anzan::fuzz {

Case options(const Maker& m) {
  Case c;
  const Json like = any_configuration(m.draw);
  std::vector<std::vector<std::string>> calls{
      {"verify", "--programs", "1", "--instructions", "10", "--lanes", "4", "--seed", "1"},
      {"collective", kFile, "--kind", "all_reduce", "--bytes", "64", "--format", "fp32",
       "--set=/system/chips=2"},
      {"cost", kFile, "--one-core-cycles", "1000", "--no-one-core"},
      {"compile", kFile, "--dump", "tiles", "--out", "programs"},
      {"run", kFile, "--out", "out", "--threads", "1", "--seed", "2", "--engine", "functional",
       "--set=/training/iterations=1"},
      {"run", kFile, "--out", "out", "--rtl", "dma", "--set=/training/iterations=1"},
      {"evaluate", ".", "--set=/training/seed=1"},
      {"export", ".", "model.onnx"},
      {"disasm", "programs"},
      {"allocate", "b.csv", "--capacity", "7", "--seconds", "0.2", "--gear", "exact", "--out", "offsets.csv"},
      {"memory", kFile, "--batch", "4", "--format", "int8", "--hbm", "1GiB", "--json"},
      {"sweep", "s.json", "--store", "s.sqlite", "--workers", "1", "--csv", "all.csv"},
      {"sweep", "--store", "s.sqlite", "--query", "SELECT count(*) FROM result"},
      {"--version"}};
  c.arguments = pick(m.draw, calls);
  for (int changes = m.draw.from(1, 2); changes > 0; --changes) {
    const auto at = m.draw.from<std::size_t>(0, c.arguments.size() - 1);
    const int kind = m.draw.from(0, 9);
    if (kind < 6) {
      c.arguments[at] = any_word(m.draw);
    } else if (kind < 7) {
      c.arguments.erase(c.arguments.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      c.arguments.insert(c.arguments.begin() + static_cast<std::ptrdiff_t>(at),
                         kind < 8 ? any_word(m.draw) : pick(m.draw, calls).back());
    }
    if (c.arguments.empty()) c.arguments = {"--help"};
  }
  // A number of programs that is legal may take days.
  if (c.arguments[0] == "verify") c.arguments.insert(c.arguments.end(), {"--programs", "1"});
  if (c.arguments[0] == "allocate") c.failures = no_plan();
  c.files.emplace_back(kFile, like.dump());
  const StoredSweep& sweep = m.stock.sweeps.at(0);
  c.files.insert(c.files.end(), {{"b.csv", "id,lower,upper,size\na,0,2,3\nb,1,3,4\nc,2,4,3\n"},
                                 {"s.json", sweep.file.dump()},
                                 {"s.sqlite", sweep.store}});
  give_data(m.draw, c, like);
  return c;
}

}  // namespace anzan::fuzz
