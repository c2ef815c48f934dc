// What cores that have parts of one network send each other: tensors from stage to stage of a pipeline,
// channels along the tensor axis. Everything goes in messages of a few tiles of a tensor.
#pragma once
#include <memory>
#include <vector>

#include "compiler/parallel/partition.hpp"
#include "compiler/parallel/road.hpp"

namespace anzan::compiler {

using Lowerings = std::vector<std::unique_ptr<Lowering>>;  // one for each stage

class Division {
 public:
  // For one program that does `ops` once, written into `listing`. Throws InputError where the scratchpad has
  // no room for messages.
  Division(Lowerings& stages, const std::vector<Op>& ops, Listing& listing);
  ~Division();

  // kTransfer: the tensor's tiles are loaded, sent, and stored in the stage that receives.
  // kGather: around the ring every core's share comes by; each stores all of them.
  // kReduceScatter: a share goes around the ring, each core adds its part, the last is the one whose it is.
  // kSlice: the own share of what every core has is copied.
  void lower(const Op& op);

  // What the step has counted (counters.hpp): sums around the tensor axis, of slots that are complete forward
  // once it has gone forward, of the others at its end; then, summed over images too, from stage to stage.
  void sum_counters(bool forward);
  void pass_counters_on();

 private:
  class Roads;
  std::unique_ptr<Roads> roads_;
};

}  // namespace anzan::compiler
