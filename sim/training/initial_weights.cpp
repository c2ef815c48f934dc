// Each parameter has a random stream of its own, so that adding a layer leaves the others' values alone.
#include "sim/training/initial_weights.hpp"

#include <cmath>

#include "sim/training/random_generator.hpp"

namespace anzan::sim {
namespace {

// FNV-1a, 64 bits: the number of a parameter's stream.
std::uint64_t stream_of(const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

std::vector<float> initial_values(const compiler::Filler& filler, std::int64_t fan_in, std::int64_t count,
                                  std::uint32_t seed, const std::string& parameter) {
  using Kind = compiler::Filler::Kind;
  RandomGenerator random(seed, RandomGenerator::Purpose::kWeights, stream_of(parameter));
  std::vector<float> values(static_cast<std::size_t>(count), static_cast<float>(filler.value));
  const auto n = static_cast<double>(fan_in);
  const auto uniform = [&](double bound) {
    for (float& v : values) v = static_cast<float>((2 * random.uniform() - 1) * bound);
  };
  const auto gaussian = [&](double deviation) {
    for (float& v : values) v = static_cast<float>(random.gaussian() * deviation);
  };
  switch (filler.kind) {
    case Kind::kXavier:
      uniform(std::sqrt(3 / n));
      break;
    case Kind::kMsra:
      gaussian(std::sqrt(2 / n));
      break;
    case Kind::kGaussian:
      gaussian(filler.value);
      break;
    case Kind::kUniform:
      uniform(filler.value);
      break;
    case Kind::kConstant:
      break;
  }
  return values;
}

}  // namespace anzan::sim
