// Where the time of a clocked run goes: for each region of the program (a phase of a layer) its operations,
// its HBM traffic, and which unit bounds it. Functions of a program and its timing.
#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/compiler.hpp"
#include "isa/program.hpp"
#include "models/program_timing.hpp"
#include "sim/cost/waiting.hpp"

namespace anzan::sim {

using compiler::Region;

// Instruction i belongs to regions[of[i]]. `products`: multiplications of the network in each region, or
// none.
struct RegionMap {
  std::vector<Region> regions;
  std::vector<std::uint16_t> of;
  std::vector<std::int64_t> products = {};
};

// Throws std::invalid_argument unless every instruction of the program has a region of the map, and there are
// products of each region or of none.
void check_regions(const isa::Program& program, const RegionMap& map);

// Bytes that a copy reads from and writes to HBM, as the program asks for them: whole bursts may be more.
struct HbmBytes {
  std::int64_t read = 0, written = 0;
};
HbmBytes hbm_bytes(const isa::Instruction& instruction, int lanes);

struct RegionUse {
  Region region;
  std::int64_t cycles = 0;      // from the first start to the last end; other regions may run meanwhile
  std::int64_t operations = 0;  // two a product of the network
  // Of the tensor unit: two a product of its steps, rows and lanes as masked
  std::int64_t array_operations = 0;
  // Cycles in which the whole array could make the network's products, in the formats in which it made them.
  double least_array_cycles = 0;
  std::int64_t vector_operations = 0;  // lanes as masked, one an iteration, with its fold
  std::int64_t hbm_bytes = 0;
  std::array<std::int64_t, isa::kUnits> busy{};  // cycles by isa::Unit
  std::int64_t drain = 0;                        // of the tensor unit's, as Work::kDrain
  std::string_view bound;  // the unit that is busy longest, the first in isa::Unit of equals; for the tensor
                           // unit "drain" where more than half of its cycles are
};

// In the order of the map, those that have an instruction that works. Throws as check_timing and
// check_regions.
std::vector<RegionUse> roofline(const isa::Program& program, const models::ProgramTiming& timing, int lanes,
                                const RegionMap& map);

// [{layer, phase, cycles, busy {dma, tensor, vector, settings, network}, drain_cycles, bound, operations,
// array_operations, vector_operations, hbm_bytes, operations_per_byte}]; the last is of `operations`, null
// without traffic.
nlohmann::json roofline_to_json(const std::vector<RegionUse>& uses);

}  // namespace anzan::sim
