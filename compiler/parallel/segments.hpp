// The segments of an exchange: which lines of gradients, or counters of which slots, are summed at once, and
// which way each of them takes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/collective/ways.hpp"
#include "compiler/graph/graph.hpp"
#include "compiler/instructions/ranges.hpp"
#include "compiler/parallel/exchange.hpp"
#include "compiler/parallel/exchange_choice.hpp"
#include "isa/program.hpp"

namespace anzan::compiler {

// Integers of one segment have one slot. It has parts of tensors, or counters of slots; what streams, one
// part.
struct Segment {
  std::int64_t ready = 0;  // cycle
  int need = 0;            // the lowest first
  std::string layer;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;
  struct Part {
    int tensor;
    Range lines;  // of the tensor
  };
  std::vector<Part> tensors;
  std::vector<int> counters;       // slots
  std::int64_t counter_lines = 0;  // of each
  bool streams = false;
  std::size_t way = 0;
  std::int64_t size() const;
};

// Gradients are cut in the order in which they are given; counters follow. All segments go way 0.
std::vector<Segment> cut_segments(const Graph& graph, const Exchanges& what, const ExchangePlaces& places,
                                  std::int64_t cores);

// Gives each segment the way after which the busiest link has least to do.
void spread_over_ways(std::vector<Segment>& segments, const std::vector<Way>& ways);

}  // namespace anzan::compiler
