// Data sets, checkpoints, networks as ONNX, compiled programs.
#include "tests/fuzz/file_cases.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "compiler/input/input_error.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/onnx_files.hpp"

namespace anzan::fuzz {
namespace {

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

}  // namespace

Case data(const Maker& m) {
  Case c;
  const Run& run = pick(m.draw, m.stock.runs);
  c.arguments = {"run", kFile, "--out", "out", "--set=/training/iterations=1", "--threads", "1"};
  c.files = run.data;
  auto& [name, content] = c.files.at(m.draw.from<std::size_t>(0, 3));
  c.refused = change_idx(m.draw, content);
  if (c.refused) c.place = name;
  if (m.draw.chance(5)) {
    c.place.clear();  // of the two that are wrong
    c.arguments.push_back("--set=/network/input/width=" + std::to_string(m.draw.from(1, 20)));
  }
  c.files.emplace_back(kFile, run.configuration.dump());
  return c;
}

namespace {

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

}  // namespace

Case checkpoint(const Maker& m) {
  Case c;
  const Run& run = pick(m.draw, m.stock.runs);
  c.files = run.data;
  std::string bytes = run.checkpoint, effective = run.effective;
  const int kind = m.draw.from(0, 9);
  if (kind < 2) {
    mutate_bytes(m.draw, bytes);
    c.refused = true;
    c.place = "checkpoint.bin";
  } else if (kind < 3) {
    c.right = true;
  } else {
    Checkpoint parts = parts_of_checkpoint(bytes);
    change_checkpoint(m.draw, parts);
    bytes = bytes_of(parts);
  }
  if (m.draw.chance(40)) {
    c.arguments = {"evaluate", "."};
    if (m.draw.chance(30)) c.arguments = {"export", ".", "model.onnx"};
    if (m.draw.chance(20)) {
      Json json = Json::parse(effective);
      mutate(m.draw, json);
      effective = spelling(m.draw, json);
      c.place.clear();
      c.right = false;
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
  std::string bytes = pick(m.draw, m.stock.runs).programs;
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

}  // namespace anzan::fuzz
