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

}  // namespace anzan::sim
