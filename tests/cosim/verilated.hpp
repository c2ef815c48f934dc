// A Verilated module in a context of its own, and what its ports need.
#pragma once
#include <verilated.h>

#include <cstdint>

namespace anzan::cosim {

template <class Module>
class Verilated {
 public:
  Verilated() : module_(&context_) {}
  ~Verilated() { module_.final(); }
  Verilated(const Verilated&) = delete;
  Verilated& operator=(const Verilated&) = delete;
  Module* operator->() { return &module_; }

  // One clock cycle; for modules with clk_i.
  void cycle() {
    module_.clk_i = 0;
    module_.eval();
    module_.clk_i = 1;
    module_.eval();
  }
  void reset() {
    module_.rst_ni = 0;
    cycle();
    module_.rst_ni = 1;
  }

 private:
  VerilatedContext context_;
  Module module_;
};

// What a signed port of less than 64 bits takes: unused bits of a Verilated port must be zero.
template <class Value>
constexpr std::uint64_t port(Value value, int bits) {
  return static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << bits) - 1);
}
constexpr std::int64_t sign_extended(std::uint64_t value, int bits) {
  return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

}  // namespace anzan::cosim
