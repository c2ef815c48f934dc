// Elementary functions as sequences of the vector unit's operations, in FP32. What a value is (a row, rows, a
// scalar), and how an operation on values becomes an instruction, the emitter says:
//   emit(op, out, a [, b [, c]])   out := op(a, b, c), element by element; out may be one of the operands
//   number(float), bits(uint32)    a constant, and one given by its bits
// The polynomials are of Cephes (S. Moshier: expf.c, logf.c). Errors over the ranges that are named:
// tests/compiler/lowering/functions_test.cpp.
#pragma once
#include <cstddef>

#include "isa/isa_generated.hpp"

namespace anzan::compiler::functions {

// Highest power first.
inline constexpr float kExp[] = {1.9875691500e-4f,
                                 1.3981999507e-3f,
                                 8.3334519073e-3f,
                                 4.1665795894e-2f,
                                 1.6666665459e-1f,
                                 5.0000001201e-1f,
                                 1.0f,
                                 1.0f};
inline constexpr float kLog[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                                 -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                                 2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
inline constexpr float kTanh[] = {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                  1.33314422036e-1f, -3.33332819422e-1f};
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
inline constexpr float kSmallestExponent = -86.0f;  // below, exp counts as exp(-86): still a normal number

// p := the polynomial of x, p another value than x.
template <class Emitter, class Value, std::size_t n>
void polynomial(Emitter& e, const float (&coefficients)[n], const Value& x, const Value& p) {
  using V = isa::VectorOp;
  const auto second = e.number(coefficients[1]), first = e.number(coefficients[0]);
  e.emit(V::kFma, p, x, first, second);
  for (std::size_t k = 2; k < n; ++k) e.emit(V::kFma, p, p, x, e.number(coefficients[k]));
}

// x := exp(x) for x <= 88: 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. Two values beside x.
template <class Emitter, class Value>
void exp(Emitter& e, const Value& x, const Value& p, const Value& power) {
  using V = isa::VectorOp;
  e.emit(V::kMax, x, x, e.number(kSmallestExponent));
  e.emit(V::kMul, power, x, e.number(1.44269504088896341f));
  e.emit(V::kF2i, power, power);
  e.emit(V::kI2f, p, power);
  e.emit(V::kFnma, x, p, e.number(kLn2High), x);
  e.emit(V::kFnma, x, p, e.number(kLn2Low), x);
  polynomial(e, kExp, x, p);
  e.emit(V::kIshl, power, power, e.bits(23));
  e.emit(V::kIadd, x, p, power);
}

// Values that a logarithm works in, beside its argument.
template <class Value>
struct LogValues {
  Value exponent, mantissa, polynomial, square;
};

// v.exponent := ln(x), x a normal number above zero: mantissa 1 + t in [sqrt(1/2), sqrt(2)), exponent k.
template <class Emitter, class Value>
void log(Emitter& e, const Value& x, const LogValues<Value>& v) {
  using V = isa::VectorOp;
  e.emit(V::kIsub, v.exponent, x, e.bits(0x3f3504f3));
  e.emit(V::kIshr, v.exponent, v.exponent, e.bits(23));
  e.emit(V::kIshl, v.mantissa, v.exponent, e.bits(23));
  e.emit(V::kIsub, v.mantissa, x, v.mantissa);
  e.emit(V::kI2f, v.exponent, v.exponent);                  // k
  e.emit(V::kSub, v.mantissa, v.mantissa, e.number(1.0f));  // t
  polynomial(e, kLog, v.mantissa, v.polynomial);
  e.emit(V::kMul, v.square, v.mantissa, v.mantissa);
  e.emit(V::kMul, v.polynomial, v.polynomial, v.mantissa);
  e.emit(V::kMul, v.polynomial, v.polynomial, v.square);
  e.emit(V::kFma, v.polynomial, v.exponent, e.number(kLn2Low), v.polynomial);
  e.emit(V::kFnma, v.polynomial, v.square, e.number(0.5f), v.polynomial);
  e.emit(V::kAdd, v.polynomial, v.mantissa, v.polynomial);
  e.emit(V::kFma, v.exponent, v.exponent, e.number(kLn2High), v.polynomial);
}

// y := 1 / x for x in [2^-125, 2^125]: a first guess from the bits, three Newton steps. One value beside.
template <class Emitter, class Value>
void reciprocal(Emitter& e, const Value& x, const Value& y, const Value& factor) {
  using V = isa::VectorOp;
  e.emit(V::kIsub, y, e.bits(0x7ef311c7), x);
  for (int step = 0; step < 3; ++step) {
    e.emit(V::kFnma, factor, y, x, e.number(2.0f));
    e.emit(V::kMul, y, y, factor);
  }
}

// y := 1 / sqrt(x) for x in [2^-100, 2^125]: a first guess from the bits, three Newton steps
// y (3/2 - x/2 y^2), of which the last corrects what the others round. `half` becomes x / 2; `factor` may be
// x.
inline constexpr float kLeastRadicand = 0x1p-100f;
template <class Emitter, class Value>
void reciprocal_root(Emitter& e, const Value& x, const Value& y, const Value& half, const Value& factor) {
  using V = isa::VectorOp;
  e.emit(V::kMul, half, x, e.number(0.5f));
  e.emit(V::kIshr, y, x, e.bits(1));
  e.emit(V::kIsub, y, e.bits(0x5f375a86), y);
  for (int step = 0; step < 3; ++step) {
    e.emit(V::kMul, factor, y, half);
    e.emit(V::kFnma, factor, factor, y, e.number(0.5f));  // half of the relative error of y
    e.emit(V::kFma, y, y, factor, y);
  }
}

// y := 1 / (1 + exp(-x)) for any x; below, x counts as -86, where y is still a normal number. Three values
// beside x, of which the first becomes y.
template <class Emitter, class Value>
void sigmoid(Emitter& e, const Value& x, const Value& y, const Value& sum, const Value& power) {
  using V = isa::VectorOp;
  e.emit(V::kMax, sum, x, e.number(kSmallestExponent));
  e.emit(V::kSub, sum, e.number(0.0f), sum);
  exp(e, sum, y, power);
  e.emit(V::kAdd, sum, sum, e.number(1.0f));
  reciprocal(e, sum, y, power);
}

// Values that a hyperbolic tangent works in, beside its argument.
template <class Value>
struct TanhValues {
  Value result, size, small, sum, power;
};

// v.result := tanh(x) for any x, odd to the last bit: up to 0.625 an odd polynomial of |x|, above it
// 1 - 2 / (exp(2 |x|) + 1). Whichever does not hold becomes zero.
template <class Emitter, class Value>
void tanh(Emitter& e, const Value& x, const TanhValues<Value>& v) {
  using V = isa::VectorOp;
  constexpr float kLargestSmall = 0.625f, kNext = 0.625f + 0x1p-24f;
  constexpr float kLargest = 10.0f;  // tanh is 1 in FP32 from 9.02 on
  e.emit(V::kIand, v.size, x, e.bits(0x7fffffff));
  e.emit(V::kMul, v.sum, v.size, v.size);
  polynomial(e, kTanh, v.sum, v.small);
  e.emit(V::kMul, v.small, v.small, v.sum);
  e.emit(V::kFma, v.small, v.small, v.size, v.size);
  e.emit(V::kSelectGt, v.small, e.number(kNext), v.size, v.small);
  e.emit(V::kMin, v.sum, v.size, e.number(kLargest));
  e.emit(V::kAdd, v.sum, v.sum, v.sum);
  exp(e, v.sum, v.result, v.power);
  e.emit(V::kAdd, v.sum, v.sum, e.number(1.0f));
  reciprocal(e, v.sum, v.result, v.power);
  e.emit(V::kFnma, v.sum, v.result, e.number(2.0f), e.number(1.0f));
  e.emit(V::kSelectGt, v.sum, v.size, e.number(kLargestSmall), v.sum);
  e.emit(V::kAdd, v.sum, v.sum, v.small);
  e.emit(V::kIand, v.size, x, e.bits(0x80000000));
  e.emit(V::kIadd, v.result, v.sum, v.size);
}

}  // namespace anzan::compiler::functions
