// What a kernel is told: plain data, everything resolved and checked by the units (models/*_unit.cpp,
// dma.cpp). Kernels are compiled several times for different processors; so this header must hold no function
// that the linker could share between them.
#pragma once
#include <cstdint>

#include "isa/isa_generated.hpp"

namespace anzan::models::kernels {

// Counts of models/statistics_database.hpp, as plain data.
struct Counts {
  std::uint64_t values, zeros, saturated_high, saturated_low, underflows;
  std::uint64_t histogram[isa::kHistogramBins];
};

// Loop counts, outermost first; depth is at least 1.
struct Nest {
  int depth;
  std::int64_t count[isa::kLoops];
};

// An affine stream over a nest: base + Σ index[k] · stride[k]. The unit of an address is stated by its user.
struct Stream {
  std::int64_t base;
  std::int64_t stride[isa::kLoops];
};

// The innermost `loops` loops of a nest written out, where single iterations of them would be slow to walk:
// iteration k of their `period` lies at offsets[s · period + k] in stream s. No table: loops 0, period 1.
struct Table {
  int loops;
  std::int64_t period;
  const std::int32_t* offsets;
};

// A row as the analysis block sees it: a bit a lane, and the bin of each value that is not zero.
struct AnalysedRow {
  std::uint32_t valid, zero, saturated_high, saturated_low, underflow;
  std::uint8_t bin[32];
};

// Who takes rows instead of having them counted. The portable kernels know it.
struct RowTaker {
  void (*take)(void* self, const AnalysedRow& row);
  void* self;
};

// How a row of L wide values is drained.
struct Output {
  std::uint8_t* memory;  // the scratchpad
  isa::Format format;
  bool relu, analyse;
  int lane_first, lane_count;
  int width, q;  // of the output slot; integer formats only
  isa::Rounding rounding;
  std::uint32_t key;          // of the random words
  std::uint32_t lane_stride;  // of the index of the random words
  const RowTaker* rows;       // null: what is analysed is counted
  bool past_caches;           // as of a copy
};

// Where one accumulation step reads, relative to its tile: bytes.
struct StepOffset {
  std::int32_t a, b;
};

// Steps of a sum. Passed by value, in two registers: sums are often short.
struct Steps {
  const StepOffset* first;
  std::int64_t count;
};

struct TensorJob {
  isa::Format format;
  isa::Init init;
  bool spill;
  int row_first, row_count;
  int point;  // binary point of integer accumulators
  const std::uint8_t* memory;
  Nest outer;                 // one iteration a tile
  Stream a, b, c;             // bytes
  Stream o;                   // rows of the output format; lines with spill
  Stream x;                   // index of the random words, modulo 2^32
  std::uint32_t row_stride;   // of that index
  Nest repeat;                // accumulation beyond the table: each iteration runs through all steps
  Stream repeat_a, repeat_b;  // bytes, base 0
  const StepOffset* steps;
  std::int64_t step_count;
  Output output;
};

struct Operand {
  isa::OperandKind kind;  // none: not read
  isa::Format format;
  const std::uint8_t* memory;
  float scale;         // 2^(−q) of integer formats
  std::uint32_t bits;  // the value of a scalar
  Stream at;           // over the outer loops: rows, or elements for a broadcast
  Stream fold;         // over the folded loops, base 0
};

struct VectorJob {
  isa::VectorOp op;
  isa::Reduction reduction;
  Nest outer;   // one iteration an output row
  Table table;  // of `outer`; streams a, b, c, o, x
  Stream o, x;  // rows of the output format; index of the random words
  Nest fold;    // what one output row folds
  std::int64_t fold_count;
  Operand a, b, c;
  Output output;
};

struct CopyJob {
  isa::Format element;
  const std::uint8_t* source;
  std::uint8_t* destination;
  bool past_caches;  // the destination is so large that what is written leaves the caches before it is read
  Nest nest;
  Table table;      // streams src, dst
  Stream src, dst;  // rows of `element`
};

struct TransposeJob {
  isa::Format element;
  std::uint8_t* memory;
  int src_rows, src_lanes, dst_rows;
  Nest nest;
  Stream src, dst;  // rows of `element`
};

}  // namespace anzan::models::kernels
