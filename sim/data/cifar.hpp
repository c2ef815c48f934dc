// CIFAR-10 and CIFAR-100 in their binary form (www.cs.toronto.edu/~kriz/cifar.html): records of labels and
// then 3 x 32 x 32 samples, red, green and blue, row by row.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace anzan::sim {

inline constexpr std::int64_t kCifarChannels = 3, kCifarSide = 32;
inline constexpr std::int64_t kCifarImage = kCifarChannels * kCifarSide * kCifarSide;

struct CifarFormat {
  const char* kind;
  std::int64_t label_bytes;  // before each image; the last is the label, what is before it is not used
  int classes;
  std::vector<const char*> train, test;      // files
  std::int64_t train_records, test_records;  // of each file
  const char* archive;                       // in which they are published
};

const std::vector<CifarFormat>& cifar_formats();

struct CifarFile {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::string sha256;
};

// Throws InputError, with the file as place, unless it is `records` whole records with labels of the format.
CifarFile read_cifar(const std::filesystem::path& file, const CifarFormat& format, std::int64_t records);

}  // namespace anzan::sim
