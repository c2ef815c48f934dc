// Half-open ranges of integers, and the sizes that tile searches try.
#pragma once
#include <cstdint>
#include <vector>

namespace anzan::compiler {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

// Cuts [0, size) into pieces of at most `step`.
std::vector<Range> pieces(std::int64_t size, std::int64_t step);
// Candidate piece sizes for a dimension: size, halves of it, ..., 1.
std::vector<std::int64_t> halvings(std::int64_t size);
std::vector<std::int64_t> doublings(std::int64_t size);  // the same, from 1 up

}  // namespace anzan::compiler
