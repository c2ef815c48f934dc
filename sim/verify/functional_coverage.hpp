// What random programs reach: named bins, each with how many instructions or programs hit it. Formats and
// roundings of every instruction, policies and their decisions, counts at both ends, semaphores between
// units, full and empty queues, units side by side.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "isa/program.hpp"
#include "models/core.hpp"
#include "models/program_timing.hpp"
#include "sim/rtl/core.hpp"
#include "sim/verify/random_shape.hpp"

namespace anzan::sim {

class FunctionalCoverage {
 public:
  FunctionalCoverage();  // all bins, none of them hit

  // A program, the core before and after it, and its cycles. Of the slots in `slots` it is seen what they
  // did.
  void note(const isa::Program& program, const models::Core& before, const models::Core& after,
            const models::ProgramTiming& timing, SlotRange slots);

  // What is extreme about it.
  void note(const RandomProgramShape& shape, const isa::Program& program, const models::BlockLog& log);

  const std::map<std::string, std::int64_t>& bins() const { return bins_; }
  std::vector<std::string> missed() const;

 private:
  void hit(const std::string& bin);  // which there must be
  void note_instruction(const isa::Instruction& instruction, const models::Core& before);
  void note_tensor(const isa::Tensor& tensor, const models::Core& before);
  void note_vector(const isa::Vector& vector, const models::Core& before);
  void note_semaphores(const isa::Program& program);
  void note_slots(const isa::Program& program, const models::Core& before, const models::Core& after,
                  SlotRange slots);
  void note_loops(const isa::Instruction& instruction);
  void note_counts(const RandomProgramShape& shape, const isa::Program& program);
  void note_time(const isa::Program& program, const models::ProgramTiming& timing);

  std::map<std::string, std::int64_t> bins_;
};

}  // namespace anzan::sim
