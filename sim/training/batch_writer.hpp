// Writes a batch of images and labels to where the programs expect them. On the critical path of every
// step: all addresses and all encoded samples are computed once.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/data/dataset.hpp"

namespace anzan::sim {

// The binary point of tensors whose values are known beforehand: the largest q in [q_min, q_max] at
// which no value, rounded to nearest, lies outside [-2^(w-1), 2^(w-1)]. Only the positive end can then
// saturate, by one unit: 255/256 at 8 bits is stored as 127/128 instead of costing all samples a bit.
int binary_point_of(const std::vector<float>& values, int width, int q_min, int q_max);

class BatchWriter {
 public:
  // Sets the binary point of the slot of `data` in the core's settings store; `label` keeps the one it
  // has. What a raw sample is stored as, the network says. What is null is not written.
  BatchWriter(models::Core& core, const compiler::TensorInfo* data, const compiler::TensorInfo* label,
              const compiler::Network& network);

  // The point that the constructor chose, again: for after the settings have been replaced.
  void set_binary_point();

  // Writes images[k] of the set to place k of the batch; places beyond images.size() become zero
  // images with all-zero labels.
  void write(const ImageSet& set, const std::vector<std::int64_t>& images);

 private:
  struct Input {
    const compiler::TensorInfo* tensor = nullptr;
    // Element e of image n stands in row image_row[n] + element_row[e], lane image_lane[n].
    std::vector<std::int64_t> image_row, element_row;
    std::vector<int> image_lane;
  };
  static Input prepare(const compiler::TensorInfo* tensor);
  std::uint32_t encode(const Input& input, float value) const;
  void write_data(const ImageSet& set, const std::vector<std::int64_t>& images);
  void write_labels(const ImageSet& set, const std::vector<std::int64_t>& images);
  template <class Element>
  void write_images(const std::vector<const std::uint8_t*>& samples);
  void write_element(const Input& input, std::size_t image, std::size_t element, std::uint32_t bits);
  std::uint8_t* row(const Input& input, std::int64_t number);  // its lane 0; lanes are 4 bytes apart

  models::Core& core_;
  Input data_, label_;
  int data_point_ = 0;
  std::vector<std::uint32_t> samples_;  // encoded: a table of 256 for each channel, or one for all
  std::size_t pixels_ = 0;              // that follow each other and have one table
  std::uint32_t one_ = 0;               // encoded label
};

}  // namespace anzan::sim
