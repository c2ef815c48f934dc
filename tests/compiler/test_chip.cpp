// A core with a compiled network on it: see test_chip.hpp.
#include "tests/compiler/test_chip.hpp"

#include <cmath>
#include <cstring>
#include <random>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "compiler/passes.hpp"
#include "models/number_format.hpp"
#include "models/quantiser.hpp"
#include "models/settings_optimiser.hpp"
#include "sim/engines/executor.hpp"
#include "sim/training/tensor_memory.hpp"

namespace anzan::testing {
namespace {

std::uint32_t bits_of(float f) {
  std::uint32_t bits;
  std::memcpy(&bits, &f, sizeof bits);
  return bits;
}

}  // namespace

TestChip::TestChip(const compiler::CompiledModel& model)
    : model_(model), cores_(1, model.chip, model.hbm_lines, 1), core_(cores_.core(0)) {
  for (const auto& [line, words] : model.constants) {
    std::memcpy(core_.hbm() + line * core_.line_bytes(), words.data(), words.size() * sizeof words[0]);
  }
  for (std::size_t i = 0; i < model.scalars.size(); ++i)
    core_.settings.set_scalar(static_cast<int>(i), model.scalars[i]);
  core_.settings.set_seed(77);
  for (std::size_t i = 0; i < model.slots.size(); ++i) {
    models::SlotSettings& s = core_.settings.slot(static_cast<int>(i));
    s = model.slots[i].settings;
    if (i == 0) continue;
    if (!models::finds_first_point(s.policy)) s.policy = isa::Policy::kMax;
    s.interval = 1;
  }
}

std::uint8_t* TestChip::element(const compiler::TensorInfo& t, std::int64_t index) const {
  const compiler::TensorInfo::Place p = t.place(index);
  const std::int64_t per_line = models::elements_per_word(t.format), row = t.hbm_line * per_line + p.row;
  return core_.hbm() + (row / per_line * core_.lanes() + p.lane) * 4 + row % per_line * (4 / per_line);
}

void TestChip::write_stored(const std::string& name, const std::vector<std::int64_t>& stored) {
  const compiler::TensorInfo& t = model_.tensor(name);
  const auto bytes = static_cast<std::size_t>(4 / models::elements_per_word(t.format));
  for (std::int64_t i = 0; i < t.size(); ++i) {
    std::memcpy(element(t, i), &stored.at(static_cast<std::size_t>(i)), bytes);  // little-endian
  }
}

std::vector<std::int64_t> TestChip::read_stored(const std::string& name) const {
  const compiler::TensorInfo& t = model_.tensor(name);
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const std::uint8_t* e = element(t, i);
    std::int8_t b;
    std::int16_t h;
    std::uint32_t w;
    switch (t.format) {
      case isa::Format::kInt8:
        std::memcpy(&b, e, 1), result.push_back(b);
        break;
      case isa::Format::kInt16:
        std::memcpy(&h, e, 2), result.push_back(h);
        break;
      case isa::Format::kFp32:
        std::memcpy(&w, e, 4), result.push_back(w);
        break;
    }
  }
  return result;
}

void TestChip::write(const std::string& name, const std::vector<double>& values) {
  const compiler::TensorInfo& t = model_.tensor(name);
  const models::SlotSettings& s = core_.settings.slot(t.slot);
  std::vector<std::int64_t> stored;
  for (double v : values) {
    const auto f = static_cast<float>(v);
    stored.push_back(t.format == isa::Format::kFp32
                         ? static_cast<std::int64_t>(bits_of(f))
                         : models::quantise(f, s.width, s.q_write, isa::Rounding::kNearestEven, 0).n);
  }
  write_stored(name, stored);
}

std::vector<double> TestChip::read(const std::string& name) const {
  const compiler::TensorInfo& t = model_.tensor(name);
  std::vector<double> values;
  for (std::int64_t n : read_stored(name)) {
    if (t.format == isa::Format::kFp32) {
      const auto bits = static_cast<std::uint32_t>(n);
      float f;
      std::memcpy(&f, &bits, sizeof f);
      values.push_back(f);
    } else {
      values.push_back(std::ldexp(static_cast<double>(n), -core_.settings.slot(t.slot).q_read));
    }
  }
  return values;
}

void TestChip::run(const std::vector<std::uint32_t>& program, int threads) {
  sim::Executor executor(core_, threads);
  sim::LoadedProgram loaded = executor.load(program);
  executor.run(loaded);
}

