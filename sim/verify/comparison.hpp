// What two runs of one program are compared by: cycles, what blocks did, memories, settings and statistics.
// Each says what differs, in which block, and both values; or nothing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isa/program.hpp"
#include "models/core.hpp"
#include "models/program_timing.hpp"
#include "sim/rtl/host_words.hpp"

namespace anzan::sim {

// "tensor unit"
std::string block_of(const isa::Instruction& instruction);

// The difference that is first in time, as the others may follow from it. A unit answers for its ends, the
// sequencer for the rest.
std::string compare_cycles(const isa::Program& program, const models::ProgramTiming& rtl,
                           const models::ProgramTiming& model);

// What entries of settings a run writes, and when, follows from when its instructions end.
std::vector<models::SettingsWrite> settings_writes(const isa::Program& program,
                                                   const models::ProgramTiming& timing);
std::string compare_logs(const models::BlockLog& rtl, const models::BlockLog& model);

// All of the scratchpad and of HBM; of a very large HBM only the lines that `requests` name, as a core
// without requests for a line cannot change it.
std::string compare_memories(const models::Core& rtl, const models::Core& model,
                             const std::vector<models::HbmRequest>& requests);

std::string compare_slots(const models::Core& rtl, const models::Core& model, SlotRange slots);

// RtlCore::state() before and after a program: only these slots may have changed.
std::string compare_states(const std::vector<std::vector<std::uint32_t>>& before,
                           const std::vector<std::vector<std::uint32_t>>& after, SlotRange slots);

}  // namespace anzan::sim
