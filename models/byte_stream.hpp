// Little-endian byte layout of checkpointed state: integers of any size, one after the other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace anzan::models {

class ByteWriter {
 public:
  template <class Integer>
  void put(Integer value) {
    const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
    std::uint8_t bytes[sizeof bits];
    for (std::size_t i = 0; i < sizeof bits; ++i) bytes[i] = static_cast<std::uint8_t>(bits >> (8 * i));
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof bits);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

// Throws std::invalid_argument when read beyond the end; `finish` throws if anything is left.
class ByteReader {
 public:
  explicit ByteReader(const std::vector<std::uint8_t>& bytes) : bytes_(bytes) {}

  template <class Integer>
  void get(Integer& value) {
    std::make_unsigned_t<Integer> bits = 0;
    if (bytes_.size() - next_ < sizeof bits) throw std::invalid_argument("saved state is too short");
    const std::uint8_t* const bytes = bytes_.data() + next_;
    for (std::size_t i = 0; i < sizeof bits; ++i) {
      bits = static_cast<decltype(bits)>(bits | static_cast<decltype(bits)>(bytes[i]) << (8 * i));
    }
    next_ += sizeof bits;
    value = static_cast<Integer>(bits);
  }
  void finish() const {
    if (next_ != bytes_.size()) throw std::invalid_argument("saved state is too long");
  }

 private:
  const std::vector<std::uint8_t>& bytes_;
  std::size_t next_ = 0;
};

}  // namespace anzan::models
