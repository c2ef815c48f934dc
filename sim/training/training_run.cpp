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
#include "sim/host/version.hpp"
#include "sim/training/checkpoint.hpp"
#include "sim/training/evaluation.hpp"
#include "sim/training/weights_file.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::size_t kSmoothing = 100;  // steps over which a loss is averaged
constexpr double kLongStepSeconds = 1;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// JSON has no infinity and no NaN: a loss that is neither number nor finite is null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// What a checkpoint keeps of a run, besides the core: a header that another program wrote may hold anything.
Schema header_schema(std::size_t slots) {
  Json schema = Json::parse(R"({
    "type": "object", "additionalProperties": false,
    "required": ["step", "losses", "history", "wall_seconds", "training_seconds", "slots", "loss_watch"],
    "properties": {
      "step": {"type": "integer", "minimum": 0, "maximum": 4294967295},
      "losses": {"type": "array", "items": {"type": ["number", "null"]}},
      "history": {"type": "array", "items": {
        "type": "object", "additionalProperties": false, "required": ["step", "test", "train_loss"],
        "properties": {"step": {"type": "integer", "minimum": 1, "maximum": 4294967295},
                       "test": {"type": "number", "minimum": 0, "maximum": 1},
                       "train_loss": {"type": ["number", "null"]}}}},
      "wall_seconds": {"type": "number", "minimum": 0, "maximum": 1e12},
      "training_seconds": {"type": "number", "minimum": 0, "maximum": 1e12},
      "slots": {"type": "array"},
      "loss_watch": {"type": "array"}}})");
  schema["properties"]["losses"]["maxItems"] = kSmoothing;
  schema["properties"]["slots"]["minItems"] = schema["properties"]["slots"]["maxItems"] = slots;
  return Schema(schema);
}

std::unique_ptr<DirectoryLock> claim(const fs::path& directory, Beginning beginning) {
  std::unique_ptr<DirectoryLock> lock;
  try {
    lock = std::make_unique<DirectoryLock>(directory);
    remove_unfinished_files(directory);
    check_writable(directory / kConfigFile);
  } catch (const std::system_error& error) {
    throw InputError(directory.string(), error.what(), "a directory that can be written");
  }
  if (beginning == Beginning::kNew && fs::exists(directory / kCheckpointFile) &&
      !fs::exists(directory / kResultFile))
    throw InputError(directory.string(), "the checkpoint of a run that has not finished",
                     "--resume to go on with it, --restart to lose it, or another --out");
  return lock;
}

}  // namespace

TrainingRun::TrainingRun(Configuration configuration, fs::path directory, Beginning beginning,
                         Progress::Kind progress, models::Watch watch)
    : configuration_(std::move(configuration)),
      directory_(std::move(directory)),
      beginning_(beginning),
      lock_(claim(directory_, beginning)),
      dataset_(load_dataset(configuration_.dataset, configuration_.network)),
      model_(compiler::compile(configuration_.input(), {/*step_only=*/false, watch})),
      identity_(configuration_.identity(dataset_.digest)),
      threads_(thread_count(configuration_.engine.threads)),
      cost_(model_, configuration_.cost,
            cost_of_system(configuration_, model_, {}, watch, traits(configuration_.engine.kind).has_time),
            watch),
      engine_(make_engine(configuration_, static_cast<int>(model_.slots.size()))),
      trainer_(std::make_unique<Trainer>(model_, configuration_.network, configuration_.training.seed,
                                         threads_, *engine_)),
      order_(dataset_.train.count, configuration_.training.seed, configuration_.training.shuffle),
      augmenter_(configuration_.training.augmentation, configuration_.network.input,
                 configuration_.network.logits(), configuration_.training.seed),
      slots_(model_.slots.size()),
      loss_watch_(loss_of_guessing(configuration_.network)),
      progress_(progress),
      started_at_(Clock::now()) {
  if (beginning_ == Beginning::kResume) {
    const auto check = [this](const Json& identity, const Json& header) { check_header(identity, header); };
    restore(load_checkpoint(directory_ / kCheckpointFile, check, *trainer_));
  }
  prepare_directory();
  if (beginning_ != Beginning::kResume) start(watch);
}

