// A save file of GTKWave for the waveform of a core: what the units do, HBM, semaphores, statistics,
// settings.
#pragma once
#include <string>

namespace anzan::sim {

std::string save_file(const std::string& waveform);

}  // namespace anzan::sim
