// The kernels for x86-64-v4 with VNNI: AVX-512.
#include <cstddef>
#include <type_traits>

#include "models/kernels/kernels.hpp"

#if defined(__AVX512F__) && defined(__AVX512VNNI__)
#include <immintrin.h>

namespace anzan::models::kernels {
namespace {
// Each uses what is before it.
// clang-format off
#include "models/kernels/run-inl.hpp"
#include "models/kernels/row_sums-inl.hpp"
#include "models/kernels/avx512_contract-inl.hpp"
#include "models/kernels/avx512_counts-inl.hpp"
#include "models/kernels/avx512_fixed-inl.hpp"
#include "models/kernels/avx512_integers-inl.hpp"
#include "models/kernels/avx512_floats-inl.hpp"
#include "models/kernels/avx512_pack-inl.hpp"
#include "models/kernels/avx512_drain-inl.hpp"
#include "models/kernels/avx512_select-inl.hpp"
#include "models/kernels/avx512_folds-inl.hpp"
#include "models/kernels/avx512_transpose-inl.hpp"
#include "models/kernels/avx512_rows-inl.hpp"
// clang-format on

constexpr KernelSet kSets[] = {set_of<Portable<4>>("avx512"), set_of<Portable<8>>("avx512"),
                               set_of<Avx512<16>>("avx512"), set_of<Avx512<32>>("avx512")};
}  // namespace

const KernelSet* avx512_kernels(int lanes) {
  for (const KernelSet& set : kSets)
    if (set.lanes == lanes) return &set;
  return nullptr;
}

}  // namespace anzan::models::kernels
#else
namespace anzan::models::kernels {
const KernelSet* avx512_kernels(int) { return nullptr; }
}  // namespace anzan::models::kernels
#endif
