// A system of cores with a compiled network loaded: initial weights, first binary points, training steps and
// inference. The driver's side of the protocol in compiler/compiler.hpp. With several cores each has its
// share of a batch or its part of the network; the first binary points and inference are then the work of one
// core that has the whole network and the images of one.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/engines/system.hpp"
#include "sim/engines/timed_engine.hpp"
#include "sim/training/distribution.hpp"

namespace anzan::sim {

class Machine {
 public:
  // `model` must outlive the machine, and so must the engine that runs all programs where it is given, one of
  // one core or one of a system; otherwise the functional engine does. Throws InputError if the model's HBM
  // is larger than the host's memory.
  Machine(const compiler::CompiledModel& model, const compiler::Network& network, std::uint32_t seed,
          int threads, TimedEngine* engine = nullptr, TimedSystemEngine* system_engine = nullptr);

  // Draws the initial weights, stores them, and finds the first binary points on a batch of the set.
  // Every slot finds its point as policy `max` does (`overflow_rate` and `min_error` keep their own
  // rule), deciding at once; settings of the configuration, with no past, hold from then on.
  void initialise(const ImageSet& set, const std::vector<std::int64_t>& images, double learning_rate);

  // The images of a batch, of all cores.
  std::int64_t batch() const { return model_.training.batch * model_.system.data_cores(); }

  // One training step on a whole batch; returns the mean loss of an image.
  double step(const ImageSet& set, const std::vector<std::int64_t>& images, std::int64_t number,
              double learning_rate);

  // Runs inference on up to a batch of images; returns how many are classified rightly. Training is
  // not influenced.
  std::int64_t classify(const ImageSet& set, const std::vector<std::int64_t>& images);

  // SHA-256 over name, shape, format, binary point and stored bits of tensors in logical order:
  // independent of layout, tiling and engine.
  std::string digest_of_weights();  // every parameter
  std::string digest_of_state();    // every tensor that lives from step to step

  // Cycles of the runs of each program so far; zeros from the functional engine.
  struct Cycles {
    std::int64_t initialize = 0, calibrate = 0, step = 0, evaluate = 0;
    std::int64_t total() const { return initialize + calibrate + step + evaluate; }
  };
  const Cycles& cycles() const { return cycles_; }

  const compiler::CompiledModel& model() const { return model_; }
  // A core that has the whole network, core 0 where all have: its settings and, after a step, statistics are
  // those of the system, its weights after collect().
  models::Core& core() { return whole_ ? whole_->core(0) : system_.core(0); }
  void collect() { distribution_.collect(); }
  // Gives every core what it needs of that core's memory, settings store and windows, as after a step.
  void spread() { distribution_.spread(); }

 private:
  // The same program on every core, or one for each.
  void run(std::vector<LoadedProgram>& programs, std::int64_t& cycles);
  // One that only the host waits for, on the core that has the whole network.
  void run_whole(std::vector<LoadedProgram>& programs, std::int64_t& cycles);
  std::int64_t classify_at_once(const ImageSet& set, const std::vector<std::int64_t>& images);
  void load_settings();
  void set_learning_rate(double learning_rate);
  void write_initial_weights();
  std::string digest_of(const std::vector<const compiler::TensorInfo*>& tensors);

  const compiler::CompiledModel& model_;
  std::uint32_t seed_;
  System system_;
  std::unique_ptr<System> whole_;  // where the network is divided: one core that has all of it
  Distribution distribution_;
  std::vector<LoadedProgram> initialize_, calibrate_, step_, evaluate_;  // one for each core
  TimedEngine* engine_;
  TimedSystemEngine* system_engine_;
  Cycles cycles_;
};

}  // namespace anzan::sim
