// The loop over steps, and what happens between them; all that outlives the process is in the checkpoint.
#include "sim/training/training_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <system_error>
#include <thread>

#include "compiler/input/input_error.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/training/checkpoint.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::size_t kSmoothing = 100;  // steps over which a loss is averaged

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int thread_count(int wanted) {
  return wanted > 0 ? wanted : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// JSON has no infinity and no NaN: a loss that is neither number nor finite is null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

}  // namespace

TrainingRun::TrainingRun(Configuration configuration, fs::path directory, bool resume,
                         Progress::Kind progress, models::Watch watch)
    : configuration_(std::move(configuration)),
      directory_(std::move(directory)),
      model_(compiler::compile(configuration_.input(), {/*step_only=*/false, watch})),
      dataset_(load_dataset(configuration_.dataset, configuration_.network)),
      identity_(configuration_.identity(dataset_.digest)),
      threads_(thread_count(configuration_.engine.threads)),
      cost_(model_, configuration_.cost, cost_of_system(configuration_, model_, {}, watch), watch),
      engine_(make_engine(configuration_, static_cast<int>(model_.slots.size()))),
      trainer_(std::make_unique<Trainer>(model_, configuration_.network, configuration_.training.seed,
                                         threads_, *engine_)),
      order_(dataset_.train.count, configuration_.training.seed, configuration_.training.shuffle),
      slots_(model_.slots.size()),
      progress_(progress),
      started_at_(Clock::now()) {
  if (resume) {
    restore(load_checkpoint(directory_ / "checkpoint.bin", identity_, *trainer_));
  }
  prepare_directory(resume);
  if (!resume) start(watch);
}

// Finds out whether the directory can be written before time is spent on training.
void TrainingRun::prepare_directory(bool resume) {
  try {
    fs::create_directories(directory_);
    write_file_atomically(directory_ / "config.json", configuration_.effective.dump(2) + "\n");
    std::uintmax_t needed = std::uintmax_t{1} << 20;
    for (const compiler::TensorInfo& tensor : model_.tensors) {
      if (tensor.persistent)
        needed += static_cast<std::uintmax_t>(tensor.lines * trainer_->core().line_bytes());
    }
    const std::uintmax_t available = fs::space(directory_).available;
    if (available < needed) {
      throw InputError(directory_.string(), fmt::format("{} bytes free", available),
                       fmt::format("{} bytes for a checkpoint", needed));
    }
    if (!resume) {
      fs::remove(directory_ / "result.json");
      fs::remove(directory_ / "checkpoint.bin");
    }
  } catch (const std::system_error& error) {
    throw InputError(directory_.string(), error.what(), "a directory that can be written");
  }
}

void TrainingRun::start(models::Watch watch) {
  trainer_->initialise(dataset_.train, batch_of(0), configuration_.training.learning_rate.at(0), watch);
  slots_.record(trainer_->core(), 0);
}

Json TrainingRun::header() const {
  Json losses = Json::array();
  for (const double loss : losses_) losses.push_back(number(loss));
  return {{"step", step_},
          {"losses", losses},
          {"history", history_},
          {"wall_seconds", wall_seconds()},
          {"training_seconds", training_seconds_},
          {"slots", slots_.to_json()}};
}

void TrainingRun::restore(const Json& header) {
  step_ = first_step_ = header.at("step").get<std::int64_t>();
  for (const Json& loss : header.at("losses"))
    losses_.push_back(loss.is_null() ? std::nan("") : loss.get<double>());
  history_ = header.at("history");
  earlier_wall_seconds_ = header.at("wall_seconds").get<double>();
  training_seconds_ = first_training_seconds_ = header.at("training_seconds").get<double>();
  slots_.from_json(header.at("slots"));
}

std::vector<std::int64_t> TrainingRun::batch_of(std::int64_t step) {
  const std::int64_t batch = configuration_.parameters.batch;
  std::vector<std::int64_t> images;
  for (std::int64_t n = 0; n < batch; ++n) images.push_back(order_.image(step * batch + n));
  return images;
}

double TrainingRun::smoothed_loss() const {
  return std::accumulate(losses_.begin(), losses_.end(), 0.0) /
         static_cast<double>(std::max<std::size_t>(losses_.size(), 1));
}

double TrainingRun::wall_seconds() const { return earlier_wall_seconds_ + seconds_since(started_at_); }

bool TrainingRun::train() {
  const TrainingOptions& options = configuration_.training;
  for (;;) {
    if (interrupt_.interrupted() || (test_is_due() && !test())) {
      progress_.end();
      save();
      return false;
    }
    if (step_ == options.iterations) break;
    step();
    show(false);
    const bool snapshot = options.snapshot_interval > 0 && step_ % options.snapshot_interval == 0;
    if (snapshot && step_ < options.iterations) save();
  }
  progress_.end();
  finish();
  return true;
}

void TrainingRun::step() {
  const auto start = Clock::now();
  const double loss =
      trainer_->step(dataset_.train, batch_of(step_), step_, configuration_.training.learning_rate.at(step_));
  ++step_;
  slots_.record(trainer_->core(), step_);
  losses_.push_back(loss);
  if (losses_.size() > kSmoothing) losses_.pop_front();
  training_seconds_ += seconds_since(start);
}

