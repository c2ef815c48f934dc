// Data sets: images of unsigned bytes and their labels, checked against the network and, for known sets of
// IDX files, against their SHA-256.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "sim/data/idx.hpp"

namespace anzan::sim {

inline constexpr const char *kIdx = "idx", *kSynthetic = "synthetic";  // kinds that are no known sets

struct DatasetOptions {
  std::string kind;                                                  // one of dataset_kinds()
  std::string directory;                                             // of a known set
  std::uint32_t seed = 1;                                            // of kind synthetic
  std::string train_images, train_labels, test_images, test_labels;  // of kind idx
  std::int64_t train_images_used = 0, test_images_used = 0;          // 0: all
};

struct ImageSet {
  std::int64_t count = 0, size = 0;  // images, and bytes of one (channels x height x width, row-major)
  std::int64_t labels_an_image = 1;  // one a pixel of the network's logits, row-major
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;  // classes; -1: none
  const std::uint8_t* image(std::int64_t number) const { return images.data() + number * size; }
  int label(std::int64_t number, std::int64_t pixel = 0) const {
    return labels[static_cast<std::size_t>(number * labels_an_image + pixel)];
  }
  std::int64_t label_count() const { return count * labels_an_image; }
};

struct Dataset {
  ImageSet train, test;
  std::string digest;  // SHA-256 over those of the files: which data a run has seen
};

std::vector<std::string> dataset_kinds();
// Whether a kind is found in a directory.
bool is_known_set(const std::string& kind);

// Reads and checks the files of a kind that has some. IDX images have the dimensions of the network's input
// after their count, where those of 1 may be missing, or one dimension of all their samples; labels have
// height and width of the logits after their count, where these have more than one pixel. A known set is
// looked for in options.directory if given, otherwise in $ANZAN_DATA/KIND, $XDG_CACHE_HOME/anzan/KIND
// (~/.cache/anzan/KIND) and where Debian's package puts it. Throws InputError with all findings.
Dataset load_dataset(const DatasetOptions& options, const compiler::Network& network);

}  // namespace anzan::sim
