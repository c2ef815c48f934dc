// Loads a compiled model into a core and runs its programs in the order of the driver protocol.
#include "sim/machine.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "compiler/input_error.hpp"
#include "sim/initial_weights.hpp"
#include "sim/sha256.hpp"
#include "sim/tensor_memory.hpp"

namespace anzan::sim {
namespace {

std::int64_t checked_lines(const compiler::CompiledModel& model) {
  const double needed = double(model.hbm_lines) * 4 * model.chip.lanes;
  const double there = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGESIZE));
  if (needed <= there) return model.hbm_lines;
  throw compiler::InputError(
      "/training/batch",
      fmt::format("{} images, which need {:.1f} GiB of HBM", model.training.batch, needed / (1 << 30)),
      fmt::format("a training step that fits into the {:.1f} GiB of this host", there / (1 << 30)));
}

// Slot settings while the first binary points are found.
models::SlotSettings calibrating(models::SlotSettings slot) {
  using isa::Policy;
  if (slot.policy == Policy::kStatic || slot.policy == Policy::kStep || slot.policy == Policy::kPredictive) {
    slot.policy = Policy::kMax;
  }
  slot.interval = 1;
  slot.warmup = 0;
  slot.hysteresis = 0;
  return slot;
}

}  // namespace

Machine::Machine(const compiler::CompiledModel& model, const compiler::Network& network, std::uint32_t seed,
                 int threads, TimedEngine* engine)
    : model_(model),
      seed_(seed),
      core_(model.chip.lanes, model.chip.scratchpad_kib, checked_lines(model)),
      values_(core_, threads),
      initialize_(values_.load(model.initialize)),
      calibrate_(values_.load(model.calibrate)),
      step_(values_.load(model.step)),
      evaluate_(values_.load(model.evaluate)),
      writer_((load_settings(), core_), model, network),
      engine_(engine) {
  for (const auto& [line, words] : model.constants) {
    std::memcpy(core_.hbm() + line * core_.line_bytes(), words.data(), 4 * words.size());
  }
}

void Machine::run(LoadedProgram& program, std::int64_t& cycles) {
  if (engine_ == nullptr) return values_.run(program);
  cycles += engine_->run(program, values_, core_).cycles;
}

void Machine::load_settings() {
  for (std::size_t s = 0; s < model_.slots.size(); ++s)
    core_.settings.slot(static_cast<int>(s)) = model_.slots[s].settings;
  for (std::size_t s = 0; s < model_.scalars.size(); ++s)
    core_.settings.set_scalar(static_cast<int>(s), model_.scalars[s]);
  core_.settings.set_seed(seed_);
}

void Machine::set_learning_rate(double learning_rate) {
  for (const compiler::CompiledModel::LearningRate& rate : model_.learning_rates) {
    core_.settings.set_scalar(rate.scalar,
                              models::bits_of_float(static_cast<float>(learning_rate * rate.multiplier)));
  }
}

void Machine::write_initial_weights() {
  for (const compiler::ParameterInfo& parameter : model_.parameters) {
    TensorMemory memory(core_, model_.tensor(parameter.initial));
    const std::int64_t count = model_.tensor(parameter.initial).size();
    const std::vector<float> values =
        initial_values(parameter.filler, parameter.fan_in, count, seed_, parameter.name);
    for (std::int64_t i = 0; i < count; ++i) {
      memory.set(i, static_cast<std::int32_t>(models::bits_of_float(values[static_cast<std::size_t>(i)])));
    }
  }
}

void Machine::initialise(const ImageSet& set, const std::vector<std::int64_t>& images, double learning_rate) {
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    models::SlotSettings& slot = core_.settings.slot(static_cast<int>(s));
    slot = calibrating(slot);
  }
  set_learning_rate(learning_rate);
  write_initial_weights();
  run(initialize_, cycles_.initialize);
  writer_.write(set, images);
  run(calibrate_, cycles_.calibrate);
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    models::SlotSettings& slot = core_.settings.slot(static_cast<int>(s));
    const models::SlotSettings found = slot;
    slot = model_.slots[s].settings;
    slot.q_read = found.q_read;
    slot.q_write = found.q_write;
  }
  writer_.set_binary_point();
  core_.statistics = models::StatisticsDatabase();
}

double Machine::step(const ImageSet& set, const std::vector<std::int64_t>& images, std::int64_t number,
                     double learning_rate) {
  writer_.write(set, images);
  set_learning_rate(learning_rate);
  core_.settings.set_step(static_cast<std::uint32_t>(number));
  run(step_, cycles_.step);
  const TensorMemory loss(core_, model_.tensor("loss"));
  double sum = 0;
  for (std::size_t n = 0; n < images.size(); ++n) sum += loss.value(static_cast<std::int64_t>(n));
  return sum / static_cast<double>(images.size());
}

std::int64_t Machine::classify(const ImageSet& set, const std::vector<std::int64_t>& images) {
  writer_.write(set, images);
  run(evaluate_, cycles_.evaluate);
  const TensorMemory prediction(core_, model_.tensor("prediction"));
  std::int64_t right = 0;
  for (std::size_t n = 0; n < images.size(); ++n) {
    right += prediction.value(static_cast<std::int64_t>(n)) == static_cast<float>(set.label(images[n]));
  }
  return right;
}

std::string Machine::digest_of_weights() {
  std::vector<const compiler::TensorInfo*> tensors;
  for (const compiler::ParameterInfo& parameter : model_.parameters)
    tensors.push_back(&model_.tensor(parameter.name));
  return digest_of(tensors);
}

std::string Machine::digest_of_state() {
  std::vector<const compiler::TensorInfo*> tensors;
  for (const compiler::TensorInfo& tensor : model_.tensors) {
    if (tensor.persistent) tensors.push_back(&tensor);
  }
  return digest_of(tensors);
}

std::string Machine::digest_of(const std::vector<const compiler::TensorInfo*>& tensors) {
  Sha256 hash;
  std::vector<std::uint32_t> bits;
  for (const compiler::TensorInfo* tensor : tensors) {
    const TensorMemory memory(core_, *tensor);
    const bool integer = models::is_integer(tensor->format);
    const int point = integer ? core_.settings.slot(tensor->slot).q_read : 0;
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
