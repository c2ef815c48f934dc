// What every kernel set is made of. Included inside the namespace of a kernel set.
// What runs for every row or tile is inlined, whatever the compiler thinks of its size.
#define ANZAN_FORCE __attribute__((always_inline))
#define ANZAN_INLINE ANZAN_FORCE inline

// clang-format off
#include "models/kernels/walk-inl.hpp"
#include "models/kernels/portable_values-inl.hpp"
#include "models/kernels/portable_quantise-inl.hpp"
#include "models/kernels/portable_drain-inl.hpp"
#include "models/kernels/portable_rows-inl.hpp"
#include "models/kernels/run_tensor-inl.hpp"
#include "models/kernels/vector_operations-inl.hpp"
#include "models/kernels/run_vector-inl.hpp"
#include "models/kernels/run_dma-inl.hpp"
// clang-format on

template <class Ops>
constexpr KernelSet set_of(const char* name) {
  return {name, Ops::kLanes, run_tensor<Ops>, run_vector<Ops>, run_copy<Ops>, run_transpose<Ops>};
}
