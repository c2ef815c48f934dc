// Compiles each case twice, as planned and with tensors apart, gives both chips and the reference the same
// values before each step, and compares tensor by tensor.
#include "tests/end_to_end/training_step.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <sstream>

#include "compiler/input/input_error.hpp"
#include "isa/program.hpp"
#include "tests/compiler/least_scratchpad.hpp"
#include "tests/reference/double_network.hpp"

namespace anzan::testing {
namespace {

using compiler::CompiledModel;
using compiler::TensorInfo;
using reference::IntegerNetwork;

constexpr std::uint32_t kGuard = 0x5a17c0deU;
constexpr int kConstants = 0;  // slot of labels, indices, initial values: nothing to compare, but averages
bool compared(const TensorInfo& t) { return t.slot != kConstants || t.persistent; }

reference::Format reference_format(isa::Format f) {
  return f == isa::Format::kInt8    ? reference::Format::kInt8
         : f == isa::Format::kInt16 ? reference::Format::kInt16
                                    : reference::Format::kFp32;
}

reference::Rounding reference_rounding(isa::Rounding r) {
  return r == isa::Rounding::kNearestEven  ? reference::Rounding::kNearestEven
         : r == isa::Rounding::kStochastic ? reference::Rounding::kStochastic
                                           : reference::Rounding::kTowardsZero;
}

std::vector<std::int32_t> stored(const TestChip& chip, const std::string& tensor) {
  const std::vector<std::int64_t> wide = chip.read_stored(tensor);
  std::vector<std::int32_t> result;
  for (const std::int64_t v : wide)
    result.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(v)));
  return result;
}

// An element as a failure shows it: the integer, or the FP32 value and its bits.
std::string shown(isa::Format format, std::int32_t element) {
  std::ostringstream text;
  if (format != isa::Format::kFp32) {
    text << element;
  } else {
    text.precision(9);
    text << reference::float_of(element) << " (0x" << std::hex << static_cast<std::uint32_t>(element) << ")";
  }
  return text.str();
}

std::string shown(const models::SlotStatistics& s) {
  std::ostringstream text;
  text << s.values << " values, " << s.zeros << " zeros, " << s.saturated_high << " high, " << s.saturated_low
       << " low, " << s.underflows << " underflows; bins";
  for (std::size_t bin = 0; bin < s.histogram.size(); ++bin) {
    if (s.histogram[bin] != 0) text << " " << bin << ":" << s.histogram[bin];
  }
  return text.str();
}

models::SlotStatistics as_slot_statistics(const reference::Statistics& s) {
  models::SlotStatistics result;
  result.values = s.values;
  result.zeros = s.zeros;
  result.saturated_high = s.saturated_high;
  result.saturated_low = s.saturated_low;
  result.underflows = s.underflows;
  std::copy(s.histogram.begin(), s.histogram.end(), result.histogram.begin());
  return result;
}

}  // namespace

std::string StepCase::describe() const {
  std::ostringstream text;
  text << "seed " << seed << ", batch " << training.batch << ", " << chip.lanes << " lanes, "
       << "optimiser " << static_cast<int>(training.optimizer) << (training.nesterov ? " nesterov, " : ", ")
       << chip.scratchpad_kib << " KiB, separate master " << precision.separate_master
       << ", formats and widths";
  for (const compiler::TensorPrecision& p : precision.classes) {
    text << " " << static_cast<int>(p.format) << ":" << int{p.slot.width};
  }
  return text.str() + "\n" + reference::network_json(network);
}

TrainingStep::TrainingStep(const StepCase& step_case)
    : case_(step_case),
      planned_(compiler::compile(case_.input())),
      apart_(with_tensors_apart(case_.input())),
      planned_chip_(planned_),
      apart_chip_(apart_) {
  EXPECT_EQ(isa::decode(apart_.programs[compiler::ProgramKind::kStep]).size(),
            isa::decode(planned_.programs[compiler::ProgramKind::kStep]).size())
      << case_.describe();
  for (const TensorInfo& t : apart_.tensors) {
    std::uint8_t* line = apart_chip_.core().hbm() + (t.hbm_line - 1) * apart_chip_.core().line_bytes();
    for (int lane = 0; lane < t.lanes; ++lane) std::memcpy(line + 4 * lane, &kGuard, sizeof kGuard);
  }
  prepare(planned_chip_);
  prepare(apart_chip_);
}

