// Whole files through zlib, which reads plain ones unchanged; the header is believed only if sizes agree.
#include "sim/data/idx.hpp"

#include <zlib.h>

#include <cstdio>
#include <memory>

#include "compiler/input/input_error.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;

constexpr std::size_t kSizeLimit = std::size_t{1} << 34;  // bytes; guards against a damaged header

// zlib reads plain files through unchanged.
std::vector<std::uint8_t> read_all(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) throw InputError(file.string(), "no such file", "an IDX file");
  if (std::filesystem::is_directory(file, error))
    throw InputError(file.string(), "a directory", "an IDX file");
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(file.c_str(), "rb"), gzclose);
  if (!stream) throw InputError(file.string(), "a file that cannot be read", "an IDX file");
  std::vector<std::uint8_t> bytes;
  constexpr unsigned kChunk = 1U << 20;
  for (;;) {
    const std::size_t size = bytes.size();
    bytes.resize(size + kChunk);
    const int got = gzread(stream.get(), bytes.data() + size, kChunk);
    int status = Z_OK;
    gzerror(stream.get(), &status);
    if (got < 0 || status == Z_BUF_ERROR)
      throw InputError(file.string(), "a damaged or truncated gzip file", "an IDX file");
    bytes.resize(size + static_cast<std::size_t>(got));
    if (got == 0) return bytes;
    if (bytes.size() > kSizeLimit) throw InputError(file.string(), "more than 16 GiB", "an IDX file");
  }
}

}  // namespace

IdxFile read_idx(const std::filesystem::path& file) {
  std::vector<std::uint8_t> bytes = read_all(file);
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0) {
    throw InputError(file.string(), "no IDX magic number",
                     "an IDX file: 00 00 08 and the number of dimensions first");
  }
  if (bytes[2] != 8) {
    throw InputError(file.string(), "IDX element type " + std::to_string(bytes[2]),
                     "element type 8, unsigned bytes");
  }
  const std::size_t dimensions = bytes[3];
  const std::size_t header = 4 + 4 * dimensions;
  if (dimensions == 0 || bytes.size() < header) {
    throw InputError(
        file.string(),
        std::to_string(bytes.size()) + " bytes with " + std::to_string(dimensions) + " dimensions",
        "a whole IDX header");
  }
  IdxFile idx;
  std::size_t size = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    std::uint32_t extent = 0;
    for (std::size_t k = 0; k < 4; ++k) extent = (extent << 8) | bytes[4 + 4 * d + k];
    if (extent == 0) throw InputError(file.string(), "a dimension of 0", "at least 1 in each dimension");
    idx.shape.push_back(extent);
    size = size > kSizeLimit ? size : size * extent;
  }
  if (bytes.size() - header != size) {
    throw InputError(
        file.string(), std::to_string(bytes.size()) + " bytes",
        size > kSizeLimit ? "at most 16 GiB" : std::to_string(header + size) + " bytes as its header says");
  }
  idx.sha256 = Sha256::of(bytes.data(), bytes.size());
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  idx.data = std::move(bytes);
  return idx;
}

}  // namespace anzan::sim
