// Single blocks of the RTL, Verilated, behind the faces of models/clocked/rtl_block.hpp.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/core.hpp"
#include "models/clocked/rtl_block.hpp"

namespace anzan::sim {

// The blocks' names, as in rtl/; analysis_block stands for those of the two units that are models.
const std::vector<std::string>& rtl_block_names();

// The named blocks for programs that use the slots below `slots`. Throws std::invalid_argument for a name
// that is none, a block that is not built for these lanes, and for a dma with other requests under way than
// kRtlDmaOutstanding.
models::clocked::RtlBlocks make_rtl_blocks(const std::vector<std::string>& names,
                                           const models::clocked::CoreParameters& parameters, int slots);

// What the rows of make_rtl_blocks() put in: blocks with lanes, and blocks without.
std::unique_ptr<models::clocked::RtlUnit> make_rtl_tensor_unit(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_vector_unit(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_dma(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_network_unit(int lanes);
std::unique_ptr<models::clocked::RtlAnalysisBlock> make_rtl_analysis_block(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_settings_optimiser();
std::unique_ptr<models::clocked::RtlSettingsStore> make_rtl_settings_store();
std::unique_ptr<models::clocked::RtlStatisticsDatabase> make_rtl_statistics_database();

}  // namespace anzan::sim