void TrainingRun::check_header(const Json& identity, const Json& header) const {
  const std::string place = (directory_ / kCheckpointFile).string();
  std::vector<compiler::InputFinding> findings = differences(identity_, identity);
  for (compiler::InputFinding& finding : findings) finding.expected += ", as in " + place;
  if (!findings.empty()) {
    findings.insert(findings.begin(), {place, "a checkpoint of another configuration or data set",
                                       "one of this configuration; --restart begins anew"});
    throw InputError(std::move(findings));
  }
  if (!header_schema(model_.slots.size()).check(header).empty()) throw std::invalid_argument("header");
  SlotRecorder(model_.slots.size()).from_json(header.at("slots"));
  LossWatch(2).from_json(header.at("loss_watch"));
  std::int64_t before = 0;
  const auto step = header.at("step").get<std::int64_t>();
  for (const Json& entry : header.at("history")) {
    const auto tested = entry.at("step").get<std::int64_t>();
    if (tested <= before || tested > step) throw std::invalid_argument("history");
    before = tested;
  }
  if (step > configuration_.training.iterations)
    throw InputError("/training/iterations", std::to_string(configuration_.training.iterations),
                     "at least " + std::to_string(step) + ", the steps that " + place + " has done");
}

// Whether the directory has room, before time is spent on training.
void TrainingRun::prepare_directory() {
  try {
    std::uintmax_t needed = std::uintmax_t{1} << 20;
    for (const compiler::TensorInfo& tensor : model_.tensors) {
      if (tensor.persistent)
        needed += static_cast<std::uintmax_t>(tensor.lines * trainer_->core().line_bytes());
    }
    // An old checkpoint stays until the new one is whole.
    if (configuration_.training.snapshot_interval > 0) needed *= 2;
    const std::uintmax_t available = fs::space(directory_).available;
    if (available < needed) {
      throw InputError(directory_.string(), fmt::format("{} bytes free", available),
                       fmt::format("{} bytes for checkpoints", needed));
    }
    write_file_atomically(directory_ / kConfigFile, configuration_.effective.dump(2) + "\n");
    for (const char* file : {kResultFile, kWeightsFile}) fs::remove(directory_ / file);
    if (beginning_ != Beginning::kResume) fs::remove(directory_ / kCheckpointFile);
  } catch (const std::system_error& error) {
    throw InputError(directory_.string(), error.what(), "a directory that can be written");
  }
}

void TrainingRun::start(models::Watch watch) {
  const Batch batch = augmented_batch_of(0);
  trainer_->initialise(batch.set, batch.images, configuration_.training.learning_rate.at(0), watch);
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
          {"slots", slots_.to_json()},
          {"loss_watch", loss_watch_.to_json()}};
}

void TrainingRun::restore(const Json& header) {
  step_ = first_step_ = header.at("step").get<std::int64_t>();
  checkpoint_ = step_;
  for (const Json& loss : header.at("losses"))
    losses_.push_back(loss.is_null() ? std::nan("") : loss.get<double>());
  history_ = header.at("history");
  earlier_wall_seconds_ = header.at("wall_seconds").get<double>();
  training_seconds_ = first_training_seconds_ = header.at("training_seconds").get<double>();
  slots_.from_json(header.at("slots"));
  loss_watch_.from_json(header.at("loss_watch"));
}

std::vector<std::int64_t> TrainingRun::batch_of(std::int64_t step) {
  const std::int64_t batch = configuration_.parameters.batch;
  std::vector<std::int64_t> images;
  for (std::int64_t n = 0; n < batch; ++n) images.push_back(order_.image(step * batch + n));
  return images;
}

