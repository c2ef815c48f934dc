// The program of one core out of what all cores share.
#include "compiler/instructions/listing.hpp"

namespace anzan::compiler {
namespace {

isa::Index* index_of(isa::Instruction& i) {
  if (auto* t = std::get_if<isa::Tensor>(&i)) return &t->x;
  if (auto* v = std::get_if<isa::Vector>(&i)) return &v->x;
  return nullptr;
}

}  // namespace

isa::Program Listing::in_core(int core) const {
  isa::Program result = program;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const Exchanged* e = exchanged_at(i);
    if (e != nullptr && e->in_core) {
      isa::Instruction there = e->in_core(core);
      isa::wait(there) = isa::wait(result[i]);
      isa::signal(there) = isa::signal(result[i]);
      result[i] = std::move(there);
    }
    isa::Index* const x = index_of(result[i]);
    if (x != nullptr && i < index_shift.size() && index_shift[i]) x->base += (*index_shift[i])(core);
  }
  return result;
}

}  // namespace anzan::compiler
