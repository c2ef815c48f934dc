// Arguments and files that several kinds of cases have.
#include "tests/fuzz/makers.hpp"

#include <algorithm>

#include "compiler/compiler.hpp"

namespace anzan::fuzz {

std::vector<std::string> any_command(Draw& draw) {
  std::vector<std::string> words;
  const int kind = draw.from(0, 20);
  if (kind < 5) {
    words = {"compile", kFile};
  } else if (kind < 8) {
    words = {"compile", kFile, "--dump", pick(draw, compiler::dump_passes())};
  } else if (kind < 12) {
    words = {"cost", kFile};
  } else if (kind < 13) {
    words = {"cost", kFile, "--out", "out", draw.one_of({"--step", "--trace", "--vcd", "--no-one-core"})};
  } else if (kind < 15) {
    const std::string collective =
        draw.one_of({"all_reduce", "reduce_scatter", "all_gather", "broadcast", "all_to_all"});
    words = {"collective", kFile,     "--kind",
             collective,   "--bytes", draw.one_of({"1", "64", "1000", "64KiB", "1e6"})};
  } else if (kind < 16) {
    words = {"memory", kFile};
    if (draw.chance(30)) words.push_back(draw.one_of({"--plan", "--json"}));
    if (draw.chance(30)) words.insert(words.end(), {"--hbm", draw.one_of({"1", "1e6", "64MiB", "8e9"})});
  } else {
    words = {"run", kFile, "--out", "out"};
    if (draw.chance(95))
      words.insert(words.end(),
                   {"--set", draw.chance(70) ? "/training/iterations=1" : "/training/iterations=3"});
    if (draw.chance(30)) words.insert(words.end(), {"--engine", "cycle"});
    if (draw.chance(5)) words.insert(words.end(), {"--trace"});
  }
  return words;
}

void give_data(Draw& draw, Case& c, const Json& like) {
  for (auto& file : data_files(draw, like)) c.files.push_back(std::move(file));
}

void give(Draw& draw, Case& c, const Json& like, const std::string& text) {
  if (draw.chance(3)) {
    std::replace(c.arguments.begin(), c.arguments.end(), std::string(kFile), std::string("-"));
    c.input = text;
  } else {
    c.files.emplace_back(kFile, text);
  }
  if (c.arguments.at(0) == "run") give_data(draw, c, like);
}

std::string any_word(Draw& draw) {
  return pick(draw, std::vector<std::string>{"",
                                             "0",
                                             "1",
                                             "-1",
                                             "2",
                                             "1e3",
                                             "4",
                                             "16",
                                             "0x10",
                                             " 1",
                                             "1 ",
                                             "18446744073709551615",
                                             "18446744073709551616",
                                             "9223372036854775807",
                                             "nan",
                                             "inf",
                                             "8MiB",
                                             "1e14",
                                             "1e400",
                                             "KiB",
                                             "1.5KiB",
                                             "all_gather",
                                             "int8",
                                             "\xff\xfe",
                                             std::string(3000, '9'),
                                             "--",
                                             "-",
                                             "c.json",
                                             "no/such",
                                             "."});
}

}  // namespace anzan::fuzz
