// Matrices of doubles, and arithmetic element by element. All of it is plain functions that give a matrix:
// what is written with them compiles in a tenth of the time of expression templates.
#pragma once
#include <cstddef>
#include <vector>

namespace anzan::reference {

using Index = std::ptrdiff_t;

struct Rows {
  Index first, count;
};

// Row-major. Whatever meets another matrix must have its shape: std::invalid_argument.
class Array {
 public:
  Array() = default;
  Array(Index rows, Index columns, double value = 0);
  Array(Index rows, Index columns, std::vector<double> elements);

  Index rows() const { return rows_; }
  Index cols() const { return columns_; }
  Index size() const { return rows_ * columns_; }
  const std::vector<double>& elements() const { return elements_; }
  double& operator()(Index row, Index column) { return elements_[index(row, column)]; }
  double operator()(Index row, Index column) const { return elements_[index(row, column)]; }
  double& operator()(Index element) { return elements_[static_cast<std::size_t>(element)]; }
  double operator()(Index element) const { return elements_[static_cast<std::size_t>(element)]; }

  Array abs() const;
  Array square() const;
  Array sqrt() const;
  Array exp() const;
  Array log() const;
  Array pow(double exponent) const;
  Array max(double least) const;
  Array max(const Array& other) const;

  double sum() const;
  double mean() const { return sum() / static_cast<double>(size()); }
  double largest() const { return (*this)(place_of_largest()); }
  Index place_of_largest() const;  // the first one
  Index count() const;             // of what is not 0
  Array row_sums() const;          // a column

  Array part(Rows rows) const;
  Array row(Index row) const { return part({row, 1}); }
  Array transposed() const;
  Array reshaped(Index rows) const;                // the same elements in their order
  Array repeated(Index columns) const;             // side by side, so often
  void set_rows(Index first, const Array& rows);   // those from `first` on
  void add_rows(Index first, const Array& terms);  // to those

  Array& operator+=(const Array& other);
  Array& operator*=(const Array& other);

 private:
  std::size_t index(Index row, Index column) const {
    return static_cast<std::size_t>(row * columns_ + column);
  }

  Index rows_ = 0, columns_ = 0;
  std::vector<double> elements_;
};

Array operator-(const Array& a);
Array operator+(const Array& a, const Array& b);
Array operator-(const Array& a, const Array& b);
Array operator*(const Array& a, const Array& b);
Array operator/(const Array& a, const Array& b);
Array operator+(const Array& a, double b);
Array operator-(const Array& a, double b);
Array operator*(const Array& a, double b);
Array operator/(const Array& a, double b);
Array operator+(double a, const Array& b);
Array operator-(double a, const Array& b);
Array operator*(double a, const Array& b);
Array operator/(double a, const Array& b);

// 1 where it holds, else 0.
Array operator>(const Array& a, double b);
Array operator!=(const Array& a, double b);
Array operator<(const Array& a, const Array& b);
Array operator<=(const Array& a, const Array& b);

// The matrix product.
Array product(const Array& a, const Array& b);

}  // namespace anzan::reference