void TestChip::initialise(const std::map<std::string, std::vector<double>>& values) {
  for (const compiler::CompiledModel::InitialPart& part : model_.initial) {
    for (const compiler::InitialRows& rows : part.rows) {
      const std::vector<double>& v = values.at(model_.parameters[rows.parameter].name);
      sim::write_initial(core_, rows.values, {v.begin(), v.end()});
    }
    run(part.program);
  }
}

void TestChip::prepare(std::uint32_t seed, double learning_rate) {
  std::mt19937 random(seed);
  const auto uniform = [&] { return static_cast<double>(random()) / 4294967296.0 * 2 - 1; };
  const auto drawn = [&](const std::string& name, double scale) {
    std::vector<double> values(static_cast<std::size_t>(model_.tensor(name).size()));
    for (double& v : values) v = uniform() * scale;
    return values;
  };
  std::map<std::string, std::vector<double>> initial;
  for (const compiler::ParameterInfo& p : model_.parameters) {
    std::vector<double> values = drawn(p.initial, std::sqrt(3.0 / static_cast<double>(p.fan_in)));
    if (!p.trained) std::fill(values.begin(), values.end(), p.filler.value);
    initial[p.name] = std::move(values);
  }
  begin_step(0, learning_rate);
  initialise(initial);
  models::SlotSettings& data = core_.settings.slot(model_.tensor("data").slot);
  data.q_read = data.q_write = static_cast<std::int8_t>(data.width - 1);  // values in [-1, 1)
  data_ = drawn("data", 1);
  const compiler::TensorInfo& label = model_.tensor("label");
  label_.assign(static_cast<std::size_t>(label.size()), 0);
  const std::int64_t pixels = label.shape[2] * label.shape[3];
  for (std::int64_t n = 0; n < label.shape[0] * pixels; ++n) {
    const auto shown = static_cast<std::int64_t>(random()) % label.shape[1];
    label_[static_cast<std::size_t>((n / pixels * label.shape[1] + shown) * pixels + n % pixels)] = 1;
  }
  load_batch();
  run(model_.programs[compiler::ProgramKind::kCalibrate]);
  begin_step(1, learning_rate);
  for (std::size_t i = 0; i < model_.slots.size(); ++i) {
    models::SlotSettings found = core_.settings.slot(static_cast<int>(i)),
                         original = model_.slots[i].settings;
    original.q_read = found.q_read;
    original.q_write = found.q_write;
    core_.settings.slot(static_cast<int>(i)) = original;
  }
  core_.statistics = models::StatisticsDatabase();
}

void TestChip::begin_step(std::uint32_t step, double learning_rate) {
  core_.settings.set_step(step);
  for (const compiler::StepScalar& s : model_.step_scalars)
    core_.settings.set_scalar(s.scalar, bits_of(s.value(model_.training, learning_rate, step)));
}

void TestChip::load_batch() {
  write("data", data_);
  write("label", label_);
}

std::vector<std::int64_t> TestChip::parameters() const {
  std::vector<std::int64_t> all;
  for (const compiler::ParameterInfo& p : model_.parameters) {
    const std::vector<std::int64_t> one = read_stored(p.name);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

compiler::Precision uniform_precision(isa::Format format, int width, isa::Rounding rounding,
                                      bool separate_master) {
  compiler::Precision p;
  p.separate_master = separate_master;
  for (int k = 0; k < compiler::kTensorClasses; ++k) {
    compiler::TensorPrecision& c = p.classes[static_cast<std::size_t>(k)];
    c.format = format;
    c.slot.width = static_cast<std::uint8_t>(width);
    c.slot.rounding = k == 0 ? isa::Rounding::kNearestEven : rounding;
    c.slot.policy = isa::Policy::kOverflowRate;
    c.slot.r_max = 429497;  // 1e-4
  }
  return p;
}

compiler::CompiledModel with_tensors_apart(const compiler::Input& input) {
  compiler::Compilation c;
  c.input = input;
  compiler::run_passes(c, "network", "memory");
  for (compiler::TensorInfo& t : c.whole.tensors) {
    t.hbm_line = c.memory.lines + 1;
    c.memory.lines = t.hbm_line + t.lines;
  }
  std::int64_t initial_lines = 0;
  for (const compiler::ParameterInfo& p : c.whole.parameters)
    for (const compiler::TensorInfo& t : c.whole.tensors)
      if (t.name == p.initial) initial_lines += t.lines;
  c.memory.initial = compiler::initial_pieces(c.whole, c.memory.lines, initial_lines / 5);
  c.memory.lines += std::max<std::int64_t>(initial_lines / 5, compiler::kChannelAlignment);
  compiler::run_passes(c, "partition", "program");
  return std::move(c.model);
}

}  // namespace anzan::testing
