// What an operation does with corresponding elements of its sources: a sequence of vector operations on
// values, written down before anybody knows where the values stand. An emitter of functions.hpp.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

struct ElementValue {
  enum class Kind { kNone, kSource, kBetween, kFactor, kScalar } kind = Kind::kNone;
  int number = 0;  // of the source, the temporary, the factor of the channel; in the table of scalars
};

class ElementSequence {
 public:
  using Value = ElementValue;
  struct Step {
    isa::VectorOp op;
    Value out, a, b, c;
    int words = kConstantSlot;  // slot of random words
    // Folded with add over channels near the element's, from so many before it to so many after it.
    bool folds = false;
    std::int64_t before = 0, after = 0;
  };

  // `training`: what the operation does where the program trains. Throws std::logic_error for an operation
  // that is not element by element.
  ElementSequence(Lowering& low, const Op& op, bool training);

  // All but the last write to temporaries, that one to the target.
  const std::vector<Step>& steps() const { return steps_; }
  // Whether some step reads other channels than the one it writes: a tile has to have all of them.
  bool meets_channels() const;
  bool reads_factors() const;                       // of batch normalisation
  int temporaries() const { return temporaries_; }  // FP32 values that stand between the steps

  void emit(isa::VectorOp op, const Value& out, const Value& a, const Value& b = {}, const Value& c = {});
  Value number(float value) { return {Value::Kind::kScalar, low_.scalar(value)}; }
  Value bits(std::uint32_t value) { return {Value::Kind::kScalar, low_.scalar_bits(value)}; }

 private:
  static Value source(int number) { return {Value::Kind::kSource, number}; }
  static Value between(int number) { return {Value::Kind::kBetween, number}; }
  static Value factor(int number) { return {Value::Kind::kFactor, number}; }
  void write(const Op& op, bool training);
  bool write_function(const Op& op);  // whether it is one
  bool write_gradient(const Op& op);
  void dropout(const Op& op);
  void select_between(const Value& x, float low, float high, const Value& what);
  void hard_step(const Value& x);
  void sigmoid(const Value& x);
  void sum_near(const Value& out, const Value& a, const Value& b, std::int64_t before, std::int64_t after);
  void log_of_sum(const Value& x, const Layer& l);
  void power(const Value& out, double exponent);
  void lrn(const Layer& l);
  void lrn_gradient(const Layer& l);

  Lowering& low_;
  std::vector<Step> steps_;
  int temporaries_ = 0;
};

}  // namespace anzan::compiler
