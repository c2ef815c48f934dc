// Stored numbers as models/README.md defines them, written a second time: the definition is followed
// literally in 80-bit long double, whose 64-bit significand holds every FP32 value and every 48-bit
// accumulator exactly. Used by the tests only; shares no code with models/.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace anzan::reference {

enum class Format { kInt8, kInt16, kFp32 };
enum class Rounding { kNearestEven, kStochastic, kTowardsZero };

// How one tensor is stored. `q_read` is the point of what is stored when the step begins, `q_write` that
// of what the step writes; for a tensor that does not outlive the step only `q_write` counts.
// `slot` enters the random words. Tensors of one slot have the same TensorFormat.
struct TensorFormat {
  Format format = Format::kFp32;
  int width = 16;
  int q_read = 0, q_write = 0;
  Rounding rounding = Rounding::kNearestEven;
  std::uint32_t slot = 0;
};

// The counters of one slot; each stops at 2^32 - 1.
struct Statistics {
  std::uint32_t values = 0, zeros = 0, saturated_high = 0, saturated_low = 0, underflows = 0;
  std::array<std::uint32_t, 64> histogram{};
  bool operator==(const Statistics& o) const {
    return values == o.values && zeros == o.zeros && saturated_high == o.saturated_high &&
           saturated_low == o.saturated_low && underflows == o.underflows && histogram == o.histogram;
  }
};

// What the quantiser makes of one value: the integer, and which limit it met.
struct Quantised {
  std::int32_t stored = 0;
  bool saturated_high = false, saturated_low = false;
};
Quantised quantise(long double value, int width, int q, Rounding rounding, std::uint32_t random);

// Position p(v) of a value that is finite and not zero.
int position(long double value);

std::uint32_t random_word(std::uint32_t seed, std::uint32_t step, std::uint32_t slot, std::uint32_t index);

// The elements of a logical tensor in row-major order: integers, or the bits of FP32 values.
struct StoredTensor {
  TensorFormat format;
  int q = 0;  // binary point of what stands in `stored` now
  std::array<std::int64_t, 4> shape{1, 1, 1, 1};
  std::vector<std::int32_t> stored;

  std::int64_t size() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
  bool integer() const { return format.format != Format::kFp32; }
  float real(std::int64_t index) const;  // the value, exact
  std::vector<float> reals() const;
};

std::int32_t bits_of(float value);
float float_of(std::int32_t bits);

// Writes values to a tensor as the write-back path does, element by element, and counts them.
class Writer {
 public:
  Writer(std::uint32_t seed, std::uint32_t step) : seed_(seed), step_(step) {}
  // A tensor of `shape` and `format` at q_write, all zero.
  static StoredTensor make(const TensorFormat& format, const std::array<std::int64_t, 4>& shape);
  // Stores the exact value at the logical index; with `statistics`, counts it there first.
  void store(StoredTensor& tensor, std::int64_t index, long double value, Statistics* statistics) const;

 private:
  std::uint32_t seed_, step_;
};

}  // namespace anzan::reference