bool TrainingRun::test_is_due() const {
  const TrainingOptions& options = configuration_.training;
  const bool due = step_ == options.iterations ||
                   (step_ > 0 && options.test_interval > 0 && step_ % options.test_interval == 0);
  return due && (history_.empty() || history_.back().at("step") != step_);
}

bool TrainingRun::test() {
  const std::int64_t batch = configuration_.parameters.batch;
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < dataset_.test.count; first += batch) {
    if (interrupt_.interrupted()) return false;
    std::vector<std::int64_t> images(static_cast<std::size_t>(std::min(batch, dataset_.test.count - first)));
    std::iota(images.begin(), images.end(), first);
    right += trainer_->classify(dataset_.test, images);
  }
  const double accuracy = static_cast<double>(right) / static_cast<double>(dataset_.test.count);
  history_.push_back({{"step", step_}, {"test", accuracy}, {"train_loss", number(smoothed_loss())}});
  show(true);
  return true;
}

void TrainingRun::show(bool test_done) {
  ProgressState state;
  state.step = step_;
  state.steps = configuration_.training.iterations;
  state.elapsed_seconds = wall_seconds();
  const double seconds = training_seconds_ - first_training_seconds_;
  const auto steps = static_cast<double>(step_ - first_step_);
  if (steps > 0) {
    state.images_per_second =
        seconds > 0 ? steps * static_cast<double>(configuration_.parameters.batch) / seconds : 0;
    state.remaining_seconds = seconds_since(started_at_) / steps * static_cast<double>(state.steps - step_);
  }
  state.loss = smoothed_loss();
  if (!history_.empty()) state.accuracy = history_.back().at("test").get<double>();
  progress_.show(state, test_done);
}

void TrainingRun::save() { save_checkpoint(directory_ / "checkpoint.bin", identity_, header(), *trainer_); }

ProgramRuns TrainingRun::runs() const {
  using compiler::ProgramKind;
  const std::int64_t batch = configuration_.parameters.batch;
  const std::int64_t batches = (dataset_.test.count + batch - 1) / batch;
  ProgramRuns runs{};
  runs[ProgramKind::kInitialize] = runs[ProgramKind::kCalibrate] = 1;
  runs[ProgramKind::kStep] = step_;
  runs[ProgramKind::kEvaluate] = static_cast<std::int64_t>(history_.size()) * batches;
  return runs;
}

void TrainingRun::trace(const TraceOptions& options) const {
  if (options.rtl_waveform) {
    if (!traits(configuration_.engine.kind).writes_waveforms)
      throw InputError(
          "--wave", fmt::format("engine {}", traits(configuration_.engine.kind).name),
          fmt::format("engine {}", fmt::join(engine_names(&EngineTraits::writes_waveforms), ", ")));
    engine_->wave((directory_ / "trace").string());
  }
  write_traces(cost_, model_, configuration_.cost, options, directory_);
}

// Time must not depend on values: with them, each step took the cycles of the dry run.
void TrainingRun::check_cycles() const {
  if (!traits(configuration_.engine.kind).has_time) return;
  const std::int64_t steps = step_ - first_step_, expected = steps * cost_.barrier_cycles(),
                     found = trainer_->cycles()[compiler::ProgramKind::kStep];
  if (found != expected)
    throw std::logic_error(
        fmt::format("{} steps took {} cycles with values and {} without", steps, found, expected));
}

void TrainingRun::finish() {
  check_cycles();
  const double images = static_cast<double>(step_) * static_cast<double>(configuration_.parameters.batch);
  result_["accuracy"] = {
      {"test", history_.back().at("test")}, {"train_loss", number(smoothed_loss())}, {"history", history_}};
  result_["training"] = {{"images_seen", step_ * configuration_.parameters.batch}, {"steps", step_}};
  result_["precision"]["slots"] = slots_.report(model_.slots, trainer_->core());
  result_["memory"] = memory_to_json(model_.memory);
  result_["time"] = cost_.time(runs());
  result_["energy"] = cost_.energy(runs());
  result_["traffic"] = cost_.traffic();
  result_["roofline"] = cost_.roofline();
  result_["digest"] = {{"weights", trainer_->digest_of_weights()}, {"state", trainer_->digest_of_state()}};
  result_["simulation"] = {{"engine", traits(configuration_.engine.kind).name},
                           {"wall_seconds", wall_seconds()},
                           {"training_seconds", training_seconds_},
                           {"images_per_second", training_seconds_ > 0 ? images / training_seconds_ : 0.0},
                           {"simulated_cycles_per_second",
                            static_cast<double>(cost_.cycles(runs())) / std::max(wall_seconds(), 1e-9)},
                           {"threads", threads_},
                           {"version", ANZAN_VERSION},
                           {"config", "config.json"}};
  if (traits(configuration_.engine.kind).takes_rtl_blocks)
    result_["simulation"]["rtl"] = configuration_.engine.rtl;
  write_file_atomically(directory_ / "result.json", result_.dump(1) + "\n");
}

}  // namespace anzan::sim
