// The table has the logic of each block by lanes, and its memories at the sizes that the sources have by
// default.
#include "sim/cost/area.hpp"

#include <cmath>
#include <iterator>
#include <map>
#include <string>

#include "models/energy.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

constexpr const char* kTable = "area/osu018.json";
constexpr double kMm2 = 1e-6;  // um2

struct Row {
  double um2 = 0;
  std::int64_t memory_bits = 0;
};

// A block's logic, measured with some numbers of lanes.
class Block {
 public:
  explicit Block(double um2_of_pair) : um2_of_pair_(um2_of_pair) {}
  void add(int lanes, const Row& row) { rows_[lanes] = row; }
  bool measured(int lanes) const { return rows_.size() == 1 || rows_.count(lanes) != 0; }

  double um2(int lanes) const {
    return at(lanes, [this](int l, const Row& row) { return row.um2 - um2_of_pair_ * l * l; }) +
           um2_of_pair_ * lanes * lanes;
  }
  std::int64_t memory_bits(int lanes) const {
    return std::llround(at(lanes, [](int, const Row& row) { return static_cast<double>(row.memory_bits); }));
  }

 private:
  // Measured, or as it goes on from the last two rows.
  template <class Value>
  double at(int lanes, const Value& value) const {
    if (const auto found = rows_.find(lanes); found != rows_.end()) return value(lanes, found->second);
    const auto last = std::prev(rows_.end());
    const double there = value(last->first, last->second);
    if (rows_.size() == 1) return there;
    const auto before = std::prev(last);
    const double of_lane = (there - value(before->first, before->second)) / (last->first - before->first);
    return there + of_lane * (lanes - last->first);
  }

  double um2_of_pair_;       // of lanes: what there is for each of them is known, and only the rest goes on
  std::map<int, Row> rows_;  // one: lanes change nothing
};

struct Table {
  std::string cells;
  double gate_um2 = 0, bit_um2 = 0;
  std::map<std::string, Block> blocks;
};

Table read_table() {
  const Json json = Json::parse(embedded_files().at(kTable));
  Table table{json["name"], json["gate"]["um2"], json["memory_bit"]["um2"], {}};
  for (const auto& [lanes, rows] : json["blocks_by_lanes"].items()) {
    for (const auto& [name, row] : rows.items()) {
      const double of_pair = json["um2_of_each_pair_of_lanes"].value(name, 0.0);
      table.blocks.try_emplace(name, of_pair)
          .first->second.add(std::stoi(lanes), {row["um2"], row["memory_bits"]});
    }
  }
  return table;
}

// The bits that a block has in a core of this size; `usual` are those of the table.
std::int64_t memory_bits(const std::string& block, std::int64_t usual, const AreaOfCores& sizes) {
  if (block == "scratchpad") return sizes.scratchpad_kib * 1024 * 8;
  const bool of_slots = block == "settings_store" || block == "statistics_database";
  return of_slots ? usual / models::kUsualSlots * sizes.slots : usual;
}

}  // namespace

Json area_to_json(const AreaOfCores& sizes) {
  static const Table table = read_table();
  double logic_um2 = 0;
  std::int64_t bits = 0;
  bool measured = true;
  Json blocks = Json::object();
  for (const auto& [name, block] : table.blocks) {
    const double um2 = static_cast<double>(sizes.cores) * block.um2(sizes.lanes);
    const std::int64_t of_block = sizes.cores * memory_bits(name, block.memory_bits(sizes.lanes), sizes);
    blocks[name] = {{"logic_mm2", um2 * kMm2}, {"memory_bits", of_block}};
    logic_um2 += um2;
    bits += of_block;
    measured = measured && block.measured(sizes.lanes);
  }
  return {{"cells", table.cells},
          {"mm2", (logic_um2 + static_cast<double>(bits) * table.bit_um2) * kMm2},
          {"logic_mm2", logic_um2 * kMm2},
          {"logic_gates", logic_um2 / table.gate_um2},
          {"memory_bits", bits},
          {"extrapolated", !measured},
          {"by_block", std::move(blocks)}};
}

}  // namespace anzan::sim
