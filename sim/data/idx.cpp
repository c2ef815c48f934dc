// Read as a stream, header first: what it says bounds how much is unpacked.
#include "sim/data/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "compiler/input/input_error.hpp"
#include "sim/host/input_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;

constexpr std::size_t kSizeLimit = std::size_t{1} << 34;  // bytes; guards against a damaged header
constexpr std::size_t kDimensionLimit = 4;                // count, channels, height, width
constexpr const char* kExpected = "an IDX file";

// The bytes of a plain file, or of all members of a gzip file, one after the other.
class ByteStream {
 public:
  explicit ByteStream(const std::filesystem::path& file) : place_(file.string()), file_(file, kExpected) {
    fill();
    packed_ = starts_member();
    if (packed_ && inflateInit2(&zlib_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~ByteStream() {
    if (packed_) inflateEnd(&zlib_);
  }
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  bool packed() const { return packed_; }

  // Up to `size` bytes, fewer only at the end.
  std::size_t read(std::uint8_t* data, std::size_t size) {
    std::size_t got = 0;
    while (got < size) {
      const std::size_t count = packed_ ? unpack(data + got, size - got) : copy(data + got, size - got);
      if (count == 0) break;
      got += count;
    }
    return got;
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw InputError(place_, found, "an IDX file, plain or in whole gzip members and nothing after them");
  }
  // Moves what is left to the front of the buffer, and reads on.
  void fill() {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
    end_ += file_.read(buffer_.data() + end_, buffer_.size() - end_);
  }
  bool starts_member() const { return end_ - at_ >= 2 && buffer_[at_] == 0x1f && buffer_[at_ + 1] == 0x8b; }

  std::size_t copy(std::uint8_t* data, std::size_t size) {
    if (at_ == end_) fill();
    const std::size_t count = std::min(size, end_ - at_);
    std::memcpy(data, buffer_.data() + at_, count);
    at_ += count;
    return count;
  }

  std::size_t unpack(std::uint8_t* data, std::size_t size) {
    while (!ended_) {
      if (at_ == end_) fill();
      if (at_ == end_) refuse("a truncated gzip file");
      zlib_.next_in = buffer_.data() + at_;
      zlib_.avail_in = static_cast<uInt>(end_ - at_);
      zlib_.next_out = data;
      const std::size_t most = std::min<std::size_t>(size, 1U << 30);
      zlib_.avail_out = static_cast<uInt>(most);
      const int status = inflate(&zlib_, Z_NO_FLUSH);
      at_ = end_ - zlib_.avail_in;
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) refuse("a damaged gzip file");
      if (status == Z_STREAM_END) next_member();
      if (most > zlib_.avail_out) return most - zlib_.avail_out;
    }
    return 0;
  }

  void next_member() {
    fill();
    ended_ = at_ == end_;
    if (ended_) return;
    if (!starts_member()) refuse("bytes after the end of a gzip member that begin no other");
    inflateReset(&zlib_);
  }

  std::string place_;
  InputFile file_;
  std::array<std::uint8_t, 1U << 16> buffer_{};
  std::size_t at_ = 0, end_ = 0;
  bool packed_ = false, ended_ = false;
  z_stream zlib_{};
};

// What a file is that begins with these bytes and is no IDX.
std::string looks_like(const std::uint8_t* bytes, std::size_t size, bool packed) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n\xef\xbb\xbf"), text.size()));
  if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
    return packed ? "a file that is compressed twice" : "a gzip file";
  if (text.rfind("<!doctype", 0) == 0 || text.rfind("<html", 0) == 0)
    return "an HTML page, perhaps what a server said instead of sending the file; no IDX magic number";
  if (text.rfind("pk", 0) == 0) return "a zip archive; no IDX magic number";
  return "no IDX magic number";
}

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) |
         bytes[3];
}

std::string as_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

std::size_t bytes_of_element(IdxElement element) {
  return element == IdxElement::kSigned32 ? 4 : element == IdxElement::kSigned16 ? 2 : 1;
}

// Whether an element type of the header is one that such a file may have.
bool may_hold(IdxContent content, std::uint8_t type) {
  switch (static_cast<IdxElement>(type)) {
    case IdxElement::kUnsigned8:
      return true;
    case IdxElement::kSigned8:
    case IdxElement::kSigned16:
    case IdxElement::kSigned32:
      return content == IdxContent::kLabels;
  }
  return false;
}

// Bytes of so many elements, or nothing beyond the limit.
std::optional<std::size_t> size_of(const std::vector<std::int64_t>& shape, std::size_t element_bytes) {
  std::size_t size = element_bytes;
  for (const std::int64_t extent : shape) {
    size *= static_cast<std::size_t>(extent);
    if (size > kSizeLimit) return {};
  }
  return size;
}

std::vector<std::int64_t> reversed_bytes(std::vector<std::int64_t> shape) {
  for (std::int64_t& extent : shape) extent = __builtin_bswap32(static_cast<std::uint32_t>(extent));
  return shape;
}