// Initial values, points found by calibration, and momenta that are not zero.
void TrainingStep::prepare(TestChip& chip) const {
  chip.prepare(case_.seed, case_.learning_rate);
  chip.core().settings.set_seed(case_.seed * 0x9e3779b9U);
  std::mt19937 random(case_.seed + 1);
  for (const TensorInfo& t : chip.model().tensors) {
    if (!compiler::is_moment(t.kind)) continue;
    const bool square = t.kind == compiler::TensorClass::kSecondMoment;  // never below zero
    std::vector<std::int64_t> elements;
    const int width = chip.core().settings.slot(t.slot).width;
    for (std::int64_t i = 0; i < t.size(); ++i) {
      const auto draw = static_cast<std::int64_t>(random());
      auto real = static_cast<float>(static_cast<double>(draw - (1LL << 31)) * 0x1p-37);
      if (square) real = draw % 8 == 0 ? 0.0F : real * real;
      const std::int64_t integer =
          square ? draw % (1LL << (width - 1)) : draw % (1LL << width) / 2 - (1LL << (width - 2));
      elements.push_back(t.format == isa::Format::kFp32 ? static_cast<std::int64_t>(reference::bits_of(real))
                                                        : integer);
    }
    chip.write_stored(t.name, elements);
  }
}

// Of label n, in the logits and whatever is like them.
std::size_t TrainingStep::logit(std::size_t n, std::int64_t of_class) const {
  const auto pixels = static_cast<std::size_t>(case_.network.labels_an_image()),
             classes = static_cast<std::size_t>(case_.network.classes());
  return (n / pixels * classes + static_cast<std::size_t>(of_class)) * pixels + n % pixels;
}

void TrainingStep::set_inputs(TestChip& chip, bool unlabelled) const {
  chip.write("data", drawn_.tensors.at("data"));
  std::vector<double> one_hot(drawn_.labels.size() * static_cast<std::size_t>(case_.network.classes()));
  for (std::size_t n = 0; n + (unlabelled ? 1 : 0) < drawn_.labels.size(); ++n)
    one_hot[logit(n, drawn_.labels[n])] = 1;
  chip.write("label", one_hot);
  for (const auto& [name, values] : case_.given) chip.write(name, values);
  chip.begin_step(step_, case_.learning_rate);
}

// A tensor without a slot of its own is a selection and has no format.
IntegerNetwork::Formats TrainingStep::formats(const std::map<int, std::int8_t>& q_read) const {
  IntegerNetwork::Formats result;
  for (const TensorInfo& t : apart_.tensors) {
    const bool own = t.slot != kConstants && apart_.slots[static_cast<std::size_t>(t.slot)].name == t.name;
    if (!own && !(t.slot == kConstants && t.persistent)) continue;
    const models::SlotSettings& s = apart_chip_.core().settings.slot(t.slot);
    result[t.name] = {reference_format(t.format),     int{s.width},
                      own ? q_read.at(t.slot) : 0,    s.q_write,
                      reference_rounding(s.rounding), static_cast<std::uint32_t>(t.slot)};
  }
  for (std::size_t slot = 0; slot < apart_.slots.size(); ++slot) {  // of random words alone
    if (apart_.slots[slot].words_of >= 0)
      result[apart_.slots[slot].name].slot = static_cast<std::uint32_t>(slot);
  }
  return result;
}

template <class Settings>
void TrainingStep::set_rule(Settings& settings) const {
  const compiler::TrainingParameters& t = case_.training;
  settings.momentum = t.momentum;
  settings.weight_decay = t.weight_decay;
  settings.nesterov = t.nesterov;
  settings.optimizer = t.optimizer;
  settings.beta1 = t.beta1;
  settings.beta2 = t.beta2;
  settings.epsilon = t.epsilon;
  settings.clip_norm = t.clip_norm;
}

reference::StepSettings TrainingStep::settings() const {
  reference::StepSettings settings;
  settings.batch = case_.training.batch;
  settings.lanes = case_.chip.lanes;
  settings.seed = apart_chip_.core().settings.seed();
  settings.step = step_;
  settings.learning_rate = case_.learning_rate;
  set_rule(settings);
  return settings;
}