TrainingRun::Batch TrainingRun::augmented_batch_of(std::int64_t step) {
  std::vector<std::int64_t> images = batch_of(step);
  if (configuration_.training.augmentation.none()) return {dataset_.train, std::move(images)};
  const ImageSet& set = augmenter_.batch(dataset_.train, images, step * configuration_.parameters.batch);
  std::iota(images.begin(), images.end(), 0);
  return {set, std::move(images)};
}

double TrainingRun::smoothed_loss() const {
  return std::accumulate(losses_.begin(), losses_.end(), 0.0) /
         static_cast<double>(std::max<std::size_t>(losses_.size(), 1));
}

double TrainingRun::wall_seconds() const { return earlier_wall_seconds_ + seconds_since(started_at_); }

bool TrainingRun::train(std::optional<std::int64_t> pause_after) {
  const TrainingOptions& options = configuration_.training;
  interrupt_.remember(checkpoint_);
  for (;;) {
    if (interrupt_.interrupted() || (test_is_due() && !test())) {
      progress_.end();
      save();
      return false;
    }
    if (ending() != nullptr) break;
    if (step_ == pause_after) return pause();
    const double seconds = training_seconds_;
    step();
    show(Progress::Event::kStep);
    // a signal does not wait for the end of a long step, so what was before it is always there
    const bool long_step = training_seconds_ - seconds > kLongStepSeconds,
               snapshot = options.snapshot_interval > 0 && step_ % options.snapshot_interval == 0;
    if (long_step || (snapshot && step_ < options.iterations)) save();
  }
  progress_.end();
  finish();
  return true;
}

// The checkpoint comes first: the test of a pause is none of the run's.
bool TrainingRun::pause() {
  progress_.end();
  save();
  if (!tested() && !test()) return false;
  progress_.end();
  make_result();
  return true;
}

void TrainingRun::step() {
  const auto start = Clock::now();
  const Batch batch = augmented_batch_of(step_);
  const double loss =
      trainer_->step(batch.set, batch.images, step_, configuration_.training.learning_rate.at(step_));
  ++step_;
  slots_.record(trainer_->core(), step_, trainer_->updates());
  loss_watch_.add(step_, loss, trainer_->updates());
  losses_.push_back(loss);
  if (losses_.size() > kSmoothing) losses_.pop_front();
  training_seconds_ += seconds_since(start);
}

const char* TrainingRun::ending() const {
  const TrainingOptions& options = configuration_.training;
  if (options.until && tested() && history_.back().at("test").get<double>() >= *options.until)
    return kEndings[1];
  if (options.stop_on_divergence && loss_watch_.now()) return kEndings[2];
  return step_ == options.iterations ? kEndings[0] : nullptr;
}

bool TrainingRun::tested() const { return !history_.empty() && history_.back().at("step") == step_; }

bool TrainingRun::test_is_due() const {
  const TrainingOptions& options = configuration_.training;
  const bool due =
      ending() != nullptr || (step_ > 0 && options.test_interval > 0 && step_ % options.test_interval == 0);
  return due && !tested();
}

bool TrainingRun::test() {
  const auto right = count_right(*trainer_, dataset_.test, [this](std::int64_t images) {
    show(Progress::Event::kTesting, images);
    return !interrupt_.interrupted();
  });
  if (!right) return false;
  const double accuracy = static_cast<double>(*right) / static_cast<double>(dataset_.test.label_count());
  history_.push_back({{"step", step_}, {"test", accuracy}, {"train_loss", number(smoothed_loss())}});
  show(Progress::Event::kTest);
  return true;
}

void TrainingRun::show(Progress::Event event, std::int64_t tested) {
  ProgressState state;
  if (event == Progress::Event::kTesting) {
    state.tested = tested;
    state.to_test = dataset_.test.count;
  }
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
  state.doubts = [this] { return doubts(); };
  progress_.show(state, event);
}

