// Each operation is a walk over the elements; the product is Eigen's.
#include "tests/reference/array.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace anzan::reference {
namespace {

void require(bool holds) {
  if (!holds) throw std::invalid_argument("reference: matrices of shapes that do not fit");
}

template <class Function>
Array mapped(Array a, const Function& function) {
  for (Index i = 0; i < a.size(); ++i) a(i) = function(a(i));
  return a;
}

template <class Function>
Array met(Array a, const Array& b, const Function& function) {
  require(a.rows() == b.rows() && a.cols() == b.cols());
  for (Index i = 0; i < a.size(); ++i) a(i) = function(a(i), b(i));
  return a;
}

}  // namespace

Array::Array(Index rows, Index columns, double value)
    : rows_(rows), columns_(columns), elements_(static_cast<std::size_t>(rows * columns), value) {}

Array::Array(Index rows, Index columns, std::vector<double> elements)
    : rows_(rows), columns_(columns), elements_(std::move(elements)) {
  require(static_cast<Index>(elements_.size()) == size());
}

Array Array::abs() const {
  return mapped(*this, [](double x) { return std::fabs(x); });
}
Array Array::square() const {
  return mapped(*this, [](double x) { return x * x; });
}
Array Array::sqrt() const {
  return mapped(*this, [](double x) { return std::sqrt(x); });
}
Array Array::exp() const {
  return mapped(*this, [](double x) { return std::exp(x); });
}
Array Array::log() const {
  return mapped(*this, [](double x) { return std::log(x); });
}
Array Array::pow(double exponent) const {
  return mapped(*this, [exponent](double x) { return std::pow(x, exponent); });
}
Array Array::max(double least) const {
  return mapped(*this, [least](double x) { return std::max(x, least); });
}
Array Array::max(const Array& other) const {
  return met(*this, other, [](double x, double y) { return std::max(x, y); });
}

double Array::sum() const { return std::accumulate(elements_.begin(), elements_.end(), 0.0); }

Index Array::place_of_largest() const {
  return std::max_element(elements_.begin(), elements_.end()) - elements_.begin();
}

Index Array::count() const { return size() - std::count(elements_.begin(), elements_.end(), 0.0); }

Array Array::row_sums() const {
  Array sums(rows_, 1);
  for (Index i = 0; i < size(); ++i) sums(i / columns_) += (*this)(i);
  return sums;
}

Array Array::part(Rows rows) const {
  require(rows.first >= 0 && rows.first + rows.count <= rows_);
  const auto first = elements_.begin() + rows.first * columns_;
  return {rows.count, columns_, std::vector<double>(first, first + rows.count * columns_)};
}

Array Array::transposed() const {
  Array result(columns_, rows_);
  for (Index i = 0; i < rows_; ++i)
    for (Index j = 0; j < columns_; ++j) result(j, i) = (*this)(i, j);
  return result;
}

Array Array::reshaped(Index rows) const { return {rows, size() / rows, elements_}; }

Array Array::repeated(Index columns) const {
  Array result(rows_, columns_ * columns);
  for (Index i = 0; i < rows_; ++i)
    for (Index j = 0; j < result.cols(); ++j) result(i, j) = (*this)(i, j % columns_);
  return result;
}

void Array::set_rows(Index first, const Array& rows) {
  require(rows.cols() == columns_ && first >= 0 && first + rows.rows() <= rows_);
  std::copy(rows.elements_.begin(), rows.elements_.end(), elements_.begin() + first * columns_);
}

void Array::add_rows(Index first, const Array& terms) {
  set_rows(first, part({first, terms.rows()}) + terms);
}

Array& Array::operator+=(const Array& other) { return *this = *this + other; }
Array& Array::operator*=(const Array& other) { return *this = *this * other; }

Array operator-(const Array& a) { return mapped(a, std::negate<>()); }
Array operator+(const Array& a, const Array& b) { return met(a, b, std::plus<>()); }
Array operator-(const Array& a, const Array& b) { return met(a, b, std::minus<>()); }
Array operator*(const Array& a, const Array& b) { return met(a, b, std::multiplies<>()); }
Array operator/(const Array& a, const Array& b) { return met(a, b, std::divides<>()); }
Array operator+(const Array& a, double b) {
  return mapped(a, [b](double x) { return x + b; });
}
Array operator-(const Array& a, double b) {
  return mapped(a, [b](double x) { return x - b; });
}
Array operator*(const Array& a, double b) {
  return mapped(a, [b](double x) { return x * b; });
}
Array operator/(const Array& a, double b) {
  return mapped(a, [b](double x) { return x / b; });
}
Array operator+(double a, const Array& b) { return b + a; }
Array operator-(double a, const Array& b) {
  return mapped(b, [a](double x) { return a - x; });
}
Array operator*(double a, const Array& b) { return b * a; }
Array operator/(double a, const Array& b) {
  return mapped(b, [a](double x) { return a / x; });
}

Array operator>(const Array& a, double b) {
  return mapped(a, [b](double x) { return x > b ? 1.0 : 0.0; });
}
Array operator!=(const Array& a, double b) {
  return mapped(a, [b](double x) { return x != b ? 1.0 : 0.0; });
}
Array operator<(const Array& a, const Array& b) {
  return met(a, b, [](double x, double y) { return x < y ? 1.0 : 0.0; });
}
Array operator<=(const Array& a, const Array& b) {
  return met(a, b, [](double x, double y) { return x <= y ? 1.0 : 0.0; });
}

Array product(const Array& a, const Array& b) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  require(a.cols() == b.rows());
  const auto matrix = [](const Array& x) {
    return Eigen::Map<const Matrix>(x.elements().data(), x.rows(), x.cols());
  };
  std::vector<double> elements(static_cast<std::size_t>(a.rows() * b.cols()));
  Eigen::Map<Matrix>(elements.data(), a.rows(), b.cols()).noalias() = matrix(a) * matrix(b);
  return {a.rows(), b.cols(), std::move(elements)};
}

}  // namespace anzan::reference