void TrainingStep::run(bool move_points, bool unlabelled) {
  ++step_;
  drawn_ = reference::random_step(case_.network, case_.training.batch, case_.seed + 1000 * step_);
  labels_ = drawn_.labels;
  if (unlabelled) labels_.back() = -1;
  std::mt19937 random(case_.seed + step_);
  std::map<int, std::int8_t> q_read, q_write;
  for (std::size_t i = 1; i < apart_.slots.size(); ++i) {
    const int slot = static_cast<int>(i), move = move_points ? static_cast<int>(random() % 3) - 1 : 0;
    for (TestChip* chip : {&planned_chip_, &apart_chip_}) {
      models::SlotSettings& s = chip->core().settings.slot(slot);
      const bool may =
          apart_.slots[i].name != "data" && s.q_write + move >= s.q_min && s.q_write + move <= s.q_max;
      if (may) s.q_write = static_cast<std::int8_t>(s.q_write + move);
      q_read[slot] = s.q_read;
      q_write[slot] = s.q_write;
    }
  }
  for (TestChip* chip : {&planned_chip_, &apart_chip_}) set_inputs(*chip, unlabelled);
  std::map<std::string, std::vector<std::int32_t>> before;
  given_.clear();
  for (const TensorInfo& t : apart_.tensors) {
    if (!t.persistent && t.name != "data") continue;
    before[t.name] = stored(apart_chip_, t.name);
    given_[t.name] = apart_chip_.read(t.name);
  }
  planned_chip_.run(planned_.programs[compiler::ProgramKind::kStep]);
  apart_chip_.run(apart_.programs[compiler::ProgramKind::kStep]);
  for (const auto& [slot, q] : q_write) {
    statistics_[slot] = apart_chip_.core().statistics.take_total(slot);
    points_moved_ += apart_chip_.core().settings.slot(slot).q_write != q;
  }

  IntegerNetwork expected(case_.network, formats(q_read), settings());
  for (const std::string& name : expected.inputs()) expected.set(name, before.at(name));
  gradient_name_ = expected.logit_gradient();
  expected.forward();
  expected.set(gradient_name_, stored(apart_chip_, gradient_name_));
  expected.backward();
  expected.update();
  expected_.clear();
  expected_.push_back(std::move(expected));
}

std::int64_t TrainingStep::spills() const {
  const isa::Program program = isa::decode(planned_.programs[compiler::ProgramKind::kStep]);
  return std::count_if(program.begin(), program.end(), [](const isa::Instruction& i) {
    const auto* tensor = std::get_if<isa::Tensor>(&i);
    return tensor != nullptr && tensor->spill != 0;
  });
}

void TrainingStep::fail(const std::string& what) const {
  ADD_FAILURE() << what << "\nin step " << step_ << " of " << case_.describe();
}

void TrainingStep::check() const {
  const std::map<std::string, reference::StoredTensor>& tensors = expected().tensors();
  std::size_t found = 0;
  for (const TensorInfo& t : apart_.tensors) {
    if (!compared(t) || t.name == "loss") continue;
    ++found;
    if (tensors.count(t.name) == 0) {
      fail("the reference has no " + t.name);
    } else {
      check_tensor(t);
    }
  }
  if (found != tensors.size()) fail("the reference has tensors that the chip has not");
  for (std::size_t slot = 1; slot < apart_.slots.size(); ++slot) {
    check_statistics(apart_.slots[slot], static_cast<int>(slot));
  }
  for (const compiler::Layer& l : case_.network.layers) {
    if (l.kind == compiler::LayerKind::kMaxPool) check_kept_taps(l);
  }
  check_loss();
  check_plan();
  check_guards();
}

void TrainingStep::check_tensor(const TensorInfo& t) const {
  const std::vector<std::int32_t> found = stored(apart_chip_, t.name);
  const std::vector<std::int32_t>& wanted = expected().tensor(t.name).stored;
  if (found.size() != wanted.size()) return fail("size of " + t.name);
  elements_ += t.size();
  if (found == wanted) return;
  std::ostringstream text;
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const std::int32_t a = found[static_cast<std::size_t>(i)], b = wanted[static_cast<std::size_t>(i)];
    if (a == b || ++different > 4) continue;
    const std::int64_t plane = t.shape[2] * t.shape[3];
    text << t.name << "[" << i << "], that is (" << i / plane / t.shape[1] << ", " << i / plane % t.shape[1]
         << ", " << i / t.shape[3] % t.shape[2] << ", " << i % t.shape[3] << "): chip " << shown(t.format, a)
         << ", reference " << shown(t.format, b) << "\n";
  }
  fail(text.str() + std::to_string(different) + " of " + std::to_string(t.size()) + " elements of " + t.name +
       " differ");
}

