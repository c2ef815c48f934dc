// Waits and signals between units: see semaphores.hpp.
#include "compiler/schedule/semaphores.hpp"

#include <algorithm>
#include <utility>

#include "compiler/instructions/units.hpp"

namespace anzan::compiler {
namespace {

static_assert(kFirstRemoteSemaphore == kUnits * (kUnits - 1), "one semaphore an ordered pair of units");

std::uint32_t& wait_of(isa::Instruction& i) {
  return *std::visit([](auto& x) { return &x.wait; }, i);
}
std::uint32_t& signal_of(isa::Instruction& i) {
  return *std::visit([](auto& x) { return &x.signal; }, i);
}

}  // namespace

std::size_t semaphore_number(std::size_t from, std::size_t to) {
  return from * (kUnits - 1) + to - (to > from ? 1 : 0);
}

void add_semaphores(isa::Program& program, const Dependencies& dependencies) {
  for (isa::Instruction& i : program) wait_of(i) = signal_of(i) = 0;
  // newest instruction of unit u whose end unit v knows of: [v][u]
  PerUnit<PerUnit<std::int32_t>> known{};
  for (auto& k : known) k.fill(-1);
  // what the unit of each instruction knew when it started: its signal passes that on
  std::vector<PerUnit<std::int32_t>> knowledge(program.size());
  for (std::size_t number = 0; number < program.size(); ++number) {
    isa::Instruction& instruction = program[number];
    if (!works(instruction)) continue;
    const std::size_t unit = unit_number(instruction);
    PerUnit<std::int32_t> needs;
    needs.fill(-1);
    for (const std::int32_t earlier : dependencies.before[number]) {
      std::int32_t& newest = needs[unit_number(program[static_cast<std::size_t>(earlier)])];
      newest = std::max(newest, earlier);
    }
    // the newest first: what it knows may make the others needless
    for (std::size_t round = 0; round < kUnits; ++round) {
      const auto newest = std::max_element(needs.begin(), needs.end());
      const auto from = static_cast<std::size_t>(newest - needs.begin());
      const std::int32_t signaller = std::exchange(*newest, -1);
      if (from == unit || signaller <= known[unit][from]) continue;
      const std::uint32_t semaphore = std::uint32_t{1} << semaphore_number(from, unit);
      signal_of(program[static_cast<std::size_t>(signaller)]) |= semaphore;
      wait_of(instruction) |= semaphore;
      known[unit][from] = signaller;
      for (std::size_t u = 0; u < kUnits; ++u) {
        known[unit][u] = std::max(known[unit][u], knowledge[static_cast<std::size_t>(signaller)][u]);
      }
    }
    knowledge[number] = known[unit];
  }
}

void add_semaphores(Listing& listing, const Dependencies& dependencies) {
  add_semaphores(listing.program, dependencies);
  for (std::size_t i = 0; i < listing.program.size(); ++i) {
    if (const Exchanged* exchanged = listing.exchanged_at(i))
      wait_of(listing.program[i]) |= exchanged->arrivals;
  }
}

isa::Program Listing::in_core(int core) const {
  isa::Program result = program;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const Exchanged* e = exchanged_at(i);
    if (e == nullptr || !e->in_core) continue;
    isa::Instruction there = e->in_core(core);
    wait_of(there) = wait_of(result[i]);
    signal_of(there) = signal_of(result[i]);
    result[i] = std::move(there);
  }
  return result;
}

}  // namespace anzan::compiler