// Bytes of elements that a header with this shape announces.
std::size_t announced(const std::vector<std::int64_t>& shape, IdxElement element, const std::string& place) {
  const std::size_t bytes = bytes_of_element(element);
  const auto size = size_of(shape, bytes), reversed = size_of(reversed_bytes(shape), bytes);
  const std::string found = "a header that says " + as_text(shape);
  if (!size && reversed)
    throw InputError(place, found,
                     "sizes with the highest byte first; the wrong way round they would be " +
                         as_text(reversed_bytes(shape)));
  if (!size) throw InputError(place, found, "at most 16 GiB");
  return *size;
}

void check_magic(const std::array<std::uint8_t, 4>& magic, std::size_t got, ByteStream& stream,
                 IdxContent content, const std::string& place) {
  constexpr const char* kRight = "an IDX file: 00 00 08 and the number of dimensions first";
  const bool whole = got == magic.size();
  if (whole && magic[0] == 0 && magic[1] == 0 && may_hold(content, magic[2])) return;
  if (whole && magic[0] == 0 && magic[1] == 0 && magic[2] >= 8)
    throw InputError(place, "IDX element type " + std::to_string(magic[2]),
                     content == IdxContent::kSamples
                         ? "element type 8, unsigned bytes"
                         : "an integer type: 8 or 9 (bytes), 11 (16 bits) or 12 (32 bits)");
  if (whole && magic[1] == 8 && magic[2] == 0 && magic[3] == 0)
    throw InputError(place, "an IDX magic number with its bytes the wrong way round", kRight);
  std::array<std::uint8_t, 64> start{};
  std::copy(magic.begin(), magic.end(), start.begin());
  got += stream.read(start.data() + got, start.size() - got);
  throw InputError(place, looks_like(start.data(), got, stream.packed()), kRight);
}

void read_header(ByteStream& stream, IdxContent content, Sha256& hash, const std::string& place,
                 IdxFile& idx) {
  std::array<std::uint8_t, 4> magic{};
  check_magic(magic, stream.read(magic.data(), magic.size()), stream, content, place);
  idx.element = static_cast<IdxElement>(magic[2]);
  const std::size_t dimensions = magic[3];
  if (dimensions < 1 || dimensions > kDimensionLimit)
    throw InputError(place, std::to_string(dimensions) + " dimensions",
                     "1 to 4: count, channels, height, width");
  std::array<std::uint8_t, 4 * kDimensionLimit> extents{};
  const std::size_t got = stream.read(extents.data(), 4 * dimensions);
  if (got < 4 * dimensions)
    throw InputError(
        place,
        std::to_string(magic.size() + got) + " bytes with " + std::to_string(dimensions) + " dimensions",
        "a whole IDX header");
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::uint32_t extent = big_endian(extents.data() + 4 * d);
    if (extent == 0) throw InputError(place, "a dimension of 0", "at least 1 in each dimension");
    idx.shape.push_back(extent);
  }
  hash.add(magic.data(), magic.size());
  hash.add(extents.data(), 4 * dimensions);
}

}  // namespace

IdxFile read_idx(const std::filesystem::path& file, IdxContent content) {
  const std::string place = file.string();
  ByteStream stream(file);
  Sha256 hash;
  IdxFile idx;
  read_header(stream, content, hash, place, idx);
  const std::size_t header = 4 + 4 * idx.shape.size(), size = announced(idx.shape, idx.element, place);
  const auto refuse = [&](const std::string& bytes) {
    throw InputError(place, bytes, std::to_string(header + size) + " bytes as its header says");
  };
  while (idx.data.size() < size) {  // in pieces: a header alone does not make room for what it says
    const std::size_t before = idx.data.size();
    const std::size_t piece = std::min(size - before, std::max<std::size_t>(before, 1U << 20));
    idx.data.resize(before + piece);
    const std::size_t got = stream.read(idx.data.data() + before, piece);
    if (got < piece) refuse(std::to_string(header + before + got) + " bytes");
  }
  std::uint8_t more = 0;
  if (stream.read(&more, 1) > 0) refuse("more than " + std::to_string(header + size) + " bytes");
  hash.add(idx.data.data(), idx.data.size());
  idx.sha256 = hash.hex();
  return idx;
}

std::vector<std::int32_t> idx_integers(const IdxFile& file) {
  const std::size_t bytes = bytes_of_element(file.element);
  std::vector<std::int32_t> integers(file.data.size() / bytes);
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const std::uint8_t* element = file.data.data() + i * bytes;
    std::uint32_t bits = file.element != IdxElement::kUnsigned8 && element[0] >= 0x80 ? ~0U : 0U;
    for (std::size_t b = 0; b < bytes; ++b) bits = (bits << 8) | element[b];
    integers[i] = static_cast<std::int32_t>(bits);
  }
  return integers;
}

}  // namespace anzan::sim
