// A record at a time, so that a file of another size is found at its end.
#include "sim/data/cifar.hpp"

#include "compiler/input/input_error.hpp"
#include "sim/host/input_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {

using compiler::InputError;

const std::vector<CifarFormat>& cifar_formats() {
  static const std::vector<CifarFormat> formats{
      {"cifar10",
       1,
       10,
       {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
       {"test_batch.bin"},
       10000,
       10000,
       "cifar-10-binary.tar.gz"},
      {"cifar100", 2, 100, {"train.bin"}, {"test.bin"}, 50000, 10000, "cifar-100-binary.tar.gz"}};
  return formats;
}

CifarFile read_cifar(const std::filesystem::path& path, const CifarFormat& format, std::int64_t records) {
  const std::string place = path.string(), expected = std::string("a file of ") + format.archive;
  const auto record_bytes = static_cast<std::size_t>(format.label_bytes + kCifarImage);
  const std::size_t all = record_bytes * static_cast<std::size_t>(records);
  InputFile file(path, expected);
  CifarFile read;
  Sha256 hash;
  const auto refuse = [&](const std::string& bytes) {
    throw InputError(place, bytes,
                     std::to_string(all) + " bytes: " + std::to_string(records) + " records of " +
                         std::to_string(record_bytes));
  };
  std::vector<std::uint8_t> record(record_bytes);
  for (std::int64_t i = 0; i < records; ++i) {
    const std::size_t got = file.read(record.data(), record_bytes);
    if (got < record_bytes)
      refuse(std::to_string(static_cast<std::size_t>(i) * record_bytes + got) + " bytes");
    const std::uint8_t label = record[static_cast<std::size_t>(format.label_bytes - 1)];
    if (label >= format.classes)
      throw InputError(place, "label " + std::to_string(label) + " of image " + std::to_string(i),
                       "0 to " + std::to_string(format.classes - 1) + ", as " + format.kind + " has");
    read.labels.push_back(label);
    read.images.insert(read.images.end(), record.begin() + format.label_bytes, record.end());
    hash.add(record.data(), record_bytes);
  }
  std::uint8_t more = 0;
  if (file.read(&more, 1) > 0) refuse("more than " + std::to_string(all) + " bytes");
  read.sha256 = hash.hex();
  return read;
}

}  // namespace anzan::sim
