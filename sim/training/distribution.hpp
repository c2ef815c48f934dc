// What the host moves between the cores of a system: images to the cores that train on them, weights and
// settings to and from all, and what they have counted, for reports. One core of the host's has the whole
// network; where every core does, it is core 0.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "sim/engines/cores.hpp"
#include "sim/training/batch_writer.hpp"

namespace anzan::sim {

class Distribution {
 public:
  // All must outlive this. `whole` is core 0 of the system unless the network is divided. Settings must have
  // been loaded into `whole`; constants are written to all cores.
  Distribution(const compiler::CompiledModel& model, const compiler::Network& network, models::Core& whole,
               Cores& cores);

  bool divided() const { return model_.system.divided(); }
  // Gives every core the whole core's settings store, its windows, and what it has of its memory.
  void spread();
  // Brings what the cores have changed in their memories back to the whole core.
  void collect();

  // Where the network is not divided, gives every core the running averages of core 0, for inference.
  void share_averages();

  // Images of a batch of all cores, to those that read them.
  void write(const ImageSet& set, const std::vector<std::int64_t>& images);
  // To the whole core, at most the images of one core.
  void write_whole(const ImageSet& set, const std::vector<std::int64_t>& images);
  void set_binary_point() { whole_writer_.set_binary_point(); }  // of the images
  double loss(std::int64_t image) const;  // of the batch's images, the mean of its pixels, after a step

  // Before a step.
  void clear_totals();
  // After it: settings, windows and totals come to the whole core. Where a slot has a binary point the cores
  // have summed what they counted themselves, and std::logic_error is thrown where they differ in what they
  // must have in common. Others no settings optimiser reads: their totals are added up here, for reports.
  void collect_statistics();

 private:
  struct Copy {
    const compiler::TensorInfo *whole, *part;
    std::size_t stage;
  };
  BatchWriter writer(int core, const compiler::Network& network);
  const compiler::TensorInfo* part(std::size_t stage, const std::string& name) const;
  std::int64_t first_element(const compiler::TensorInfo& part, int core) const;
  models::SlotStatistics counted_by_all(std::size_t slot) const;
  bool has(int core, std::size_t slot) const { return has_slot_[model_.stage_of(core)][slot]; }

  const compiler::CompiledModel& model_;
  models::Core& whole_;
  Cores& cores_;
  BatchWriter whole_writer_;
  std::vector<BatchWriter> writers_;
  std::vector<Copy> persistent_;                   // where the network is divided
  std::vector<std::vector<bool>> has_slot_;        // stage, slot: cores of the stage use it
  std::vector<const compiler::TensorInfo*> loss_;  // by stage
};

}  // namespace anzan::sim
