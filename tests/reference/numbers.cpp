// Quantiser, positions, random words and statistics in long double; see numbers.hpp.
#include "tests/reference/numbers.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace anzan::reference {
namespace {

static_assert(LDBL_MANT_DIG >= 64, "the reference needs long double with at least 64 significant bits");

constexpr int kHistogramOrigin = -40;
constexpr std::uint64_t kModulus = 1ULL << 32;

std::uint64_t mix(std::uint64_t x) {
  x = x ^ (x / 65536);
  x = x * 0x7feb352dULL % kModulus;
  x = x ^ (x / 32768);
  x = x * 0x846ca68bULL % kModulus;
  return x ^ (x / 65536);
}

void count(std::uint32_t& counter) {
  if (counter != std::numeric_limits<std::uint32_t>::max()) ++counter;
}

bool rounds_up(long double whole, long double fraction, Rounding rounding, std::uint32_t random) {
  switch (rounding) {
    case Rounding::kNearestEven:
      return fraction > 0.5L || (fraction == 0.5L && std::fmod(whole, 2.0L) == 1.0L);
    case Rounding::kStochastic:
      return std::floor(std::ldexp(fraction, 24)) + static_cast<long double>(random / 256) >= 0x1p24L;
    case Rounding::kTowardsZero:
      return false;
  }
  throw std::invalid_argument("reference: unknown rounding mode");
}

}  // namespace

Quantised quantise(long double value, int width, int q, Rounding rounding, std::uint32_t random) {
  const bool negative = std::signbit(value);
  const long double limit = std::ldexp(1.0L, width - 1) - (negative ? 0.0L : 1.0L);
  long double magnitude = limit + 1.0L;  // infinity and NaN saturate
  if (std::isfinite(value)) {
    const long double exact = std::ldexp(std::fabs(value), q);
    magnitude = std::floor(exact);
    if (rounds_up(magnitude, exact - magnitude, rounding, random)) magnitude += 1.0L;
  }
  Quantised result;
  result.saturated_high = !negative && magnitude > limit;
  result.saturated_low = negative && magnitude > limit;
  magnitude = std::min(magnitude, limit);
  result.stored = static_cast<std::int32_t>(negative ? -magnitude : magnitude);
  return result;
}

int position(long double value) {
  int exponent = 0;
  const long double significand = std::frexp(std::fabs(value), &exponent);  // in [1/2, 1)
  return exponent - 1 - (value < 0.0L && significand == 0.5L ? 1 : 0);
}

std::uint32_t random_word(std::uint32_t seed, std::uint32_t step, std::uint32_t slot, std::uint32_t index) {
  const std::uint64_t from_seed = mix((std::uint64_t{seed} + 0x9e3779b9ULL) % kModulus);
  const std::uint64_t from_step = mix(from_seed ^ step);
  const std::uint64_t key = mix(from_step ^ (std::uint64_t{slot} * 0x85ebca6bULL % kModulus));
  return static_cast<std::uint32_t>(mix(key ^ index));
}

std::int32_t bits_of(float value) {
  std::int32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(std::int32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float StoredTensor::real(std::int64_t index) const {
  const std::int32_t element = stored.at(static_cast<std::size_t>(index));
  return integer() ? static_cast<float>(std::ldexp(static_cast<long double>(element), -q))
                   : float_of(element);
}

std::vector<float> StoredTensor::reals() const {
  std::vector<float> values(stored.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = real(static_cast<std::int64_t>(i));
  return values;
}

StoredTensor Writer::make(const TensorFormat& format, const std::array<std::int64_t, 4>& shape) {
  StoredTensor tensor{format, format.q_write, shape, {}};
  tensor.stored.resize(static_cast<std::size_t>(tensor.size()));
  return tensor;
}

void Writer::store(StoredTensor& tensor, std::int64_t index, long double value,
                   Statistics* statistics) const {
  const bool zero = value == 0.0L;
  Quantised result;
  if (tensor.integer()) {
    const auto counter = static_cast<std::uint32_t>(static_cast<std::uint64_t>(index) % kModulus);
    result = quantise(value, tensor.format.width, tensor.q, tensor.format.rounding,
                      random_word(seed_, step_, tensor.format.slot, counter));
  } else {
    result.stored = bits_of(static_cast<float>(value));
  }
  tensor.stored.at(static_cast<std::size_t>(index)) = result.stored;
  if (statistics == nullptr) return;
  count(statistics->values);
  if (zero) {
    count(statistics->zeros);
  } else {
    const int bin = std::isfinite(value) ? std::clamp(position(value) - kHistogramOrigin, 0, 63) : 63;
    count(statistics->histogram[static_cast<std::size_t>(bin)]);
  }
  if (result.saturated_high) count(statistics->saturated_high);
  if (result.saturated_low) count(statistics->saturated_low);
  if (tensor.integer() && !zero && result.stored == 0) count(statistics->underflows);
}

}  // namespace anzan::reference
