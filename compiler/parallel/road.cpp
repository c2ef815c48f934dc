// What puts, takes and credits touch, so that the schedule keeps them in order.
#include "compiler/parallel/road.hpp"

#include <utility>

#include "compiler/input/scratchpad.hpp"
#include "compiler/instructions/moves.hpp"
#include "compiler/instructions/narrow.hpp"

namespace anzan::compiler {

std::int64_t Road::lag(std::int64_t lines, const Lowering& low) const {
  return exchange_.arrival_cycles(lines * line_bytes(low.graph().chip));
}

// Where sender and receiver run the same program, that a buffer has been given back is seen in it.
isa::Put Road::sending(const std::function<std::int64_t(int core)>& line_in, const Range& touched,
                       std::int64_t lines, Exchanged& e) {
  const auto number = static_cast<std::int64_t>(puts_.size());
  isa::Put put = putting_lines(0, line_in(0), p_.landing.line_of(number), lines, p_.arrival);
  e.in_core = [=, axis = p_.axis, distance = p_.distance](int core) {
    isa::Put there = put;
    there.core = narrow<std::uint16_t>(axis.neighbour(core, distance), "the number of a core");
    there.src.base = narrow<std::uint32_t>(line_in(core), "an address");
    return isa::Instruction(there);
  };
  e.touches.push_back(touching(touched.begin, touched.size(), false));
  e.touches.push_back(raising(p_.arrival));
  e.touches.push_back(use_of(number));
  if (number >= p_.landing.count) e.arrivals |= p_.credit;
  sizes_.push_back(lines);
  return put;
}

void Road::put(Lowering& sender, const std::function<std::int64_t(int core)>& line_in, const Range& touched,
               std::int64_t lines) {
  const auto again = static_cast<std::int64_t>(puts_.size()) - p_.landing.count;
  Exchanged e;
  const isa::Put put = sending(line_in, touched, lines, e);
  if (again >= 0) {
    e.cause = releases_.at(static_cast<std::size_t>(again));
    e.lag_cycles = lag(1, sender);
  }
  puts_.push_back(sender.emit(put, std::move(e)));
}

void Road::arrives(Lowering& receiver, Exchanged& e) {
  const auto number = static_cast<std::size_t>(taken_);
  e.arrivals |= p_.arrival;
  e.cause = puts_.at(number);
  e.lag_cycles = lag(sizes_[number], receiver);
  e.touches.push_back(touching(landing_line(), p_.landing.lines, true));
  e.touches.push_back(taking(p_.arrival));
  ++taken_;
}

void Road::take(Lowering& receiver, const isa::Instruction& instruction, Exchanged exchanged) {
  arrives(receiver, exchanged);
  receiver.emit(instruction, std::move(exchanged));
}

void Road::take(Lowering& receiver, Exchanged exchanged) {
  const isa::Instruction in_core_0 = exchanged.in_core(0);
  take(receiver, in_core_0, std::move(exchanged));
}

void Road::forward(Lowering& low, std::int64_t lines) {
  const std::int64_t line = landing_line();
  Exchanged e;
  const isa::Put put = sending([line](int) { return line; }, {line, line + lines}, lines, e);
  arrives(low, e);
  puts_.push_back(low.emit(put, std::move(e)));
}

void Road::release(Lowering& receiver) {
  const auto number = static_cast<std::int64_t>(releases_.size());
  if (number + p_.landing.count >= messages_) return releases_.push_back(-1);
  const isa::Put credit = putting_lines(0, p_.credit_line, p_.credit_line, 1, p_.credit);
  Exchanged e;
  e.in_core = [=, axis = p_.axis, distance = p_.distance](int core) {
    isa::Put there = credit;
    there.core = narrow<std::uint16_t>(axis.neighbour(core, -distance), "the number of a core");
    return isa::Instruction(there);
  };
  e.touches = {touching(p_.landing.line_of(number), p_.landing.lines, true), raising(p_.credit),
               use_of(number)};
  releases_.push_back(receiver.emit(credit, std::move(e)));
}

}  // namespace anzan::compiler