// Of each window its largest tap, counted from the last one. Numbers of one, two or four bits share bytes:
// those of four channels with those of the next four.
void TrainingStep::check_kept_taps(const compiler::Layer& pool) const {
  const TensorInfo& kept = apart_.tensor(pool.name + ".index");
  const std::int64_t taps = pool.y.kernel * pool.x.kernel;
  const int bits = taps <= 2 ? 1 : taps <= 4 ? 2 : taps <= 16 ? 4 : 8;
  const std::int64_t fours = pool.out.channels <= 4 ? 1 : 8 / bits;
  const std::vector<std::int64_t>& chosen = expected().chosen(pool.name);
  std::vector<std::int32_t> wanted(static_cast<std::size_t>(kept.size()), 0);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto o = static_cast<std::int64_t>(i);
    const std::int64_t ox = o % pool.out.width, oy = o / pool.out.width % pool.out.height,
                       plane = o / pool.out.width / pool.out.height, c = plane % pool.out.channels,
                       n = plane / pool.out.channels;
    const std::int64_t x = chosen[i] % pool.in.width, y = chosen[i] / pool.in.width % pool.in.height;
    const std::int64_t ky = (y + pool.y.pad - oy * pool.y.stride) / pool.y.dilation,
                       kx = (x + pool.x.pad - ox * pool.x.stride) / pool.x.dilation;
    const std::int64_t number = taps - 1 - (ky * pool.x.kernel + kx), four = c / 4;
    const std::int64_t element =
        ((n * kept.shape[1] + four / fours * 4 + c % 4) * pool.out.height + oy) * pool.out.width + ox;
    wanted.at(static_cast<std::size_t>(element)) |= static_cast<std::int32_t>(number << four % fours * bits);
  }
  for (std::int32_t& w : wanted) {
    if (taps > 128) w = static_cast<std::int32_t>(reference::bits_of(static_cast<float>(w)));
    if (taps <= 128) w = static_cast<std::int8_t>(w);
  }
  if (stored(apart_chip_, kept.name) != wanted) fail("the taps that " + pool.name + " keeps");
}

void TrainingStep::check_statistics(const compiler::SlotInfo& s, int slot) const {
  const models::SlotStatistics& found = statistics_.at(slot);
  if (measured(s.name)) return check_measured_statistics(s, found);
  const models::SlotStatistics wanted = as_slot_statistics(expected().statistics(s.name));
  if (found != wanted)
    fail("statistics of " + s.name + ": chip " + shown(found) + "\nreference " + shown(wanted));
}

// The values before rounding are not known to the last bit: what follows from what was stored.
void TrainingStep::check_measured_statistics(const compiler::SlotInfo& s,
                                             const models::SlotStatistics& found) const {
  const std::vector<std::int32_t> elements = stored(apart_chip_, s.name);
  const bool narrowed = s.format != isa::Format::kFp32;
  const auto stored_as = [&](std::int64_t n) { return std::count(elements.begin(), elements.end(), n); };
  const int width = apart_chip_.core().settings.slot(apart_.tensor(s.name).slot).width;
  std::int64_t binned = 0;
  for (const std::uint32_t bin : found.histogram) binned += bin;
  const bool good = found.values == elements.size() && binned + found.zeros == found.values &&
                    (narrowed ? found.underflows + found.zeros == stored_as(0) &&
                                    found.saturated_high <= stored_as((1LL << (width - 1)) - 1) &&
                                    found.saturated_low <= stored_as(-(1LL << (width - 1)))
                              : found.zeros == stored_as(0) + stored_as(-(1LL << 31)) &&
                                    found.underflows + found.saturated_high + found.saturated_low == 0);
  if (!good) fail("statistics of " + s.name + " disagree with its elements: " + shown(found));
}

TrainingStep::Measured TrainingStep::measure(const std::string& tensor) const {
  return {tensor, stored(apart_chip_, tensor)};
}

// Loss and gradient from the stored logits, in long double.
void TrainingStep::check_loss() const {
  const reference::StoredTensor& logits =
      expected().tensor(expected().activation(case_.network.layers.back().inputs[0]));
  const std::vector<float> z = logits.reals();
  std::vector<int> prediction;
  for (const double p : apart_chip_.read("prediction")) prediction.push_back(static_cast<int>(p));
  if (prediction != expected().prediction()) fail("prediction " + ::testing::PrintToString(prediction));
  const bool softmax = case_.network.layers.back().kind == compiler::LayerKind::kSoftmaxCrossEntropy;
  const Measured gradient = measure(gradient_name_), loss = measure("loss");
  for (std::size_t n = 0; n < labels_.size(); ++n) {
    std::vector<float> row;
    for (std::int64_t c = 0; c < case_.network.classes(); ++c) row.push_back(z[logit(n, c)]);
    if (softmax) {
      check_cross_entropy(row, n, gradient, loss);
    } else {
      check_squared_error(row, n, gradient, loss);
    }
  }
}

