// A Verilated block and its clock, and ports as words, whatever type Verilator gives them. Sees Verilator's
// header: not to be included where SystemC is.
#pragma once
#include <verilated.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "models/clocked/surroundings.hpp"

namespace anzan::sim {

template <class Port, class Value>
void set_port(Port& port, Value value) {
  port = static_cast<std::remove_reference_t<Port>>(value);
}

template <class Module>
class RtlPins {
 public:
  RtlPins() : rtl_(entered(context_)) {}
  ~RtlPins() {
    entered(context_);
    rtl_.final();
  }
  RtlPins(const RtlPins&) = delete;
  RtlPins& operator=(const RtlPins&) = delete;

  Module* operator->() { return &rtl_; }
  const Module* operator->() const { return &rtl_; }

  void reset() {
    rtl_.rst_ni = 0;
    tick();
    rtl_.rst_ni = 1;
  }
  void settle() {  // the outputs of this cycle
    rtl_.clk_i = 0;
    rtl_.eval();
  }
  void edge() {  // ends it
    rtl_.clk_i = 1;
    rtl_.eval();
  }
  void tick() {
    settle();
    edge();
  }

 private:
  // Modules enter themselves into, and leave, the context that a thread has used last.
  static VerilatedContext* entered(VerilatedContext& context) {
    Verilated::threadContextp(&context);
    return &context;
  }

  VerilatedContext context_;
  Module rtl_;
};

// A line of counters in a port that may hold several.
template <class Port>
models::clocked::CounterLine counters_at(const Port& port, std::size_t line = 0) {
  models::clocked::CounterLine counts;
  std::memcpy(counts.data(), &port[line * counts.size()], sizeof counts);
  return counts;
}
template <class Port>
void set_counters(Port& port, const models::clocked::CounterLine& counts, std::size_t line = 0) {
  std::memcpy(&port[line * counts.size()], counts.data(), sizeof counts);
}

// What a lookup answers: rounding, q_write, q_read, width, the last in the low bits.
inline constexpr int kLookupWidthBits = 5, kLookupPointBits = 7;
inline std::uint32_t lookup_word(const models::clocked::Lookup& lookup) {
  const auto point = [](std::int8_t q) { return static_cast<std::uint32_t>(q & 127); };
  return lookup.width | point(lookup.q_read) << kLookupWidthBits |
         point(lookup.q_write) << (kLookupWidthBits + kLookupPointBits) |
         static_cast<std::uint32_t>(lookup.rounding) << (kLookupWidthBits + 2 * kLookupPointBits);
}
inline models::clocked::Lookup lookup_of(std::uint32_t word) {
  const auto point = [word](int lsb) {
    const int bits = static_cast<int>(word >> lsb & 127);
    return static_cast<std::int8_t>(bits < 64 ? bits : bits - 128);
  };
  models::clocked::Lookup lookup;
  lookup.width = static_cast<std::uint8_t>(word & 31);
  lookup.q_read = point(kLookupWidthBits);
  lookup.q_write = point(kLookupWidthBits + kLookupPointBits);
  lookup.rounding = static_cast<isa::Rounding>(word >> (kLookupWidthBits + 2 * kLookupPointBits));
  return lookup;
}

}  // namespace anzan::sim
