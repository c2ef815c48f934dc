// Makers of what holds settings and statistics. Throw std::invalid_argument for lanes that are not built.
#pragma once
#include <memory>

#include "models/clocked/rtl_block.hpp"

namespace anzan::sim {

std::unique_ptr<models::clocked::RtlAnalysisBlock> make_rtl_analysis_block(int lanes);
std::unique_ptr<models::clocked::RtlUnit> make_rtl_settings_optimiser();
std::unique_ptr<models::clocked::RtlSettingsStore> make_rtl_settings_store();
std::unique_ptr<models::clocked::RtlStatisticsDatabase> make_rtl_statistics_database();

}  // namespace anzan::sim