void TrainingRun::save() {
  save_checkpoint(directory_ / kCheckpointFile, identity_, header(), *trainer_);
  checkpoint_ = step_;
  interrupt_.remember(checkpoint_);
}

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

std::optional<std::string> TrainingRun::failure() const {
  const Json found = status();
  if (found.at("text").is_null() || !configuration_.training.stop_on_divergence) return std::nullopt;
  return found.at("text").get<std::string>();
}

Json TrainingRun::status() const {
  const std::optional<Divergence> found = loss_watch_.at_end();
  if (!found) return {{"state", "trained"}, {"step", Json()}, {"text", Json()}};
  return {{"state", "diverged"},
          {"step", found->step},
          {"text", fmt::format("{} from step {} on", found->what, found->step)}};
}

std::string TrainingRun::doubts() const {
  const Json found = warnings();
  if (found.empty()) return "";
  const Json& first = found.front();
  const std::string more = found.size() > 1 ? fmt::format(" and {} more", found.size() - 1) : "";
  return fmt::format("warning: {}{}", first.at("text").get<std::string>(), more);
}

Json TrainingRun::warnings() const {
  constexpr double kGuessing = 0.95;  // of its loss: no better
  Json found = slots_.warnings(model_.slots, trainer_->core());
  const double loss = smoothed_loss();
  if (losses_.size() == kSmoothing && std::isfinite(loss) && loss >= kGuessing * loss_watch_.guessing())
    found.push_back(
        {{"kind", "chance_level"},
         {"tensor", Json()},
         {"step", Json()},
         {"text", fmt::format("loss {:.4g} over the last {} steps: no better than guessing ({:.4g})", loss,
                              kSmoothing, loss_watch_.guessing())},
         {"advice", "another /training/optimizer/learning_rate, or wider formats in /precision"}});
  return found;
}

void TrainingRun::make_result() {
  check_cycles();
  const double images = static_cast<double>(step_) * static_cast<double>(configuration_.parameters.batch);
  result_["accuracy"] = {
      {"test", history_.back().at("test")}, {"train_loss", number(smoothed_loss())}, {"history", history_}};
  const std::optional<double>& until = configuration_.training.until;
  result_["training"] = {{"images_seen", step_ * configuration_.parameters.batch},
                         {"steps", step_},
                         {"until", until ? Json(*until) : Json()},
                         {"ended_by", ending() != nullptr ? ending() : kEndings[3]}};
  result_["status"] = status();
  result_["warnings"] = warnings();
  result_["precision"]["slots"] = slots_.report(model_.slots, trainer_->core());
  result_["network"] = network_to_json(configuration_.network);
  result_["memory"] = memory_to_json(model_.memory);
  result_["time"] = cost_.time(runs());
  result_["energy"] = cost_.energy(runs());
  result_["traffic"] = cost_.traffic();
  result_["area"] = cost_.area();
  result_["roofline"] = cost_.roofline();
  result_["digest"] = {{"weights", trainer_->digest_of_weights()}, {"state", trainer_->digest_of_state()}};
  result_["simulation"] = {{"engine", traits(configuration_.engine.kind).name},
                           {"wall_seconds", wall_seconds()},
                           {"training_seconds", training_seconds_},
                           {"images_per_second", training_seconds_ > 0 ? images / training_seconds_ : 0.0},
                           {"simulated_cycles_per_second",
                            static_cast<double>(cost_.cycles(runs())) / std::max(wall_seconds(), 1e-9)},
                           {"threads", threads_},
                           {"version", release_version()},
                           {"config", kConfigFile}};
  if (traits(configuration_.engine.kind).takes_rtl_blocks)
    result_["simulation"]["rtl"] = configuration_.engine.rtl;
}

void TrainingRun::finish() {
  make_result();
  save();
  write_weights(directory_ / kWeightsFile, *trainer_);
  write_file_atomically(directory_ / kResultFile, result_.dump(1) + "\n");
}

}  // namespace anzan::sim
