// Trains a compiled network on the cores of a system: initial weights, first binary points, training steps
// and inference. The driver's side of the protocol in compiler/compiler.hpp. With several cores each has its
// share of a batch or its part of the network; the first binary points and inference are then the work of one
// core that has the whole network and the images of one.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/engines/cores.hpp"
#include "sim/engines/engine.hpp"
#include "sim/training/distribution.hpp"
#include "sim/training/update_watch.hpp"

namespace anzan::sim {

class Trainer {
 public:
  // `model` and the engine, which runs the programs, must outlive the trainer. Throws InputError if the
  // model's HBM is larger than the host's memory.
  Trainer(const compiler::CompiledModel& model, const compiler::Network& network, std::uint32_t seed,
          int threads, Engine& engine);

  // Takes the initial weights that the network brings, draws the others, stores them, and finds the first
  // binary points on a batch of the set. Every slot finds its point as policy `max` does (`overflow_rate` and
  // `min_error` keep their own rule), deciding at once; settings of the configuration, with no past, hold
  // from then on.
  void initialise(const ImageSet& set, const std::vector<std::int64_t>& images, double learning_rate,
                  models::Watch watch = {});

  // The images of a batch, of all cores.
  std::int64_t batch() const { return model_.training.batch * model_.system.data_cores(); }

  // One training step on a whole batch; returns the mean loss of an image.
  double step(const ImageSet& set, const std::vector<std::int64_t>& images, std::int64_t number,
              double learning_rate);

  // Of the last step, parameter by parameter.
  const std::vector<Updates>& updates() const { return updates_; }

  // Runs inference on images; returns how many labels it finds, of images or of all their pixels. Training
  // is not influenced.
  std::int64_t classify(const ImageSet& set, const std::vector<std::int64_t>& images);

  // SHA-256 over name, shape, format, binary point and stored bits of tensors in logical order:
  // independent of layout, tiling and engine.
  std::string digest_of_weights();  // every parameter
  std::string digest_of_state();    // every tensor that lives from step to step

  // Of all runs of each program so far; zeros where the engine knows no time, and for what the host's core
  // runs.
  using Cycles = compiler::ByProgram<std::int64_t>;
  const Cycles& cycles() const { return cycles_; }

  const compiler::CompiledModel& model() const { return model_; }
  // A core that has the whole network, core 0 where all have: its settings and, after a step, statistics are
  // those of the system, its weights after collect().
  models::Core& core() { return whole_ ? whole_->core(0) : cores_.core(0); }
  Cores& cores() { return cores_; }  // that do the steps
  void collect() { distribution_.collect(); }
  // Gives every core what it needs of that core's memory, settings store and windows, as after a step.
  void spread() { distribution_.spread(); }

 private:
  // The step on all cores; the other programs on those that have the whole network.
  Cores& cores_for(compiler::ProgramKind kind);
  void run(compiler::ProgramKind kind, std::vector<LoadedProgram>& programs);
  void run_watched(compiler::ProgramKind kind, std::vector<LoadedProgram>& programs, models::Watch watch);
  std::int64_t classify_at_once(const ImageSet& set, const std::vector<std::int64_t>& images);
  void set_scalars(double learning_rate, std::int64_t step);
  std::vector<float> initial_values_of(const compiler::ParameterInfo& parameter) const;
  void run_initial(const compiler::CompiledModel::InitialPart& part, models::Watch watch);
  void clear_unread_windows();
  std::string digest_of(const std::vector<const compiler::TensorInfo*>& tensors);

  const compiler::CompiledModel& model_;
  std::uint32_t seed_;
  std::shared_ptr<const compiler::ParameterValues> initial_;  // what is not drawn
  Engine& engine_;
  Cores cores_;
  std::optional<Cores> whole_;  // where the network is divided: one core that has all of it
  Distribution distribution_;
  UpdateWatch watch_;
  std::vector<Updates> updates_;
  compiler::ByProgram<std::vector<LoadedProgram>> programs_;  // one for each core that runs it
  Cycles cycles_{};
};

}  // namespace anzan::sim
