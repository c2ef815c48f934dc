// The table of operations: which part of a program each is for the reports, and how it becomes instructions.
#pragma once
#include "compiler/graph/graph.hpp"
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Who turns an operation into instructions: one lowering alone, the exchange of a whole step (exchange.hpp),
// or the roads between cores that share a network (division.hpp).
enum class LoweredBy { kItself, kExchange, kDivision };

struct Operation {
  OpKind kind;
  const char* region;  // in the reports; null: that of its phase
  LoweredBy lowered_by;
  void (*lower)(Lowering&, const Op&, bool training);  // null where others lower it
};
const Operation& operation(OpKind kind);

// The part of the network that an operation is in the reports.
Region region_of(const Graph& graph, const Op& op);

// Multiplications of the network in an operation, as product_count() has them, for the images that are there
// and the channels that the graph's core has.
std::int64_t network_products(const Graph& graph, const Op& op);

// Begins an operation of a program that is written into `listing`: its region of the reports, its area of the
// scratchpad, its images. `analysing`: whether statistics are taken of what it writes.
void begin(Lowering& low, Listing& listing, const Op& op, bool analysing = true);
// Emits its instructions. Throws std::logic_error for an operation that others lower.
void lower(Lowering& low, const Op& op, bool training);

}  // namespace anzan::compiler
