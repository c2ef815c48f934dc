// Data sets: images and labels of unsigned bytes, checked against the network and, for the known sets,
// against their SHA-256.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "sim/data/idx.hpp"

namespace anzan::sim {

struct DatasetOptions {
  std::string kind;  // one of dataset_kinds(): a known set, or "idx"
  std::string directory;
  std::string train_images, train_labels, test_images, test_labels;  // of kind idx
  std::int64_t train_images_used = 0, test_images_used = 0;          // 0: all
};

struct ImageSet {
  std::int64_t count = 0, size = 0;  // images, and bytes of one (channels x height x width, row-major)
  std::vector<std::uint8_t> images, labels;
  const std::uint8_t* image(std::int64_t number) const { return images.data() + number * size; }
  int label(std::int64_t number) const { return labels[static_cast<std::size_t>(number)]; }
};

struct Dataset {
  ImageSet train, test;
  std::string digest;  // SHA-256 over those of the four files: which data a run has seen
};

std::vector<std::string> dataset_kinds();

// Reads and checks the four files; IDX images are {count, height, width}, or {count, channels, height,
// width}. A known set is looked for in options.directory if given, otherwise in $ANZAN_DATA/KIND,
// $XDG_CACHE_HOME/anzan/KIND (~/.cache/anzan/KIND) and where Debian's package puts it.
// Throws InputError with all findings.
Dataset load_dataset(const DatasetOptions& options, const compiler::Network& network);

}  // namespace anzan::sim
