// An instruction waits for the newest one it needs of each unit, unless its own unit knows already that it
// has ended.
#include "compiler/schedule/semaphores.hpp"

#include <algorithm>
#include <utility>

namespace anzan::compiler {

std::size_t semaphore_number(std::size_t from, std::size_t to) {
  return from * (isa::kWorkers - 1) + to - (to > from ? 1 : 0);
}

void add_semaphores(isa::Program& program, const Dependencies& dependencies) {
  for (isa::Instruction& i : program) isa::wait(i) = isa::signal(i) = 0;
  // newest instruction of unit u whose end unit v knows of: [v][u]
  isa::PerWorker<isa::PerWorker<std::int32_t>> known{};
  for (auto& k : known) k.fill(-1);
  // what the unit of each instruction knew when it started: its signal passes that on
  std::vector<isa::PerWorker<std::int32_t>> knowledge(program.size());
  for (std::size_t number = 0; number < program.size(); ++number) {
    isa::Instruction& instruction = program[number];
    if (!isa::works(instruction)) continue;
    const std::size_t unit = isa::worker_number(instruction);
    isa::PerWorker<std::int32_t> needs;
    needs.fill(-1);
    for (const std::int32_t earlier : dependencies.before[number]) {
      std::int32_t& newest = needs[isa::worker_number(program[static_cast<std::size_t>(earlier)])];
      newest = std::max(newest, earlier);
    }
    // the newest first: what it knows may make the others needless
    for (std::size_t round = 0; round < isa::kWorkers; ++round) {
      const auto newest = std::max_element(needs.begin(), needs.end());
      const auto from = static_cast<std::size_t>(newest - needs.begin());
      const std::int32_t signaller = std::exchange(*newest, -1);
      if (from == unit || signaller <= known[unit][from]) continue;
      const std::uint32_t semaphore = std::uint32_t{1} << semaphore_number(from, unit);
      isa::signal(program[static_cast<std::size_t>(signaller)]) |= semaphore;
      isa::wait(instruction) |= semaphore;
      known[unit][from] = signaller;
      for (std::size_t u = 0; u < isa::kWorkers; ++u) {
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
      isa::wait(listing.program[i]) |= exchanged->arrivals;
  }
}

}  // namespace anzan::compiler
