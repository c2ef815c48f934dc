// Training steps on a chip beside the bit-level reference: every stored element of every tensor and every
// statistics counter; and beside double precision, within error bounds.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "compiler/input/network.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/double_network.hpp"
#include "tests/reference/integer_network.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::testing {

// All that decides a step; `seed` draws data, labels, initial values and where binary points are moved.
struct StepCase {
  std::uint32_t seed = 0;
  compiler::Network network;
  compiler::Precision precision;
  compiler::TrainingParameters training;
  compiler::ChipParameters chip;
  double learning_rate = 0.05;
  reference::DoubleTensors
      given;  // what a step finds in a tensor, instead of what was drawn or is left there
  compiler::Input input() const { return {network, precision, training, chip}; }
  std::string describe() const;  // what a failure needs to be repeated
};

// Runs the steps 1, 2, ... of a case on two chips and on the reference. One chip holds the network as
// compiled; the other holds it with the same instructions but every tensor at a place of its own, behind
// a guard line, so that after the step all of them can be read.
class TrainingStep {
 public:
  explicit TrainingStep(const StepCase& step_case);
  TrainingStep(const TrainingStep&) = delete;  // the chips refer to the models beside them
  TrainingStep& operator=(const TrainingStep&) = delete;

  // New data and labels (`unlabelled`: the last one is missing, as that of a padded image), points of all
  // slots moved by up to one bit if `move_points`; the step on both chips and in the reference. Before it,
  // all momenta are set on the first call.
  void run(bool move_points, bool unlabelled);

  // Adds a GoogleTest failure for each of: tensors, statistics, what max pools keep, loss and its gradient
  // against exact values, prediction, guard lines; and what outlives the step on the chip as compiled.
  void check() const;
  // Of a step in FP32: the same for each tensor that leaves the error bounds of double precision. Returns the
  // largest share of its bound that an error takes.
  double check_bounds() const;

  // After a step, inference on its data: every activation, bit for bit, and the predictions.
  void check_inference() const;

  std::int64_t points_moved() const { return points_moved_; }  // by the settings optimiser
  std::int64_t elements_compared() const { return elements_; }
  std::int64_t spills() const;  // instructions of the step whose reduction goes on in a later one

 private:
  void prepare(TestChip& chip) const;
  void set_inputs(TestChip& chip, bool unlabelled) const;
  template <class Settings>
  void set_rule(Settings& settings) const;  // of the updates
  reference::StepSettings settings() const;
  reference::IntegerNetwork::Formats formats(const std::map<int, std::int8_t>& q_read) const;
  bool measured(const std::string& tensor) const { return tensor == "loss" || tensor == gradient_name_; }
  const reference::IntegerNetwork& expected() const { return expected_.back(); }
  void fail(const std::string& what) const;
  void check_tensor(const compiler::TensorInfo& t) const;
  void check_statistics(const compiler::SlotInfo& s, int slot) const;
  void check_measured_statistics(const compiler::SlotInfo& s, const models::SlotStatistics& found) const;
  void check_loss() const;
  std::size_t logit(std::size_t label, std::int64_t of_class) const;
  struct Measured {
    std::string name;
    std::vector<std::int32_t> stored;
  };
  Measured measure(const std::string& tensor) const;
  void check_cross_entropy(const std::vector<float>& logits, std::size_t label, const Measured& gradient,
                           const Measured& loss) const;
  void check_squared_error(const std::vector<float>& logits, std::size_t label, const Measured& gradient,
                           const Measured& loss) const;
  void check_within(const Measured& tensor, std::size_t index, long double exact,
                    long double tolerance) const;
  void check_predictions(const reference::DoubleStep& exact) const;
  void check_kept_taps(const compiler::Layer& pool) const;
  void check_plan() const;
  void check_guards() const;

  StepCase case_;
  compiler::CompiledModel planned_, apart_;
  mutable TestChip planned_chip_, apart_chip_;
  std::uint32_t step_ = 0;
  std::string gradient_name_;       // of the gradient of the logits
  reference::RandomStep drawn_;     // of the step
  std::vector<int> labels_;         // -1: none
  reference::DoubleTensors given_;  // values before the step
  std::vector<reference::IntegerNetwork> expected_;
  std::map<int, models::SlotStatistics> statistics_;  // by slot, of the last step
  std::int64_t points_moved_ = 0;
  mutable std::int64_t elements_ = 0;
};

// With the scratchpad of the case, or, where it is too small, with the least that is said to be enough, which
// the case then has.
std::unique_ptr<TrainingStep> in_enough_scratchpad(StepCase& step_case);

}  // namespace anzan::testing
