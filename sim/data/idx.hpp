// The IDX format of the MNIST database (yann.lecun.com/exdb/mnist): unsigned bytes, big-endian header.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace anzan::sim {

struct IdxFile {
  std::vector<std::int64_t> shape;  // outermost first: images are {count, height, width}
  std::vector<std::uint8_t> data;   // row-major
  std::string sha256;               // of the file, decompressed
};

// Reads a file, decompressing it if it is gzip. Throws InputError, with the file as place, for a file
// that is missing, is no IDX of unsigned bytes, or is shorter or longer than its header says.
IdxFile read_idx(const std::filesystem::path& file);

}  // namespace anzan::sim
