// A core with a compiled network on it, for tests: loads what the driver would load, runs the programs,
// and reads and writes tensors in logical order.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/engines/cores.hpp"

namespace anzan::testing {

class TestChip {
 public:
  // Settings of calibration as the driver makes them: every slot acts at once, by `max` where its policy
  // could not find a first point alone.
  explicit TestChip(const compiler::CompiledModel& model);

  // Real values, stored through the quantiser at the slot's point for writing (nearest even).
  void write(const std::string& tensor, const std::vector<double>& values);
  std::vector<double> read(const std::string& tensor) const;               // n * 2^-q_read, or FP32
  std::vector<std::int64_t> read_stored(const std::string& tensor) const;  // the integers, or FP32 bits
  void write_stored(const std::string& tensor, const std::vector<std::int64_t>& stored);

  // Runs the programs that store the initial values, of all parameters by name.
  void initialise(const std::map<std::string, std::vector<double>>& values);

  // Executes encoded words, values only.
  void run(const std::vector<std::uint32_t>& program, int threads = 1);

  // Seeded images, labels and initial values; runs initialize and calibrate; restores the policies.
  // Programs may use the memory of the images for other tensors: load_batch() before each run.
  void prepare(std::uint32_t seed, double learning_rate = 0.05);

  // Number and scalars of a step.
  void begin_step(std::uint32_t step, double learning_rate);

  // Writes the images and labels that prepare() drew.
  void load_batch();

  // All weights and biases as stored, in logical order.
  std::vector<std::int64_t> parameters() const;

  models::Core& core() { return core_; }
  sim::Cores& cores() { return cores_; }  // core() alone
  const compiler::CompiledModel& model() const { return model_; }

 private:
  std::uint8_t* element(const compiler::TensorInfo& t, std::int64_t index) const;

  const compiler::CompiledModel& model_;
  sim::Cores cores_;
  models::Core& core_;
  std::vector<double> data_, label_;
};

// A precision of one format throughout; `rounding` of everything but activations.
compiler::Precision uniform_precision(isa::Format format, int width, isa::Rounding rounding,
                                      bool separate_master = false);

// The model with the same instructions but every tensor at a place of its own, a line before each, so that
// all of them can be read after a step.
compiler::CompiledModel with_tensors_apart(const compiler::Input& input);

}  // namespace anzan::testing
