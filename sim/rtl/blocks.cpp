// From names to makers. What a block was built for (lanes, requests under way) is checked here.
#include "sim/rtl/blocks.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/rtl/core.hpp"

namespace anzan::sim {

const std::vector<std::string>& rtl_block_names() {
  static const std::vector<std::string> names{
      "tensor_unit",        "vector_unit", "analysis_block", "statistics_database", "settings_store",
      "settings_optimiser", "dma",         "network_unit"};
  return names;
}

models::clocked::RtlBlocks make_rtl_blocks(const std::vector<std::string>& names,
                                           const models::clocked::CoreParameters& parameters, int slots) {
  const int lanes = parameters.lanes;
  if (lanes != 4 && lanes != 16) throw std::invalid_argument("RTL blocks: are built for 4 and for 16 lanes");
  for (const std::string& name : names) {
    const auto& known = rtl_block_names();
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw std::invalid_argument("RTL blocks: there is no " + name);
  }
  const auto named = [&names](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  models::clocked::RtlBlocks blocks;
  blocks.slots = slots;
  if (named("tensor_unit")) blocks.tensor_unit = make_rtl_tensor_unit(lanes);
  if (named("vector_unit")) blocks.vector_unit = make_rtl_vector_unit(lanes);
  if (named("network_unit")) blocks.network_unit = make_rtl_network_unit(lanes);
  if (named("settings_optimiser")) blocks.settings_optimiser = make_rtl_settings_optimiser();
  if (named("settings_store")) blocks.settings_store = make_rtl_settings_store();
  if (named("statistics_database")) blocks.statistics_database = make_rtl_statistics_database();
  if (named("dma")) {
    if (parameters.dma_outstanding != kRtlDmaOutstanding)
      throw std::invalid_argument("RTL blocks: the dma is built for other requests under way");
    blocks.dma = make_rtl_dma(lanes);
  }
  if (named("analysis_block")) {
    if (!blocks.tensor_unit) blocks.tensor_analysis = make_rtl_analysis_block(lanes);
    if (!blocks.vector_unit) blocks.vector_analysis = make_rtl_analysis_block(lanes);
  }
  return blocks;
}

}  // namespace anzan::sim
