// A Verilated block and its clock, and ports as words, whatever type Verilator gives them. Sees Verilator's
// header: not to be included where SystemC is.
#pragma once
#include <verilated.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "isa/records.hpp"
#include "models/clocked/surroundings.hpp"

namespace anzan::sim {

template <class Port, class Value>
void set_port(Port& port, Value value) {
  port = static_cast<std::remove_reference_t<Port>>(value);
}

// Modules enter themselves into, and leave, the context that a thread has used last.
inline VerilatedContext* entered(VerilatedContext& context) {
  Verilated::threadContextp(&context);
  return &context;
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

inline std::uint32_t lookup_word(const models::clocked::Lookup& lookup) { return isa::pack(lookup)[0]; }
inline models::clocked::Lookup lookup_of(std::uint32_t word) {
  return isa::unpack<models::clocked::Lookup>({word});
}

}  // namespace anzan::sim
