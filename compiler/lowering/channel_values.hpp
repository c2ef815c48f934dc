// Arithmetic on the values of channels: FP32 rows of L channels in the scratchpad, and tensors that have such
// rows.
#pragma once
#include <cstdint>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// Works on some of the rows of the vectors of a layer at a time. An emitter for functions.hpp.
class ChannelValues {
 public:
  using V = isa::VectorOp;
  struct Value {
    isa::Operand operand;
    std::int64_t line = 0;  // where its rows stand
  };

  // Of vectors of so many channels.
  ChannelValues(Lowering& low, std::int64_t channels)
      : low_(low), channels_(channels), rows_{0, ceil_div(channels, low.lanes())} {}

  // Rows that a vector has, and the most that are worked on at a time.
  std::int64_t vector_rows() const { return ceil_div(channels_, low_.lanes()); }
  std::int64_t most_rows() const { return std::min<std::int64_t>(vector_rows(), 16); }
  // What is worked on from now on.
  void begin(const Range& rows) { rows_ = rows; }

  static Value at_line(std::int64_t line) { return {rows(isa::Format::kFp32, kConstantSlot, line), line}; }
  // From `line` on; lines that the rows take there.
  Value load(int tensor, std::int64_t line);
  std::int64_t lines(int tensor) const;

  template <class... In>
  void emit(V op, const Value& out, const Value& a, const In&... in) {
    low_.emit(instruction(op, out, {a, in...}), loops({a, in...}, rows_.size(), 0));
  }
  Value number(double value) { return {scalar(low_.scalar(static_cast<float>(value)))}; }
  Value bits(std::uint32_t value) { return {scalar(low_.scalar_bits(value))}; }

  // Writes a result to a tensor of its own settings, and that to HBM, by way of rows from `line` on.
  void produce(int tensor, const Value& value, std::int64_t line);

 private:
  struct Inputs {
    Value a{}, b{}, c{};
  };
  isa::Vector instruction(V op, const Value& out, const Inputs& in) const;
  Nest loops(const Inputs& in, std::int64_t rows, std::int64_t index) const;
  // The tensor's rows on the way from or to `line`, where they keep their places within a line.
  std::int64_t first_row(const TensorInfo& t, std::int64_t line) const;
  void move(const TensorInfo& t, std::int64_t line, bool in);

  Lowering& low_;
  std::int64_t channels_;
  Range rows_;
};

}  // namespace anzan::compiler
