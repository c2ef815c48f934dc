// Which others each instruction is joined to: rows of numbers, one after the other in memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace anzan::compiler {

class Edges {
 public:
  class Row {
   public:
    Row(const std::int32_t* begin, const std::int32_t* end) : begin_(begin), end_(end) {}
    const std::int32_t* begin() const { return begin_; }
    const std::int32_t* end() const { return end_; }
    std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }

   private:
    const std::int32_t *begin_, *end_;
  };

  std::size_t size() const { return ends_.size() - 1; }  // rows
  Row operator[](std::size_t row) const {
    return {numbers_.data() + ends_[row], numbers_.data() + ends_[row + 1]};
  }

  void reserve(std::size_t rows) { ends_.reserve(rows + 1); }
  void add(std::int32_t number) { numbers_.push_back(number); }  // to the row after the last
  void end_row() { ends_.push_back(numbers_.size()); }

  // Row i has j, in ascending order, where row j has i here. All numbers must be those of rows.
  Edges reversed() const;

 private:
  std::vector<std::int32_t> numbers_;
  std::vector<std::size_t> ends_{0};
};

}  // namespace anzan::compiler
