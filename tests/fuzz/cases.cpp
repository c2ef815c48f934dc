// Each kind of case in a function; the table at the end says how often each comes.
#include "tests/fuzz/cases.hpp"

#include <zlib.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "compiler/compiler.hpp"
#include "compiler/input/input_error.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/onnx_files.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::fuzz {
namespace {

struct Maker {
  Draw& draw;
  const Grammar& grammar;
  const std::vector<Run>& stock;
};

const char* const kFile = "c.json";

// A command that reads a configuration, with what it takes besides.
std::vector<std::string> any_command(Draw& draw) {
  std::vector<std::string> words;
  const int kind = draw.from(0, 19);
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

bool reads_data(const Case& c) { return c.arguments.at(0) == "run" || c.arguments.at(0) == "evaluate"; }

// The configuration as a file, or as standard input; its data set beside it where the command reads that.
void give(Draw& draw, Case& c, const Json& like, const std::string& text) {
  if (draw.chance(3)) {
    std::replace(c.arguments.begin(), c.arguments.end(), std::string(kFile), std::string("-"));
    c.input = text;
  } else {
    c.files.emplace_back(kFile, text);
  }
  if (!reads_data(c)) return;
  for (auto& file : data_files(draw, like)) c.files.push_back(std::move(file));
}

// A valid configuration but for one value, which its schema forbids.
Case wrong_value(const Maker& m) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  for (std::optional<Json> wrong; !wrong;) {
    const Place place = m.grammar.place(m.draw, json);
    wrong = m.grammar.wrong_value(m.draw, place.node);
    if (!wrong) continue;
    set_at(json, place.tokens, *wrong);
    c.place = place.pointer();
  }
  c.refused = true;
  c.arguments = pick(m.draw, std::vector<std::vector<std::string>>{
                                 {"compile", kFile}, {"cost", kFile}, {"run", kFile, "--out", "out"}});
  give(m.draw, c, like, json.dump());
  return c;
}

// One to three changes of a valid configuration, and what becomes of its text.
template <class Change, class Spelling>
Case changed(const Maker& m, const Change& change, const Spelling& spell) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  for (int changes = m.draw.from(1, 3); changes > 0; --changes) change(json, m.grammar.place(m.draw, json));
  c.arguments = any_command(m.draw);
  give(m.draw, c, like, spell(json));
  return c;
}

// Each of a value that its schema allows.
Case other_values(const Maker& m) {
  return changed(
      m,
      [&](Json& json, const Place& place) {
        if (place.tokens.size() > 1) set_at(json, place.tokens, m.grammar.value(m.draw, place.node, json));
      },
      [](const Json& json) { return json.dump(); });
}

Case changed_document(const Maker& m) {
  return changed(
      m,
      [&](Json& json, const Place& place) {
        if (m.draw.chance(25)) {
          set_at(json, place.tokens, odd_value(m.draw));
        } else {
          mutate(m.draw, json);
        }
      },
      [&](const Json& json) { return spelling(m.draw, json); });
}

Case drawn_document(const Maker& m) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  const Json drawn = m.grammar.document(m.draw, json);
  const std::string block = m.draw.one_of({"chip", "system", "precision", "engine", "training", ""});
  if (block.empty()) {
    json = drawn;
  } else if (drawn.contains(block)) {
    json[block] = drawn.at(block);
  }
  c.arguments = any_command(m.draw);
  give(m.draw, c, like, json.dump());
  return c;
}

// A text that has suffered: of the configuration, of its network or its technology in a file of its own.
Case changed_text(const Maker& m) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  const std::string part = m.draw.one_of({"", "", "network", "technology"});
  if (json.contains(part)) {
    std::string text = spelling(m.draw, json.at(part));
    mutate_text(m.draw, text);
    c.files.emplace_back("part.json", text);
    json[part] = "part.json";
  }
  std::string text = spelling(m.draw, json);
  if (c.files.empty()) mutate_text(m.draw, text);
  c.arguments = any_command(m.draw);
  give(m.draw, c, like, text);
  return c;
}

Case overrides(const Maker& m) {
  Case c;
  const Json like = any_configuration(m.draw);
  c.arguments = any_command(m.draw);
  for (int count = m.draw.from(1, 3); count > 0; --count) {
    const Place place = m.grammar.place(m.draw, like);
    std::string set = place.pointer() + "=" + m.grammar.value(m.draw, place.node, like).dump();
    if (m.draw.chance(30)) mutate_text(m.draw, set);
    set.erase(std::remove(set.begin(), set.end(), '\0'), set.end());
    c.arguments.push_back("--set=" + set.substr(0, 1000));
  }
  give(m.draw, c, like, like.dump());
  return c;
}

