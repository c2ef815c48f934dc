// Batch normalisation: what is done channel by channel, between sums over all images and operations on every
// element.
#pragma once
#include <vector>

#include "compiler/lowering/channel_values.hpp"

namespace anzan::compiler {

// The numbers of a channel in y = x a0 + a1 and dx = dy a0 + (x a1 + a2).
class BatchNormFactors {
 public:
  // `training`: by this step's images, else by the running averages.
  BatchNormFactors(Lowering& low, const Op& op, bool training);

  std::int64_t lines() const;  // that compute() allocates
  void compute();
  isa::Operand of(std::size_t factor, std::int64_t channel) const;  // one element for all lanes

 private:
  std::size_t count() const { return op_.kind == OpKind::kBatchNorm ? 2 : 3; }

  Lowering& low_;
  const Op& op_;
  bool training_;
  std::vector<std::int64_t> lines_;  // of the factors: a row for L channels
};

void lower_batch_norm(Lowering& low, const Op& op, bool training);
void lower_batch_norm_backward_weight(Lowering& low, const Op& op);
void lower_batch_norm_averages(Lowering& low, const Op& op);

}  // namespace anzan::compiler
