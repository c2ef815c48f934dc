// Which instructions of a program must have ended before which others may start, so that every order that
// respects it gives the results of the program as written: a reader after the writer before it, a writer
// after the readers and the writer before it, of each line and slot.
#pragma once
#include <cstdint>

#include "compiler/instructions/listing.hpp"
#include "compiler/schedule/edges.hpp"
#include "isa/program.hpp"
#include "models/work_observer.hpp"

namespace anzan::compiler {

// before[i]: numbers of earlier instructions that i waits for, each once. What follows from others may be
// left out. `end` waits for nothing here; it stays last.
struct Dependencies {
  Edges before;
};

// Near linear in the pieces of memory that the instructions touch. Lines of the scratchpad from number
// `hbm_follows` on are those of HBM; below 0: none are.
Dependencies dependencies(const isa::Program& program, std::int64_t lanes, std::int64_t hbm_follows = -1);
// In every core of every stage; besides, what arrives comes after its cause, in whatever stage.
Dependencies dependencies(const Listing& listing, std::int64_t lanes, models::Watch watch = {});
inline constexpr std::int64_t kDependencyUnits = 5;  // that the watch counts an instruction

}  // namespace anzan::compiler
