// Loads a compiled model into the cores and runs its programs in the order of the driver protocol.
#include "sim/training/trainer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "compiler/input/input_error.hpp"
#include "models/number_format.hpp"
#include "models/settings_optimiser.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/host/quantity.hpp"
#include "sim/host/sha256.hpp"
#include "sim/training/initial_weights.hpp"
#include "sim/training/tensor_memory.hpp"

namespace anzan::sim {

using compiler::ProgramKind;

namespace {

std::int64_t checked_lines(const compiler::CompiledModel& model, std::int64_t lines) {
  const double needed = double(lines) * 4 * model.chip.lanes;
  const double there = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGESIZE));
  if (needed <= there) return lines;
  throw compiler::InputError(
      "/training/batch",
      fmt::format("{} images, which need {} of HBM", model.training.batch, bytes_text(needed)),
      fmt::format("a training step that fits into the {} of this host", bytes_text(there)));
}

// Slot settings while the first binary points are found.
models::SlotSettings calibrating(models::SlotSettings slot) {
  if (!models::finds_first_point(slot.policy)) slot.policy = isa::Policy::kMax;
  slot.interval = 1;
  slot.warmup = 0;
  slot.hysteresis = 0;
  return slot;
}

// Settings, scalars and seed are in core 0, as the others get them from there.
Cores cores_with_settings(int number, std::int64_t hbm_lines, const compiler::CompiledModel& model,
                          std::uint32_t seed, int threads) {
  Cores cores(number, model.chip, checked_lines(model, hbm_lines), threads);
  models::SettingsStore& settings = cores.core(0).settings;
  for (std::size_t s = 0; s < model.slots.size(); ++s)
    settings.slot(static_cast<int>(s)) = model.slots[s].settings;
  for (std::size_t s = 0; s < model.scalars.size(); ++s)
    settings.set_scalar(static_cast<int>(s), model.scalars[s]);
  settings.set_seed(seed);
  return cores;
}

std::optional<Cores> host_core(const compiler::CompiledModel& model, std::uint32_t seed, int threads) {
  if (!model.system.divided()) return {};
  return cores_with_settings(1, model.hbm_lines, model, seed, threads);
}

}  // namespace

Trainer::Trainer(const compiler::CompiledModel& model, const compiler::Network& network, std::uint32_t seed,
                 int threads, Engine& engine)
    : model_(model),
      seed_(seed),
      initial_(network.initial),
      engine_(engine),
      // a core with a part of the network does the steps alone
      cores_(cores_with_settings(model.system.cores(),
                                 model.system.divided() ? model.step_lines : model.hbm_lines, model, seed,
                                 threads)),
      whole_(host_core(model, seed, threads)),
      distribution_(model, network, core(), cores_),
      watch_(model, cores_) {
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (kind == ProgramKind::kInitialize) continue;  // is loaded piece by piece
    const bool step = kind == ProgramKind::kStep;
    Cores& cores = cores_for(kind);
    const bool once = kind == ProgramKind::kCalibrate;
    const Executor::Order order = once ? Executor::Order::kAny : engine_.order();
    for (int c = 0; c < cores.size(); ++c)
      programs_[kind].push_back(
          cores.executor(c).load(step && c > 0 ? model.step_in_core(c) : model.programs[kind], order));
  }
}

// Where the network is divided, all but steps are of a core that has it whole.
Cores& Trainer::cores_for(ProgramKind kind) {
  return whole_ && kind != ProgramKind::kStep ? *whole_ : cores_;
}

void Trainer::run(ProgramKind kind, std::vector<LoadedProgram>& programs) {
  Cores& cores = cores_for(kind);
  if (&cores != &cores_) {
    FunctionalEngine().run(programs, cores);
  } else if (const auto timing = engine_.run(programs, cores)) {
    cycles_[kind] += timing->cycles();
  }
}

void Trainer::run_watched(ProgramKind kind, std::vector<LoadedProgram>& programs, models::Watch watch) {
  Cores& cores = cores_for(kind);
  std::size_t instructions = 0;
  for (const LoadedProgram& program : programs) instructions += program.instructions().size();
  watch.begin(std::string("running the program ") + compiler::name(kind),
              static_cast<std::int64_t>(instructions));
  for (int c = 0; c < cores.size(); ++c) cores.executor(c).watch(watch);
  run(kind, programs);
  for (int c = 0; c < cores.size(); ++c) cores.executor(c).watch({});
}

void Trainer::set_scalars(double learning_rate, std::int64_t step) {
  for (const compiler::StepScalar& s : model_.step_scalars) {
    const std::uint32_t bits = models::bits_of_float(s.value(model_.training, learning_rate, step));
    core().settings.set_scalar(s.scalar, bits);
    for (int c = 0; c < cores_.size(); ++c) cores_.core(c).settings.set_scalar(s.scalar, bits);
  }
}

std::vector<float> Trainer::initial_values_of(const compiler::ParameterInfo& parameter) const {
  if (initial_ != nullptr && initial_->count(parameter.name) != 0) return initial_->at(parameter.name);
  return initial_values(parameter.filler, parameter.fan_in, model_.tensor(parameter.initial).size(), seed_,
                        parameter.name);
}

void Trainer::run_initial(const compiler::CompiledModel::InitialPart& part, models::Watch watch) {
  for (const compiler::InitialRows& rows : part.rows)
    write_initial(core(), rows.values, initial_values_of(model_.parameters[rows.parameter]));
  spread();
  Cores& cores = cores_for(ProgramKind::kInitialize);
  std::vector<LoadedProgram> programs;
  for (int c = 0; c < cores.size(); ++c) programs.push_back(cores.executor(c).load(part.program));
  run_watched(ProgramKind::kInitialize, programs, watch);
}

