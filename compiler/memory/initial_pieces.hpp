// The pieces in which initial values come: in memory that else only steps need.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/graph/graph.hpp"
#include "compiler/graph/initial_piece.hpp"

namespace anzan::compiler {

// All parameters, in pieces that have `lines` from `first_line` on, or four rows where these need more.
std::vector<InitialPiece> initial_pieces(const Graph& graph, std::int64_t first_line, std::int64_t lines);

}  // namespace anzan::compiler
