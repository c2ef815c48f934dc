// Rows of channels are worked on as a whole, lanes without a channel included; what goes to a tensor that is
// counted has only those with one.
#include "compiler/lowering/channel_values.hpp"

#include <algorithm>

#include "models/number_format.hpp"

namespace anzan::compiler {

std::int64_t ChannelValues::lines(int tensor) const {
  const isa::Format format = low_.graph().tensor(tensor).format;
  return models::lines_of_rows(format, most_rows() + models::elements_per_word(format) - 1);
}

std::int64_t ChannelValues::first_row(const TensorInfo& t, std::int64_t line) const {
  return models::row_of_line(t.format, line) + rows_.begin % models::elements_per_word(t.format);
}

void ChannelValues::move(const TensorInfo& t, std::int64_t line, bool in) {
  const Location hbm = in_hbm(low_.base_row(t) + rows_.begin), here = in_scratchpad(first_row(t, line));
  low_.copy(t.format, in ? hbm : here, in ? here : hbm, {{rows_.size(), 1, 1}});
}

ChannelValues::Value ChannelValues::load(int tensor, std::int64_t line) {
  const TensorInfo& t = low_.graph().tensor(tensor);
  move(t, line, true);
  return {rows(t.format, t.slot, first_row(t, line)), line};
}

void ChannelValues::produce(int tensor, const Value& value, std::int64_t line) {
  const TensorInfo& t = low_.graph().tensor(tensor);
  const std::int64_t lanes = low_.lanes(), whole = std::min(rows_.end, channels_ / lanes);
  const auto write = [&](const Range& part, std::int64_t used) {
    if (part.size() <= 0) return;
    Value from = value;
    from.operand.at.base += static_cast<std::uint32_t>(part.begin - rows_.begin);
    isa::Vector v = instruction(V::kCopy, from, {from});
    low_.produces(v, t);
    v.o = at(first_row(t, line) + part.begin - rows_.begin);
    v.mask = lane_mask(0, used);
    v.x = indices(part.begin * lanes, 1);
    low_.emit(v, loops({from}, part.size(), lanes));
  };
  write({rows_.begin, whole}, lanes);
  write({std::max(whole, rows_.begin), rows_.end}, channels_ % lanes);
  move(t, line, false);
}

isa::Vector ChannelValues::instruction(V op, const Value& out, const Inputs& in) const {
  isa::Vector v;
  v.op = op;
  v.a = in.a.operand;
  v.b = in.b.operand;
  v.c = in.c.operand;
  v.mask = lane_mask(0, low_.lanes());
  writes_to(v, isa::Format::kFp32, kConstantSlot);
  v.o = at(out.line);
  return v;
}

Nest ChannelValues::loops(const Inputs& in, std::int64_t rows, std::int64_t index) const {
  const auto step = [](const Value& v) { return v.operand.kind == isa::OperandKind::kRows ? 1 : 0; };
  return Nest().loop(rows, {step(in.a), step(in.b), step(in.c), 1, index});
}

}  // namespace anzan::compiler
