// Cuts long instructions into shorter ones along their independent loops. A unit cannot leave an instruction
// for a more urgent one, and nothing can use a part of what it writes before it ends: in pieces, operations
// that follow each other overlap without smaller tiles.
#pragma once
#include "isa/program.hpp"

namespace anzan::compiler {

// Appends the pieces in order; together they mean what the instruction means. Each takes about `most_cycles`
// at most (models::estimated_cycles), unless one iteration of the independent loops takes longer.
void append_in_pieces(const isa::Instruction& instruction, std::int64_t most_cycles, isa::Program& program);

}  // namespace anzan::compiler
