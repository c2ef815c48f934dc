// Puts, takes and credits: see channel.hpp.
#include "compiler/channel.hpp"

#include <utility>

namespace anzan::compiler {
namespace {

isa::Put put_lines(std::int64_t src, std::int64_t dst, std::int64_t lines, std::uint32_t signal) {
  isa::Put p;
  p.element = isa::Format::kFp32;
  p.remote_signal = signal;
  p.src = at(src);
  p.dst = at(dst);
  p.loops.back() = static_cast<std::uint16_t>(lines);
  p.src.stride.back() = p.dst.stride.back() = 1;
  return p;
}

Access ordered(std::int64_t number) { return {Access::Resource::kOrder, number, number + 1, true}; }

}  // namespace

std::int64_t Channel::lag(std::int64_t lines, std::int64_t lanes) const {
  const double bytes = static_cast<double>(lines * lanes * (isa::kWordBits / 8));
  return p_.expected_latency_cycles + static_cast<std::int64_t>(bytes / p_.expected_bytes_per_cycle);
}

void Channel::put(Lowering& sender, const std::function<std::int64_t(int core)>& line_in,
                  const Range& touched, std::int64_t lines) {
  const auto number = static_cast<std::int64_t>(puts_.size()), again = number - p_.landing.count;
  const isa::Put put = put_lines(0, p_.landing.line_of(number), lines, p_.arrival);
  Exchanged e;
  e.in_core = [=, axis = p_.axis, distance = p_.distance](int core) {
    isa::Put there = put;
    there.core = static_cast<std::uint16_t>(axis.neighbour(core, distance));
    there.src.base = static_cast<std::uint32_t>(line_in(core));
    return isa::Instruction(there);
  };
  e.touches = {{Access::Resource::kScratchpad, touched.begin, touched.end, false}, ordered(p_.order)};
  if (again >= 0) {
    e.arrivals = p_.credit;
    e.cause = releases_.at(static_cast<std::size_t>(again));
    e.lag_cycles = lag(1, sender.lanes());
  }
  puts_.push_back(sender.emit(put, std::move(e)));
  sizes_.push_back(lines);
}

void Channel::take(Lowering& receiver, const isa::Instruction& instruction, Exchanged exchanged) {
  const auto number = static_cast<std::size_t>(taken_++);
  exchanged.arrivals |= p_.arrival;
  exchanged.cause = puts_.at(number);
  exchanged.lag_cycles = lag(sizes_[number], receiver.lanes());
  exchanged.touches.push_back(ordered(p_.order + 1));
  receiver.emit(instruction, std::move(exchanged));
}

void Channel::release(Lowering& receiver) {
  const auto number = static_cast<std::int64_t>(releases_.size());
  if (number + p_.landing.count >= p_.messages) return releases_.push_back(-1);
  const isa::Put credit = put_lines(p_.credit_line, p_.credit_line, 1, p_.credit);
  Exchanged e;
  e.in_core = [=, axis = p_.axis, distance = p_.distance](int core) {
    isa::Put there = credit;
    there.core = static_cast<std::uint16_t>(axis.neighbour(core, -distance));
    return isa::Instruction(there);
  };
  const std::int64_t line = p_.landing.line_of(number);
  e.touches = {{Access::Resource::kScratchpad, line, line + p_.landing.lines, true}};
  releases_.push_back(receiver.emit(credit, std::move(e)));
}

}  // namespace anzan::compiler
