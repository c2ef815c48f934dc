// Makers of the units that compute or move rows. Throw std::invalid_argument for lanes that are not built.
#pragma once
#include <memory>

#include "models/clocked/rtl_block.hpp"

namespace anzan::sim {

std::unique_ptr<models::clocked::RtlUnit> make_rtl_tensor_unit(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_vector_unit(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_dma(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_network_unit(int lanes);

}  // namespace anzan::sim
