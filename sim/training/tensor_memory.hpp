// Elements of a compiled tensor in a core's HBM, by logical index.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "models/number_format.hpp"

namespace anzan::sim {

// Of those of all `values` of a parameter, in logical order, whose rows are there.
void write_initial(models::Core& core, const compiler::TensorInfo& rows, const std::vector<float>& values);

class TensorMemory {
 public:
  // Both must outlive this.
  TensorMemory(models::Core& core, const compiler::TensorInfo& tensor) : core_(core), tensor_(tensor) {}

  // Bytes from the start of HBM to element `index` (row-major over the tensor's shape), whose row is there.
  std::int64_t offset(std::int64_t index) const {
    const compiler::TensorInfo::Place place = tensor_.place(index);
    const models::RowPlace row = models::row_place(tensor_.format, place.row - tensor_.first_row);
    return (tensor_.hbm_line + row.line) * core_.line_bytes() + 4 * place.lane +
           row.sub * models::element_bytes(tensor_.format);
  }

  std::int32_t get(std::int64_t index) const;          // sign-extended, or the bits of FP32
  void set(std::int64_t index, std::int32_t element);  // its low bits

  // Value as FP32 at the slot's binary point for reading.
  float value(std::int64_t index) const {
    return models::element_value(tensor_.format, get(index), core_.settings.slot(tensor_.slot).q_read);
  }

 private:
  models::Core& core_;
  const compiler::TensorInfo& tensor_;
};

}  // namespace anzan::sim