// All cores find their points on the images of core 0.
void Trainer::initialise(const ImageSet& set, const std::vector<std::int64_t>& images, double learning_rate,
                         models::Watch watch) {
  models::SettingsStore& settings = core().settings;
  const auto share = static_cast<std::size_t>(model_.training.batch);
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    models::SlotSettings& slot = settings.slot(static_cast<int>(s));
    slot = calibrating(slot);
  }
  set_scalars(learning_rate, 0);
  for (const compiler::CompiledModel::InitialPart& part : model_.initial) run_initial(part, watch);
  distribution_.write_whole(
      set, {images.begin(), images.begin() + static_cast<std::ptrdiff_t>(std::min(images.size(), share))});
  spread();
  run_watched(ProgramKind::kCalibrate, programs_[ProgramKind::kCalibrate], watch);
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    models::SlotSettings& slot = settings.slot(static_cast<int>(s));
    const models::SlotSettings found = slot;
    slot = model_.slots[s].settings;
    slot.q_read = found.q_read;
    slot.q_write = found.q_write;
  }
  distribution_.set_binary_point();
  core().statistics = models::StatisticsDatabase(model_.chip.slots);
  spread();
}

// No settings optimiser reads and clears the window of a tensor without a binary point: it would run full.
void Trainer::clear_unread_windows() {
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    if (models::has_binary_point(model_.slots[s].format)) continue;
    const int slot = static_cast<int>(s);
    core().statistics.window(slot) = {};
    for (int c = 0; c < cores_.size(); ++c) cores_.core(c).statistics.window(slot) = {};
  }
}

double Trainer::step(const ImageSet& set, const std::vector<std::int64_t>& images, std::int64_t number,
                     double learning_rate) {
  set_scalars(learning_rate, number);
  distribution_.write(set, images);
  core().settings.set_step(static_cast<std::uint32_t>(number));
  for (int c = 0; c < cores_.size(); ++c)
    cores_.core(c).settings.set_step(static_cast<std::uint32_t>(number));
  distribution_.clear_totals();
  clear_unread_windows();
  watch_.before(core());
  run(ProgramKind::kStep, programs_[ProgramKind::kStep]);
  distribution_.collect_statistics();
  updates_ = watch_.after(core());
  double sum = 0;
  for (std::size_t n = 0; n < images.size(); ++n) sum += distribution_.loss(static_cast<std::int64_t>(n));
  return sum / static_cast<double>(images.size());
}

std::int64_t Trainer::classify(const ImageSet& set, const std::vector<std::int64_t>& images) {
  whole_ ? collect() : distribution_.share_averages();
  std::int64_t right = 0;
  const std::size_t at_once = static_cast<std::size_t>(whole_ ? model_.training.batch : batch());
  for (std::size_t first = 0; first < images.size(); first += at_once) {
    const std::size_t end = std::min(images.size(), first + at_once);
    right += classify_at_once(set, {images.begin() + static_cast<std::ptrdiff_t>(first),
                                    images.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  return right;
}

std::int64_t Trainer::classify_at_once(const ImageSet& set, const std::vector<std::int64_t>& images) {
  whole_ ? distribution_.write_whole(set, images) : distribution_.write(set, images);
  run(ProgramKind::kEvaluate, programs_[ProgramKind::kEvaluate]);
  std::int64_t right = 0;
  for (std::size_t n = 0; n < images.size(); ++n) {
    const auto [c, place] = std::ldiv(static_cast<long>(n), model_.training.batch);
    models::Core& in = whole_ ? core() : cores_.core(static_cast<int>(c));
    const TensorMemory predictions(in, model_.tensor("prediction"));
    for (std::int64_t pixel = 0; pixel < set.labels_an_image; ++pixel)
      right += predictions.value(place * set.labels_an_image + pixel) ==
               static_cast<float>(set.label(images[n], pixel));
  }
  return right;
}

std::string Trainer::digest_of_weights() {
  std::vector<const compiler::TensorInfo*> tensors;
  for (const compiler::ParameterInfo& parameter : model_.parameters)
    tensors.push_back(&model_.tensor(parameter.name));
  return digest_of(tensors);
}

std::string Trainer::digest_of_state() {
  std::vector<const compiler::TensorInfo*> tensors;
  for (const compiler::TensorInfo& tensor : model_.tensors) {
    if (tensor.persistent) tensors.push_back(&tensor);
  }
  return digest_of(tensors);
}

std::string Trainer::digest_of(const std::vector<const compiler::TensorInfo*>& tensors) {
  collect();
  Sha256 hash;
  std::vector<std::uint32_t> bits;
  for (const compiler::TensorInfo* tensor : tensors) {
    const TensorMemory memory(core(), *tensor);
    const bool integer = models::is_integer(tensor->format);
    const int point = integer ? core().settings.slot(tensor->slot).q_read : 0;
    hash.add(fmt::format("{} {}x{}x{}x{} {} {}\n", tensor->name, tensor->shape[0], tensor->shape[1],
                         tensor->shape[2], tensor->shape[3], isa::name(tensor->format), point));
    bits.resize(static_cast<std::size_t>(tensor->size()));
    for (std::size_t i = 0; i < bits.size(); ++i)
      bits[i] = static_cast<std::uint32_t>(memory.get(static_cast<std::int64_t>(i)));
    hash.add(bits.data(), 4 * bits.size());
  }
  return hash.hex();
}

}  // namespace anzan::sim
