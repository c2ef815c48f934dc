// The table has the logic of each block by lanes, and its memories at the sizes that the sources have by default.
#include "sim/cost/area.hpp"

#include <stdexcept>
#include <string>

#include "models/event_counts.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

constexpr const char* kTable = "area/osu018.json";
constexpr double kMm2 = 1e-6;  // um2

const Json& table() {
  static const Json parsed = Json::parse(embedded_files().at(kTable));
  return parsed;
}

// The bits that a block has in a core of this size; `usual` are those of the table.
std::int64_t memory_bits(const std::string& block, std::int64_t usual, const AreaOfCores& sizes) {
  if (block == "scratchpad") return sizes.scratchpad_kib * 1024 * 8;
  const bool of_slots = block == "settings_store" || block == "statistics_database";
  return of_slots ? usual / models::kUsualSlots * sizes.slots : usual;
}

}  // namespace

Json area_to_json(const AreaOfCores& sizes) {
  const auto rows = table()["blocks_by_lanes"].find(std::to_string(sizes.lanes));
  if (rows == table()["blocks_by_lanes"].end()) throw std::logic_error("area: no row for these lanes");
  const auto cores = static_cast<double>(sizes.cores);
  const double bit_um2 = table()["memory_bit"]["um2"].get<double>();
  double logic_um2 = 0, bits = 0;
  Json blocks = Json::object();
  for (const auto& [name, row] : rows->items()) {
    const double um2 = cores * row["um2"].get<double>();
    const double of_block = cores * static_cast<double>(memory_bits(name, row["memory_bits"], sizes));
    blocks[name] = {{"logic_mm2", um2 * kMm2}, {"memory_bits", of_block}};
    logic_um2 += um2;
    bits += of_block;
  }
  return {{"cells", table()["name"]},
          {"mm2", (logic_um2 + bits * bit_um2) * kMm2},
          {"logic_mm2", logic_um2 * kMm2},
          {"logic_gates", logic_um2 / table()["gate"]["um2"].get<double>()},
          {"memory_bits", bits},
          {"by_block", std::move(blocks)}};
}

}  // namespace anzan::sim
