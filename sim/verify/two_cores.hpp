// Random programs of two cores that put to each other: the Verilated cores against the cycle engine and the
// functional one.
#pragma once
#include <cstdint>

#include "sim/verify/random_shape.hpp"
#include "sim/verify/verify.hpp"

namespace anzan::sim {

// Of the two programs with this seed.
ProgramVerdict judge_two(const VerifyOptions& options, const VerifySubjects& subjects, std::uint64_t seed,
                         const RandomProgramShape& shape);

}  // namespace anzan::sim
