// FP32 steps against double precision: see training_step.hpp.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "tests/end_to_end/training_step.hpp"
#include "tests/reference/double_network.hpp"

namespace anzan::testing {

double TrainingStep::check_bounds() const {
  reference::DoubleSettings settings;
  settings.batch = case_.training.batch;
  settings.learning_rate = case_.learning_rate;
  settings.momentum = case_.training.momentum;
  settings.weight_decay = case_.training.weight_decay;
  const reference::DoubleStep exact =
      reference::double_training_step(case_.network, given_, labels_, settings);
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
  std::vector<int> prediction;
  for (const double p : apart_chip_.read("prediction")) prediction.push_back(static_cast<int>(p));
  if (prediction != exact.predictions) fail("predictions differ from those of double precision");
  return largest;
}

}  // namespace anzan::testing
