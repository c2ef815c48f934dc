// Affine loop nests: range checks, and simplification that keeps the order of iterations.
#include "models/affine.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "models/instruction_error.hpp"

namespace anzan::models {

void check_loops(const Loops& loops) {
  for (std::size_t k = 0; k < loops.size(); ++k)
    if (loops[k] == 0) throw InstructionError("loop[" + std::to_string(k) + "]", "0", "at least 1");
  std::int64_t iterations = 1;
  for (const std::uint16_t count : loops)
    if (__builtin_mul_overflow(iterations, std::int64_t{count}, &iterations))
      throw InstructionError("loop", "2^63 iterations or more", "fewer");
}

AddressRange check_address(const char* field, const isa::Address& address, const Loops& loops, int depth,
                           std::int64_t size, AddressRange reach) {
  AddressRange range{address.base + reach.first, address.base + reach.last};
  for (std::size_t k = 0; k < static_cast<std::size_t>(depth); ++k) {
    const std::int64_t moved = std::int64_t{address.stride[k]} * (loops[k] - 1);
    (moved < 0 ? range.first : range.last) += moved;
  }
  if (range.first < 0 || range.last >= size)
    throw InstructionError(field,
                           "addresses " + std::to_string(range.first) + " to " + std::to_string(range.last),
                           "addresses below " + std::to_string(size));
  return range;
}

kernels::Nest nest_of(const Loops& loops, int first, int last) {
  kernels::Nest nest{};
  for (int k = first; k < last; ++k) nest.count[nest.depth++] = loops[static_cast<std::size_t>(k)];
  if (nest.depth == 0) nest.count[nest.depth++] = 1;
  return nest;
}

kernels::Stream stream_of(std::int64_t base, const std::array<std::int32_t, isa::kLoops>& stride, int first,
                          int last, std::int64_t scale) {
  kernels::Stream stream{};
  stream.base = base * scale;
  for (int k = first; k < last; ++k) stream.stride[k - first] = stride[static_cast<std::size_t>(k)] * scale;
  return stream;
}

std::int64_t iterations(const kernels::Nest& nest) {
  std::int64_t n = 1;
  for (int k = 0; k < nest.depth; ++k) n *= nest.count[k];
  return n;
}

void simplify(kernels::Nest& nest, std::initializer_list<kernels::Stream*> streams) {
  int depth = 0;  // of what has been kept so far
  for (int k = 0; k < nest.depth; ++k) {
    const std::int64_t count = nest.count[k];
    if (count == 1) continue;
    const bool joins =
        depth > 0 && std::all_of(streams.begin(), streams.end(), [&](const kernels::Stream* s) {
          return s->stride[depth - 1] == s->stride[k] * count;
        });
    const int place = joins ? depth - 1 : depth++;
    nest.count[place] = joins ? nest.count[place] * count : count;
    for (kernels::Stream* s : streams) s->stride[place] = s->stride[k];
  }
  if (depth == 0) nest.count[depth++] = 1;
  nest.depth = depth;
}

kernels::Table table_of(const kernels::Nest& nest, std::initializer_list<const kernels::Stream*> streams,
                        SharedTable<std::int32_t>& offsets) {
  constexpr std::int64_t kLongRun = 64, kLongestPeriod = 256;
  kernels::Table table{0, 1, nullptr};
  const auto reach_fits = [&](int k) {
    return std::all_of(streams.begin(), streams.end(), [&](const kernels::Stream* s) {
      return std::abs(s->stride[k]) <= INT32_MAX / (isa::kLoops * nest.count[k]);
    });
  };
  while (table.loops < nest.depth && nest.count[nest.depth - 1] < kLongRun) {
    const int k = nest.depth - table.loops - 1;
    if (table.period * nest.count[k] > kLongestPeriod || !reach_fits(k)) break;
    table.period *= nest.count[k];
    ++table.loops;
  }
  std::vector<std::int32_t> written;
  for (const kernels::Stream* stream : streams)
    for (std::int64_t n = 0; table.loops > 0 && n < table.period; ++n) {
      std::int64_t offset = 0, rest = n;
      for (int k = nest.depth - 1; k >= nest.depth - table.loops; --k) {
        offset += rest % nest.count[k] * stream->stride[k];
        rest /= nest.count[k];
      }
      written.push_back(static_cast<std::int32_t>(offset));
    }
  offsets = std::make_shared<const std::vector<std::int32_t>>(std::move(written));
  return table;
}

bool surely_distinct(const kernels::Nest& nest, const kernels::Stream& stream, std::int64_t extent) {
  std::vector<std::pair<std::int64_t, std::int64_t>> loops;  // |stride|, count
  for (int k = 0; k < nest.depth; ++k)
    if (nest.count[k] > 1) loops.emplace_back(std::abs(stream.stride[k]), nest.count[k]);
  std::sort(loops.begin(), loops.end());
  std::int64_t span = extent;
  for (const auto& [stride, count] : loops) {
    if (stride < span) return false;
    span += stride * (count - 1);
  }
  return true;
}

}  // namespace anzan::models
