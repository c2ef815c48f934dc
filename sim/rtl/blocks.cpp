// One row a block: its name, and how it comes among the others.
#include "sim/rtl/blocks.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "sim/rtl/core.hpp"
#include "sim/rtl/memories.hpp"
#include "sim/rtl/units.hpp"

namespace anzan::sim {
namespace {

using models::clocked::CoreParameters;
using models::clocked::RtlBlocks;

struct BlockRow {
  std::string_view name;
  void (*put)(RtlBlocks& blocks, const CoreParameters& parameters);
};

void put_dma(RtlBlocks& blocks, const CoreParameters& parameters) {
  if (parameters.dma_outstanding != kRtlDmaOutstanding)
    throw std::invalid_argument("RTL blocks: the dma is built for other requests under way");
  blocks.dma = make_rtl_dma(parameters.lanes);
}

void put_analysis_blocks(RtlBlocks& blocks, const CoreParameters& parameters) {
  if (!blocks.tensor_unit) blocks.tensor_analysis = make_rtl_analysis_block(parameters.lanes);
  if (!blocks.vector_unit) blocks.vector_analysis = make_rtl_analysis_block(parameters.lanes);
}

// In the order in which they are put: the analysis blocks look which units are there.
constexpr BlockRow kBlocks[] = {
    {"tensor_unit",
     [](RtlBlocks& b, const CoreParameters& p) { b.tensor_unit = make_rtl_tensor_unit(p.lanes); }},
    {"vector_unit",
     [](RtlBlocks& b, const CoreParameters& p) { b.vector_unit = make_rtl_vector_unit(p.lanes); }},
    {"analysis_block", put_analysis_blocks},
    {"statistics_database",
     [](RtlBlocks& b, const CoreParameters&) { b.statistics_database = make_rtl_statistics_database(); }},
    {"settings_store",
     [](RtlBlocks& b, const CoreParameters&) { b.settings_store = make_rtl_settings_store(); }},
    {"settings_optimiser",
     [](RtlBlocks& b, const CoreParameters&) { b.settings_optimiser = make_rtl_settings_optimiser(); }},
    {"dma", put_dma},
    {"network_unit",
     [](RtlBlocks& b, const CoreParameters& p) { b.network_unit = make_rtl_network_unit(p.lanes); }},
};

}  // namespace

const std::vector<std::string>& rtl_block_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const BlockRow& row : kBlocks) all.emplace_back(row.name);
    return all;
  }();
  return names;
}

RtlBlocks make_rtl_blocks(const std::vector<std::string>& names, const CoreParameters& parameters,
                          int slots) {
  for (const std::string& name : names) {
    const auto& known = rtl_block_names();
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw std::invalid_argument("RTL blocks: there is no " + name);
  }
  RtlBlocks blocks;
  blocks.slots = slots;
  for (const BlockRow& row : kBlocks) {
    if (std::find(names.begin(), names.end(), row.name) != names.end()) row.put(blocks, parameters);
  }
  if (!names.empty() && !blocks.any())
    throw std::logic_error("RTL blocks: the core would not see " + names.front());
  return blocks;
}

}  // namespace anzan::sim
