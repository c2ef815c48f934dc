// Buffers with lifetimes: what is to get offsets; the sections of time, and parts that share no section.
#pragma once
#include <cstdint>
#include <vector>

namespace anzan::compiler {

struct Buffer {
  std::int64_t lower = 0, upper = 0;  // alive in [lower, upper)
  std::int64_t size = 0;              // of any unit
};

// Throws std::invalid_argument where a buffer is alive at no time or has no size, std::length_error where the
// sizes of all together are beyond 64 bits.
void check_buffers(const std::vector<Buffer>& buffers);

// A section is a time at which a set of buffers is alive that no other time's set holds: two buffers are
// alive together exactly if they share a section. Sections are numbered in the order of time.
struct Sections {
  std::vector<int> first, last;    // of buffer i: sections [first[i], last[i])
  std::vector<std::int64_t> load;  // of section s: the sizes alive together, summed
};
Sections sections_of(const std::vector<Buffer>& buffers);

// The greatest load: no plan needs less.
std::int64_t greatest_load(const Sections& sections);

// The numbers of the buffers, so that buffers of different parts are never alive at one time; within a part
// by their first section.
std::vector<std::vector<int>> independent_parts(const Sections& sections);

// The end of the last byte that is used.
std::int64_t height_of(const std::vector<Buffer>& buffers, const std::vector<std::int64_t>& offsets);

}  // namespace anzan::compiler