// Of a pixel. exp, log and the reciprocal of the chip are within 2^-20 relative; the FP32 difference to the
// largest logit rounds relative to its size.
void TrainingStep::check_cross_entropy(const std::vector<float>& row, std::size_t n, const Measured& gradient,
                                       const Measured& loss) const {
  const std::int64_t classes = case_.network.classes();
  const long double smoothing = case_.network.layers.back().label_smoothing;
  const int label = labels_[n];
  const long double largest = *std::max_element(row.begin(), row.end());
  long double sum = 0, target_logit = 0;
  for (const float z : row) sum += std::exp(z - largest);
  for (std::int64_t c = 0; c < classes; ++c) {
    const float z = row[static_cast<std::size_t>(c)];
    const long double p = std::exp(z - largest) / sum, below = largest - z;
    const long double target = (c == label ? 1 - smoothing : 0) + smoothing / classes;
    const long double exact = label < 0 ? 0 : (p - target) / static_cast<long double>(labels_.size());
    const long double relative = 0x1p-20L * p * (1 + below) + 0x1p-120L + 0x1p-22L * std::fabs(exact) +
                                 (smoothing > 0 ? 0x1p-22L * target : 0);
    target_logit -= target * below;
    check_within(gradient, logit(n, c), exact, label < 0 ? 0 : relative);
  }
  check_within(loss, n, label < 0 ? 0 : std::log(sum) - target_logit,
               label < 0 ? 0 : 0x1p-20L * (1 - target_logit));
}

// Of a pixel: few roundings an element, and one for each in the sum.
void TrainingStep::check_squared_error(const std::vector<float>& row, std::size_t n, const Measured& gradient,
                                       const Measured& loss) const {
  const std::int64_t classes = case_.network.classes();
  const auto share = 1 / static_cast<long double>(classes);
  const int label = labels_[n];
  long double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const float z = row[static_cast<std::size_t>(c)];
    const long double difference = label < 0 ? 0 : z - (c == label ? 1.0L : 0.0L);
    const long double exact = 2 * share * difference / static_cast<long double>(labels_.size());
    sum += difference * difference;
    check_within(gradient, logit(n, c), exact, 0x1p-22L * std::fabs(exact));
  }
  check_within(loss, n, sum * share, 0x1p-24L * static_cast<long double>(classes + 3) * sum * share);
}

// Whether the element is what an FP32 value within the tolerance rounds to; rounding is monotone.
void TrainingStep::check_within(const Measured& tensor, std::size_t index, long double exact,
                                long double tolerance) const {
  const TensorInfo& t = apart_.tensor(tensor.name);
  const models::SlotSettings& s = apart_chip_.core().settings.slot(t.slot);
  const std::int32_t found = tensor.stored[index];
  bool good = false;
  if (t.format == isa::Format::kFp32) {
    good = std::fabs(reference::float_of(found) - exact) <= tolerance;
  } else {
    const std::uint32_t random =
        reference::random_word(apart_chip_.core().settings.seed(), step_, static_cast<std::uint32_t>(t.slot),
                               static_cast<std::uint32_t>(index));
    const auto rounded = [&](long double v) {
      return reference::quantise(v, s.width, s.q_write, reference_rounding(s.rounding), random).stored;
    };
    good = rounded(exact - tolerance) <= found && found <= rounded(exact + tolerance);
  }
  if (good) return;
  std::ostringstream text;
  text << tensor.name << "[" << index << "]: chip " << shown(t.format, found) << ", exact " << exact
       << " within " << tolerance << " at point " << int{s.q_write};
  fail(text.str());
}

// On the chip as compiled, tensors share memory; what the driver and the next step see must be the same.
void TrainingStep::check_plan() const {
  for (const TensorInfo& t : apart_.tensors) {
    if (!t.persistent && t.name != "loss" && t.name != "prediction") continue;
    if (stored(planned_chip_, t.name) != stored(apart_chip_, t.name)) fail("memory plan: " + t.name);
  }
  if (!(planned_chip_.core().settings == apart_chip_.core().settings)) fail("memory plan: settings");
  for (const auto& [slot, total] : statistics_) {
    if (planned_chip_.core().statistics.take_total(slot) != total) fail("memory plan: statistics");
  }
}