// A drawn network trains, on models that know time or not, or in RTL.
Case training(const Maker& m) {
  Case c;
  const Json like = drawn_configuration(m.draw);
  c.arguments = {"run",
                 kFile,
                 "--out",
                 "out",
                 "--set=/training/iterations=2",
                 "--threads",
                 m.draw.one_of({"1", "1", "2"})};
  if (m.draw.chance(40))
    c.arguments.insert(c.arguments.end(), {"--engine", m.draw.chance(90) ? "cycle" : "rtl"});
  if (m.draw.chance(10)) c.arguments.push_back("--trace");
  give(m.draw, c, like, like.dump());
  return c;
}

std::string packed(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflate");
  std::string to(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data());
  stream.avail_out = static_cast<uInt>(to.size());
  deflate(&stream, Z_FINISH);
  to.resize(stream.total_out);
  deflateEnd(&stream);
  return to;
}

// A header that says something else, within and beyond what the file holds.
void change_header(Draw& draw, std::string& idx) {
  const auto at = draw.from<std::size_t>(0, std::min<std::size_t>(idx.size(), 16) - 1);
  idx[at] = static_cast<char>(draw.one_of({0, 1, 2, 4, 8, 9, 16, 127, 128, 255}));
}

// Returns whether this is certainly no file of the data set any more.
bool change_idx(Draw& draw, std::string& idx) {
  const std::string before = idx;
  switch (draw.from(0, 8)) {
    case 0:
      idx = packed(idx);
      return false;
    case 1:
      idx = packed(idx.substr(0, idx.size() / 2)) + packed(idx.substr(idx.size() / 2));
      return false;
    case 2:
      idx = packed(packed(idx));
      return true;
    case 3:
      idx = packed(idx) + std::string(draw.from<std::size_t>(1, 9), 'x');
      return true;
    case 4:
      idx = packed(idx + std::string(std::size_t{1} << draw.from(0, 24), '\0'));
      return true;
    case 5:
      idx = packed(idx);
      idx.resize(draw.from<std::size_t>(0, idx.size() - 1));
      return true;
    case 6:
      idx = packed(idx);
      mutate_bytes(draw, idx);
      return false;  // its header holds a time and a name
    case 7:
      change_header(draw, idx);
      return false;
    default:
      mutate_bytes(draw, idx);
      return idx.size() != before.size();
  }
}

Case data(const Maker& m) {
  Case c;
  const Run& run = pick(m.draw, m.stock);
  c.arguments = {"run", kFile, "--out", "out", "--set=/training/iterations=1", "--threads", "1"};
  c.files = run.data;
  auto& [name, content] = c.files.at(m.draw.from<std::size_t>(0, 3));
  c.refused = change_idx(m.draw, content);
  if (c.refused) c.place = name;
  if (m.draw.chance(5))
    c.arguments.push_back("--set=/network/input/width=" + std::to_string(m.draw.from(1, 20)));
  c.files.emplace_back(kFile, run.configuration.dump());
  return c;
}

void change_checkpoint(Draw& draw, Checkpoint& parts) {
  const auto at = draw.from<std::size_t>(0, parts.blocks.size() - 1);
  std::string& block = parts.blocks[at];
  if (at < 2) {
    Json json = Json::parse(block);
    for (int changes = draw.from(1, 2); changes > 0; --changes) mutate(draw, json);
    block = spelling(draw, json);
    if (draw.chance(10)) mutate_text(draw, block);
  } else if (draw.chance(60) && !block.empty()) {
    const auto byte = draw.from<std::size_t>(0, block.size() - 1);
    block[byte] = static_cast<char>(draw.from(0, 255));
  } else if (draw.chance(80)) {
    mutate_bytes(draw, block);
  } else {
    std::swap(block, parts.blocks[draw.from<std::size_t>(0, parts.blocks.size() - 1)]);
  }
}

