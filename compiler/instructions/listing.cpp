// The program of one core out of what all cores share.
#include "compiler/instructions/listing.hpp"

namespace anzan::compiler {

isa::Program Listing::in_core(int core) const {
  isa::Program result = program;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const Exchanged* e = exchanged_at(i);
    if (e == nullptr || !e->in_core) continue;
    isa::Instruction there = e->in_core(core);
    isa::wait(there) = isa::wait(result[i]);
    isa::signal(there) = isa::signal(result[i]);
    result[i] = std::move(there);
  }
  return result;
}

}  // namespace anzan::compiler
