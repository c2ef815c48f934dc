// A training run from its configuration to its result: steps, tests, checkpoints, interruption.
#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "sim/configuration/configuration.hpp"
#include "sim/cost/chip_cost.hpp"
#include "sim/engines/engine.hpp"
#include "sim/trace/traces.hpp"
#include "sim/training/epoch_order.hpp"
#include "sim/training/interrupt.hpp"
#include "sim/training/progress.hpp"
#include "sim/training/slot_recorder.hpp"
#include "sim/training/trainer.hpp"

namespace anzan::sim {

class TrainingRun {
 public:
  // Compiles the network, reads the data set, prepares `directory` and, where `resume`, takes up its
  // checkpoint; otherwise an earlier result and checkpoint there are removed. Throws InputError if any
  // of that cannot be: the directory has then not been touched, unless it is itself what is wrong.
  TrainingRun(Configuration configuration, std::filesystem::path directory, bool resume,
              Progress::Kind progress, models::Watch start = {});

  // The training step's traces, into the directory.
  void trace(const TraceOptions& options) const;

  // Trains to the end, writes result.json and returns true; or, when SIGINT or SIGTERM arrives, ends the
  // step, writes checkpoint.bin and returns false.
  bool train();

  const nlohmann::json& result() const { return result_; }
  std::int64_t steps_done() const { return step_; }

 private:
  void prepare_directory(bool resume);
  void start(models::Watch watch);
  void restore(const nlohmann::json& header);
  nlohmann::json header() const;
  bool test_is_due() const;
  bool test();  // false: interrupted
  void step();
  void show(bool test_done);
  void save();
  void finish();
  void check_cycles() const;
  ProgramRuns runs() const;

  double smoothed_loss() const;
  double wall_seconds() const;
  std::vector<std::int64_t> batch_of(std::int64_t step);

  Configuration configuration_;
  std::filesystem::path directory_;
  compiler::CompiledModel model_;
  Dataset dataset_;
  std::string identity_;
  int threads_;
  ChipCost cost_;
  std::unique_ptr<Engine> engine_;
  InterruptGuard interrupt_;  // before the trainer, whose threads inherit it
  std::unique_ptr<Trainer> trainer_;
  EpochOrder order_;
  SlotRecorder slots_;
  Progress progress_;

  std::int64_t step_ = 0;
  std::int64_t first_step_ = 0;  // of this part of the run
  std::deque<double> losses_;    // of the last steps
  nlohmann::json history_ = nlohmann::json::array();
  double earlier_wall_seconds_ = 0, training_seconds_ = 0;
  double first_training_seconds_ = 0;  // training_seconds_ when this part began
  std::chrono::steady_clock::time_point started_at_;
  nlohmann::json result_;
};

}  // namespace anzan::sim