Case checkpoint(const Maker& m) {
  Case c;
  const Run& run = pick(m.draw, m.stock);
  c.files = run.data;
  std::string bytes = run.checkpoint, effective = run.effective;
  if (m.draw.chance(20)) {
    mutate_bytes(m.draw, bytes);
    c.refused = true;
    c.place = "checkpoint.bin";
  } else {
    Checkpoint parts = parts_of_checkpoint(bytes);
    change_checkpoint(m.draw, parts);
    bytes = bytes_of(parts);
  }
  if (m.draw.chance(40)) {
    c.arguments = {"evaluate", "."};
    if (m.draw.chance(20)) {
      Json json = Json::parse(effective);
      mutate(m.draw, json);
      effective = spelling(m.draw, json);
      c.place.clear();
    }
    c.files.emplace_back("config.json", effective);
  } else {
    c.arguments = {
        "run",      kFile,
        "--out",    ".",
        "--resume", "--threads",
        "1",        m.draw.chance(50) ? "--set=/training/iterations=3" : "--set=/training/iterations=2"};
    c.files.emplace_back(kFile, run.configuration.dump());
  }
  c.files.emplace_back("checkpoint.bin", bytes);
  return c;
}

// A network in an ONNX file, as it is or changed.
Case onnx(const Maker& m) {
  Case c;
  Json json;
  std::string bytes;
  while (bytes.empty()) {
    json = drawn_configuration(m.draw);
    try {
      bytes = onnx_file(m.draw, json.at("network"));
    } catch (const compiler::InputError&) {
      continue;  // some that are drawn are no networks
    }
  }
  const Json like = json;
  const int kind = m.draw.from(0, 9);
  if (kind < 6) {
    bytes = changed_onnx(m.draw, bytes);
  } else if (kind < 9) {
    mutate_bytes(m.draw, bytes);
  }
  json["network"] = "model.onnx";
  c.arguments = any_command(m.draw);
  if (m.draw.chance(10)) c.arguments.emplace_back("--set=/network/layers/0/name=first");
  c.files.emplace_back("model.onnx", bytes);
  give(m.draw, c, like, json.dump());
  return c;
}

Case programs(const Maker& m) {
  Case c;
  std::string bytes = pick(m.draw, m.stock).programs;
  const std::size_t title = bytes.find('\n') + 1;
  if (m.draw.chance(30)) {
    mutate_bytes(m.draw, bytes);
    c.refused = true;
    c.place = "programs";
  } else {
    for (int changes = m.draw.from(1, 3); changes > 0; --changes) {
      const auto at = m.draw.chance(30) ? title + m.draw.from<std::size_t>(0, 20)
                                        : m.draw.from<std::size_t>(0, bytes.size() - 1);
      bytes[at] =
          static_cast<char>(m.draw.chance(50) ? m.draw.from(0, 255) : bytes[at] ^ (1 << m.draw.from(0, 7)));
    }
    if (m.draw.chance(20)) bytes.resize(m.draw.from<std::size_t>(0, bytes.size()));
    bytes = with_sum(bytes);
  }
  c.arguments = {"disasm", "programs"};
  c.files.emplace_back("programs", bytes);
  return c;
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
      {"evaluate", "."},
      {"disasm", "programs"},
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
  c.files.emplace_back(kFile, like.dump());
  for (auto& file : data_files(m.draw, like)) c.files.push_back(std::move(file));
  return c;
}

struct Kind {
  const char* name;
  int share;
  Case (*make)(const Maker&);
};
constexpr Kind kKinds[] = {{"wrong value", 20, wrong_value},   {"other values", 20, other_values},
                           {"document", 12, changed_document}, {"drawn", 8, drawn_document},
                           {"text", 6, changed_text},          {"--set", 6, overrides},
                           {"training", 8, training},          {"data", 6, data},
                           {"checkpoint", 8, checkpoint},      {"onnx", 8, onnx},
                           {"programs", 3, programs},          {"options", 3, options}};

}  // namespace

Case make_case(std::uint32_t number, const Grammar& grammar, const std::vector<Run>& stock) {
  Draw draw(number);
  int at = draw.from(0, std::accumulate(std::begin(kKinds), std::end(kKinds), 0, [](int sum, const Kind& k) {
                          return sum + k.share;
                        }) - 1);
  const Kind* kind = kKinds;
  for (; at >= kind->share; ++kind) at -= kind->share;
  Case c = kind->make({draw, grammar, stock});
  c.kind = kind->name;
  c.in_program = draw.chance(4);
  return c;
}

}  // namespace anzan::fuzz
