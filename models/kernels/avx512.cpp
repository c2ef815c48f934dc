// The kernels for x86-64-v4 with VNNI: AVX-512.
#include <cstddef>
#include <type_traits>

#include "models/kernels/kernels.hpp"

namespace anzan::models::kernels {
namespace {
#include "models/kernels/walk.hpp"
#include "models/kernels/portable.hpp"
#include "models/kernels/run.hpp"

constexpr KernelSet kSets[] = {set_of<Portable<4>>("avx512"), set_of<Portable<8>>("avx512"),
                               set_of<Portable<16>>("avx512"), set_of<Portable<32>>("avx512")};
}  // namespace

const KernelSet* avx512_kernels(int lanes) {
  for (const KernelSet& set : kSets)
    if (set.lanes == lanes) return &set;
  return nullptr;
}

}  // namespace anzan::models::kernels
