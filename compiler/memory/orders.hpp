// Orders in which buffers are tried: the difficult ones first, by one measure or another.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::compiler {

// The orders of the table in orders.cpp; each names every buffer once. Ties go by number. That of many
// buffers is beyond the others: first fit alone uses it.
int fixed_orders();
int order_of_many();
std::vector<int> fixed_order(int number, const std::vector<Buffer>& buffers, const Sections& sections);

// An order by a sum of all measures with weights that the seed draws: the same on every machine.
std::vector<int> drawn_order(std::uint64_t seed, const std::vector<Buffer>& buffers,
                             const Sections& sections);

// The places of the buffers in an order.
std::vector<int> ranks_of(const std::vector<int>& order);

}  // namespace anzan::compiler
