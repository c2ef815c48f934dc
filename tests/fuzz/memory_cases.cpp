// Buffers with lifetimes as CSV, right, wrong at one place and changed; and what training needs.
#include "tests/fuzz/memory_cases.hpp"

#include <algorithm>

#include "compiler/input/input_error.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/onnx_files.hpp"

namespace anzan::fuzz {
namespace {

using Cells = std::vector<std::vector<std::string>>;  // lines, the header among them
const char* const kBuffers = "b.csv";

std::size_t any_index(Draw& draw, std::size_t count) { return draw.from<std::size_t>(0, count - 1); }

Cells drawn_buffers(Draw& draw) {
  Cells lines{{"id", "lower", "upper", "size"}};
  if (draw.chance(20)) lines[0] = {"buffer", "start", "end", "size"};
  const auto times = draw.one_of<std::int64_t>({1, 4, 20, 100, std::int64_t{1} << 40});
  const auto sizes = draw.one_of<std::int64_t>({1, 5, 1000, std::int64_t{1} << 53});
  const int count = draw.one_of({1, 2, draw.from(3, 60), draw.from(3, 60), draw.from(3, 60), 400});
  for (int k = 0; k < count; ++k) {
    const std::int64_t lower = draw.from<std::int64_t>(draw.chance(5) ? -times : 0, times - 1);
    lines.push_back({"b" + std::to_string(k), std::to_string(lower),
                     std::to_string(draw.from(lower + 1, times)),
                     std::to_string(draw.from<std::int64_t>(1, sizes))});
  }
  if (draw.chance(30)) {  // columns in another order
    const std::size_t a = any_index(draw, 4), b = any_index(draw, 4);
    for (auto& line : lines) std::swap(line[a], line[b]);
  }
  return lines;
}

std::string text_of(const Cells& lines, const std::string& line_end, bool last_end) {
  std::string text;
  for (std::size_t k = 0; k < lines.size(); ++k) {
    for (std::size_t column = 0; column < lines[k].size(); ++column)
      text += (column == 0 ? "" : ",") + lines[k][column];
    if (last_end || k + 1 < lines.size()) text += line_end;
  }
  return text;
}

// One cell that no such table may have; returns where it is.
std::string spoil_a_cell(Draw& draw, Cells& lines) {
  const std::size_t line = any_index(draw, lines.size());
  std::size_t column = any_index(draw, 4);
  const auto place = [&] {
    return kBuffers + (", line " + std::to_string(line + 1)) + ", column " + std::to_string(column + 1);
  };
  std::string& cell = lines[line][column];
  if (line == 0) {
    cell = pick(draw, std::vector<std::string>{"", "Size", "offset", "1", "\xff"});
  } else if (lines[0][column] == "id" || lines[0][column] == "buffer") {
    cell = draw.one_of<const char*>({"", " ", "\t"});
  } else {
    cell = pick(draw, std::vector<std::string>{"", "x", "1.5", "+1", "0x1", "1e3", "9223372036854775808",
                                               "-9223372036854775809", "1 2", "--1",
                                               "\xef\xbb\xbf"
                                               "1",
                                               std::string(2000, '7')});
  }
  return place();
}

// One line that contradicts itself or another.
std::string spoil_a_line(Draw& draw, Cells& lines) {
  const std::size_t line = draw.from<std::size_t>(1, lines.size() - 1);
  const auto column = [&](const char* name, const char* other) {
    const auto& header = lines[0];
    return static_cast<std::size_t>(
        std::find_if(header.begin(), header.end(),
                     [&](const std::string& h) { return h == name || h == other; }) -
        header.begin());
  };
  const std::string place = kBuffers + (", line " + std::to_string(line + 1));
  switch (draw.from(0, 3)) {
    case 0:
      lines[line][column("size", "size")] = draw.one_of<const char*>({"0", "-1", "-9223372036854775808"});
      return place + ", column " + std::to_string(column("size", "size") + 1);
    case 1:
      lines[line][column("upper", "end")] = lines[line][column("lower", "start")];
      return place + ", column " + std::to_string(column("upper", "end") + 1);
    case 2:
      lines[line].push_back("1");
      return place;
    default:
      lines.push_back(lines[line]);
      return kBuffers + (", line " + std::to_string(lines.size()));
  }
}

std::vector<std::string> drawn_call(Draw& draw) {
  std::vector<std::string> words{"allocate", kBuffers, "--seconds", draw.one_of({"0.05", "0.3", "1e-9"})};
  if (draw.chance(40))
    words.insert(words.end(), {"--capacity", draw.one_of({"1", "100", "5000", "9223372036854775807"})});
  if (draw.chance(40)) words.insert(words.end(), {"--gear", draw.one_of({"fast", "exact"})});
  if (draw.chance(30)) words.insert(words.end(), {"--out", "offsets.csv"});
  if (draw.chance(20)) words.emplace_back("--json");
  return words;
}

}  // namespace

std::vector<std::string> no_plan() {
  return {"proved that no plan fits", "no plan that fits was found", "\"fits\": false"};
}

Case allocation(const Maker& m) {
  Case c;
  c.arguments = drawn_call(m.draw);
  c.failures = no_plan();
  Cells lines = drawn_buffers(m.draw);
  const int kind = m.draw.from(0, 9);
  if (kind < 2) {
    c.place = spoil_a_cell(m.draw, lines);
  } else if (kind < 4) {
    c.place = spoil_a_line(m.draw, lines);
  }
  c.refused = kind < 4;
  std::string text = text_of(lines, m.draw.chance(10) ? "\r\n" : "\n", m.draw.chance(80));
  c.right = kind >= 4 && kind < 7;
  if (kind == 7) {
    mutate_bytes(m.draw, text);
  } else if (kind > 7) {
    for (int changes = m.draw.from(1, 3); changes > 0; --changes) {
      const std::size_t at = any_index(m.draw, text.size());
      const std::string odd = pick(m.draw, std::vector<std::string>{",", "\n", "\r", "\"", "-", "9", "0", " ",
                                                                    std::string(1, '\0'), "\n\n"});
      text.replace(at, m.draw.from<std::size_t>(0, 3), odd);
    }
  }
  if (m.draw.chance(5)) {
    std::replace(c.arguments.begin(), c.arguments.end(), std::string(kBuffers), std::string("-"));
    c.place = c.place.substr(std::min(c.place.size(), c.place.find(',')));
    c.input = text;
  } else {
    c.files.emplace_back(kBuffers, text);
  }
  return c;
}

// Of a network alone, as JSON or ONNX, or of a configuration.
Case memory(const Maker& m) {
  Case c;
  const Json json = any_configuration(m.draw);
  c.arguments = {"memory", kFile};
  if (m.draw.chance(30)) c.arguments.push_back(m.draw.one_of({"--json", "--plan"}));
  if (m.draw.chance(40))
    c.arguments.insert(c.arguments.end(),
                       {"--batch", m.draw.chance(70) ? m.draw.one_of({"1", "16", "33"}) : any_word(m.draw)});
  if (m.draw.chance(40))
    c.arguments.insert(c.arguments.end(),
                       {"--format", m.draw.one_of({"fp32", "int8", "int16", "int8_master16", "int9"})});
  if (m.draw.chance(40))
    c.arguments.insert(
        c.arguments.end(),
        {"--hbm", m.draw.chance(70) ? m.draw.one_of({"1GiB", "1", "8e9", "100KiB"}) : any_word(m.draw)});
  Json network = json.at("network");
  std::string text;
  const int kind = m.draw.from(0, 9);
  if (kind < 3) {
    text = network.dump();
  } else if (kind < 6) {
    for (int changes = m.draw.from(1, 3); changes > 0; --changes) mutate(m.draw, network);
    text = spelling(m.draw, network);
    if (m.draw.chance(20)) mutate_text(m.draw, text);
  } else if (kind < 8) {
    text = json.dump();
  } else {
    try {
      const std::string bytes = onnx_file(m.draw, network);
      c.files.emplace_back("model.onnx", kind == 8 ? bytes : changed_onnx(m.draw, bytes));
      c.arguments[1] = "model.onnx";
      return c;
    } catch (const compiler::InputError&) {
      text = network.dump();  // some that are drawn are no networks
    }
  }
  c.files.emplace_back(kFile, text);
  return c;
}

}  // namespace anzan::fuzz
