// The IDX format of the MNIST database (yann.lecun.com/exdb/mnist): a big-endian header, then integers.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace anzan::sim {

// Elements, by the number that stands for them in the header.
enum class IdxElement : std::uint8_t {
  kUnsigned8 = 0x08,
  kSigned8 = 0x09,
  kSigned16 = 0x0b,
  kSigned32 = 0x0c
};

struct IdxFile {
  IdxElement element = IdxElement::kUnsigned8;
  std::vector<std::int64_t> shape;  // outermost first: images are {count, height, width}
  std::vector<std::uint8_t> data;   // row-major; the highest byte of an element first
  std::string sha256;               // of the file, decompressed
};

// What a file is to hold: samples are unsigned bytes, labels are any of the integers.
enum class IdxContent { kSamples, kLabels };

// Reads a file, decompressing it if it is gzip. Throws InputError, with the file as place, for a file
// that is missing, is no IDX of such elements, or is shorter or longer than its header says.
IdxFile read_idx(const std::filesystem::path& file, IdxContent content = IdxContent::kSamples);

std::vector<std::int32_t> idx_integers(const IdxFile& file);

}  // namespace anzan::sim
