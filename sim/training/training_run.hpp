// A training run from its configuration to its result: steps, tests, checkpoints, interruption.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "sim/configuration/configuration.hpp"
#include "sim/cost/chip_cost.hpp"
#include "sim/engines/engine.hpp"
#include "sim/host/directory_lock.hpp"
#include "sim/trace/traces.hpp"
#include "sim/training/epoch_order.hpp"
#include "sim/training/interrupt.hpp"
#include "sim/training/loss_watch.hpp"
#include "sim/training/progress.hpp"
#include "sim/training/slot_recorder.hpp"
#include "sim/training/trainer.hpp"

namespace anzan::sim {

// How a run begins where another may have been: kNew refuses the checkpoint of one that has not finished,
// kResume goes on with it, kRestart removes it.
enum class Beginning { kNew, kResume, kRestart };

// What ends a run, or this part of it: all its steps are done, a test has reached training.until, training
// has failed, or it is to go on later.
inline constexpr std::array<const char*, 4> kEndings{"iterations", "until", "divergence", "pause"};

class TrainingRun {
 public:
  // Locks `directory`, reads the data set, compiles the network and finds the first binary points, or takes
  // up a checkpoint; then an earlier result, and without it a checkpoint, are removed. Throws InputError if
  // any of that cannot be: what was in the directory has then not been touched.
  TrainingRun(Configuration configuration, std::filesystem::path directory, Beginning beginning,
              Progress::Kind progress, models::Watch start = {});

  // The training step's traces, into the directory.
  void trace(const TraceOptions& options) const;

  // Trains to the end, writes checkpoint.bin, weights.npz and result.json, and returns true; or, when SIGINT
  // or SIGTERM arrives, ends the step, writes checkpoint.bin and returns false. Steps that are too long for
  // that (interrupt.hpp) leave a checkpoint each.
  //
  // With `pause_after`, a run that is not at its end after that step leaves checkpoint.bin, tests, has a
  // result, of which it writes nothing, and returns true: who resumes it gets the bits of a run in one go.
  bool train(std::optional<std::int64_t> pause_after = {});

  const nlohmann::json& result() const { return result_; }
  // Of a run that has ended or paused: why it counts as failed, if it does.
  std::optional<std::string> failure() const;
  std::int64_t steps_done() const { return step_; }

 private:
  void prepare_directory();
  void check_header(const nlohmann::json& identity, const nlohmann::json& header) const;
  void start(models::Watch watch);
  void restore(const nlohmann::json& header);
  nlohmann::json header() const;
  const char* ending() const;  // one of kEndings, or null: there is a step to do
  bool test_is_due() const;
  bool test();  // false: interrupted
  void step();
  void show(Progress::Event event, std::int64_t tested = 0);
  void save();
  bool pause();  // false: interrupted
  void make_result();
  void finish();
  void check_cycles() const;
  nlohmann::json status() const;
  nlohmann::json warnings() const;
  std::string doubts() const;  // the first of them, for the line of progress
  ProgramRuns runs() const;

  bool tested() const;  // after the last step
  double smoothed_loss() const;
  double wall_seconds() const;
  std::vector<std::int64_t> batch_of(std::int64_t step);
  // The images of a step as the trainer is given them: numbers of a set.
  struct Batch {
    const ImageSet& set;
    std::vector<std::int64_t> images;
  };
  Batch augmented_batch_of(std::int64_t step);

  InterruptGuard interrupt_{InterruptGuard::kBeforeTheFirstStep};
  std::optional<std::int64_t> checkpoint_;  // step of the one on disk
  Configuration configuration_;
  std::filesystem::path directory_;
  Beginning beginning_;
  std::unique_ptr<DirectoryLock> lock_;
  Dataset dataset_;
  compiler::CompiledModel model_;
  nlohmann::json identity_;
  int threads_;
  ChipCost cost_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Trainer> trainer_;
  EpochOrder order_;
  Augmenter augmenter_;
  SlotRecorder slots_;
  LossWatch loss_watch_;
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
