// The kernels for any processor that the whole program is compiled for.
#include <cstddef>
#include <type_traits>

#include "models/kernels/kernels.hpp"

namespace anzan::models::kernels {
namespace {
#include "models/kernels/run-inl.hpp"

constexpr KernelSet kSets[] = {set_of<Portable<4>>("generic"), set_of<Portable<8>>("generic"),
                               set_of<Portable<16>>("generic"), set_of<Portable<32>>("generic")};
}  // namespace

const KernelSet* generic_kernels(int lanes) {
  for (const KernelSet& set : kSets)
    if (set.lanes == lanes) return &set;
  return nullptr;
}

}  // namespace anzan::models::kernels
