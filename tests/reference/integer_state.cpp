// Tensors by name, written and counted element by element.
#include "tests/reference/integer_state.hpp"

#include <cmath>
#include <stdexcept>

namespace anzan::reference {

// 1 / sqrt(x), x > 0: a first guess from the bits, then y += y (1/2 - x/2 y y), three times.
float inverse_root(float x) {
  const float half = x * 0.5F;
  float y = float_of(0x5f375a86 - (bits_of(x) >> 1));
  for (int step = 0; step < 3; ++step) y = std::fma(y, std::fma(-(y * half), y, 0.5F), y);
  return y;
}

IntegerState::IntegerState(const compiler::Network& network, Formats formats_of_tensors,
                           const StepSettings& step)
    : graph(network, step.batch),
      formats(std::move(formats_of_tensors)),
      settings(step),
      writer(step.seed, step.step) {}

StoredTensor IntegerState::create(const std::string& name, const TensorShape& shape) const {
  const auto format = formats.find(name);
  if (format == formats.end()) throw std::invalid_argument("reference: no format for tensor " + name);
  return Writer::make(format->second, shape);
}

const StoredTensor& IntegerState::tensor(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("reference: tensor " + name + " holds nothing");
  return found->second;
}

void IntegerState::write_values(const std::string& name, const TensorShape& shape,
                                const std::vector<float>& values) {
  write(name, shape, [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
    return static_cast<long double>(values[at(i)]);
  });
}

void IntegerState::count(const std::string& name, const std::vector<float>& values) {
  StoredTensor unused = Writer::make(TensorFormat(), {static_cast<std::int64_t>(values.size()), 1, 1, 1});
  Statistics& counters = statistics[name];
  for (std::size_t i = 0; i < values.size(); ++i)
    writer.store(unused, static_cast<std::int64_t>(i), values[i], &counters);
}

}  // namespace anzan::reference
