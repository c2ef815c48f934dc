// The kernels for x86-64-v3: AVX2 and FMA.
#include <cstddef>
#include <type_traits>

#include "models/kernels/kernels.hpp"

namespace anzan::models::kernels {
namespace {
#include "models/kernels/walk.hpp"
#include "models/kernels/portable.hpp"
#include "models/kernels/run.hpp"

constexpr KernelSet kSets[] = {set_of<Portable<4>>("avx2"), set_of<Portable<8>>("avx2"),
                               set_of<Portable<16>>("avx2"), set_of<Portable<32>>("avx2")};
}  // namespace

const KernelSet* avx2_kernels(int lanes) {
  for (const KernelSet& set : kSets)
    if (set.lanes == lanes) return &set;
  return nullptr;
}

}  // namespace anzan::models::kernels
