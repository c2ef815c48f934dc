// The kernels for x86-64-v3: AVX2 and FMA.
#include <cstddef>
#include <type_traits>

#include "models/kernels/kernels.hpp"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace anzan::models::kernels {
namespace {
// Each uses what is before it.
// clang-format off
#include "models/kernels/run-inl.hpp"
#include "models/kernels/row_sums-inl.hpp"
#include "models/kernels/avx2_contract-inl.hpp"
// clang-format on

constexpr KernelSet kSets[] = {set_of<Portable<4>>("avx2"), set_of<Avx2<8>>("avx2"), set_of<Avx2<16>>("avx2"),
                               set_of<Avx2<32>>("avx2")};
}  // namespace

const KernelSet* avx2_kernels(int lanes) {
  for (const KernelSet& set : kSets)
    if (set.lanes == lanes) return &set;
  return nullptr;
}

}  // namespace anzan::models::kernels
#else
namespace anzan::models::kernels {
const KernelSet* avx2_kernels(int) { return nullptr; }
}  // namespace anzan::models::kernels
#endif
