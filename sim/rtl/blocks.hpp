// Single blocks of the RTL, Verilated, behind the faces of models/clocked/rtl_block.hpp.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/core.hpp"
#include "models/clocked/rtl_block.hpp"

namespace anzan::sim {

// The blocks' names, as in rtl/: tensor_unit, vector_unit, analysis_block (of those of the two units that are
// models), statistics_database, settings_store, settings_optimiser, dma, network_unit.
const std::vector<std::string>& rtl_block_names();

// The named blocks for programs that use the slots below `slots`. Throws std::invalid_argument for a name
// that is none, lanes other than 4 and 16, and for a dma with other requests under way than
// kRtlDmaOutstanding.
models::clocked::RtlBlocks make_rtl_blocks(const std::vector<std::string>& names,
                                           const models::clocked::CoreParameters& parameters, int slots);

// What make_rtl_blocks() puts together: blocks with lanes, and blocks without.
std::unique_ptr<models::clocked::RtlUnit> make_rtl_tensor_unit(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_vector_unit(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_dma(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_network_unit(int lanes);
std::unique_ptr<models::clocked::RtlAnalysisBlock> make_rtl_analysis_block(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_settings_optimiser();
std::unique_ptr<models::clocked::RtlSettingsStore> make_rtl_settings_store();
std::unique_ptr<models::clocked::RtlStatisticsDatabase> make_rtl_statistics_database();

}  // namespace anzan::sim