void TrainingStep::check_guards() const {
  for (const TensorInfo& t : apart_.tensors) {
    const std::uint8_t* line = apart_chip_.core().hbm() + (t.hbm_line - 1) * apart_chip_.core().line_bytes();
    for (int lane = 0; lane < t.lanes; ++lane) {
      if (std::memcmp(line + 4 * lane, &kGuard, sizeof kGuard) != 0) return fail("written before " + t.name);
    }
  }
}

// Another one than that of double precision may only be where the bounds leave open which logit is larger.
void TrainingStep::check_predictions(const reference::DoubleStep& exact) const {
  const compiler::Layer& l = case_.network.layers.back();
  const reference::Values& logits =
      exact.at(case_.network.layers[static_cast<std::size_t>(l.inputs[0])].name + ".activation");
  const std::vector<double> found = apart_chip_.read("prediction");
  for (std::size_t n = 0; n < found.size(); ++n) {
    const std::size_t best = logit(n, exact.predictions[n]),
                      chosen = logit(n, static_cast<std::int64_t>(found[n]));
    const double less = logits.value[best] - logits.value[chosen];
    if (chosen != best && !(less <= logits.error(best) + logits.error(chosen)))
      fail("prediction " + std::to_string(n) + " differs from that of double precision");
  }
}

void TrainingStep::check_inference() const {
  std::map<int, std::int8_t> q_read;
  for (std::size_t slot = 1; slot < apart_.slots.size(); ++slot)
    q_read[static_cast<int>(slot)] = apart_chip_.core().settings.slot(static_cast<int>(slot)).q_read;
  set_inputs(planned_chip_, false);
  set_inputs(apart_chip_, false);
  IntegerNetwork inference(case_.network, formats(q_read), settings());
  for (const std::string& name : inference.inputs()) inference.set(name, stored(apart_chip_, name));
  inference.forward_without_training();
  planned_chip_.run(planned_.programs[compiler::ProgramKind::kEvaluate]);
  apart_chip_.run(apart_.programs[compiler::ProgramKind::kEvaluate]);
  for (const TensorInfo& t : apart_.tensors) {
    if (t.kind == compiler::TensorClass::kActivation &&
        stored(apart_chip_, t.name) != inference.tensor(t.name).stored)
      fail("inference: elements of " + t.name + " differ");
  }
  for (TestChip* chip : {&planned_chip_, &apart_chip_}) {
    std::vector<int> prediction;
    for (const double p : chip->read("prediction")) prediction.push_back(static_cast<int>(p));
    if (prediction != inference.prediction()) fail("predictions of inference differ");
  }
}

double TrainingStep::check_bounds() const {
  reference::DoubleSettings settings;
  settings.batch = case_.training.batch;
  settings.learning_rate = case_.learning_rate;
  set_rule(settings);
  settings.t = step_ + 1;
  reference::DoubleTensors given = given_;
  for (const auto& [name, mask] : expected().masks()) given[name] = mask;
  const reference::DoubleStep exact =
      reference::double_training_step(case_.network, given, labels_, settings);
  double largest = 0;
  for (const compiler::TensorInfo& t : apart_.tensors) {
    const auto found = exact.tensors.find(expected().name_in_double(t.name));
    const bool share = t.name.find("_gradient.") != std::string::npos;  // of one consumer: only bit for bit
    if (found == exact.tensors.end() || share) continue;
    const std::vector<double> values = apart_chip_.read(t.name);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double error = std::fabs(values[i] - found->second.value[i]), bound = found->second.error(i);
      if (!(error <= bound)) {
        std::ostringstream text;
        text.precision(9);
        text << t.name << "[" << i << "]: chip " << values[i] << ", double " << found->second.value[i]
             << " within " << bound;
        fail(text.str());
        break;
      }
      if (error > 0) largest = std::max(largest, error / bound);
    }
  }
  check_predictions(exact);
  return largest;
}

std::unique_ptr<TrainingStep> in_enough_scratchpad(StepCase& c) {
  while (true) {
    try {
      return std::make_unique<TrainingStep>(c);
    } catch (const compiler::InputError& error) {
      const auto least = least_scratchpad(error);
      if (!least) throw;
      c.chip.scratchpad_kib = least->kib;
    }
  }
}

}  // namespace anzan::testing
