// What every kernel set is made of. Included inside the namespace of a kernel set.
// clang-format off
#include "models/kernels/walk.hpp"
#include "models/kernels/portable_values.hpp"
#include "models/kernels/portable_quantise.hpp"
#include "models/kernels/portable_drain.hpp"
#include "models/kernels/portable_rows.hpp"
#include "models/kernels/run_tensor.hpp"
#include "models/kernels/vector_operations.hpp"
#include "models/kernels/run_vector.hpp"
#include "models/kernels/run_dma.hpp"
// clang-format on

template <class Ops>
constexpr KernelSet set_of(const char* name) {
  return {name, Ops::kLanes, run_tensor<Ops>, run_vector<Ops>, run_copy<Ops>, run_transpose<Ops>};
}
