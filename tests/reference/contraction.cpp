// The factors of a contraction, widened where their formats differ; see contraction.hpp.
#include "tests/reference/contraction.hpp"

namespace anzan::reference {

Factors::Factors(const StoredTensor& left, const StoredTensor& right)
    : exact(left.integer() && right.integer()) {
  const auto fill = [this](Factor& factor, const StoredTensor& tensor) {
    factor.q = tensor.q;
    if (exact) {
      factor.integers = tensor.stored;
      factor.integers.insert(factor.integers.begin(), 0);
    } else {
      factor.reals = tensor.reals();
      factor.reals.insert(factor.reals.begin(), 0.0F);
    }
  };
  fill(a, left);
  fill(b, right);
}

}  // namespace anzan::reference
