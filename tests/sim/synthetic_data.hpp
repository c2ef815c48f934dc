// Small inputs that the tests make themselves: directories, IDX files and configurations.
#pragma once
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "sim/data/dataset.hpp"

namespace anzan::sim::testing {

// A directory of its own for one test, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "anzan_test_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& file, const std::string& content) {
  std::ofstream stream(file, std::ios::binary);
  stream << content;
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

inline std::string idx_bytes(const std::vector<std::uint32_t>& shape, const std::vector<std::uint8_t>& data,
                             char element = '\x08') {
  std::string bytes{'\0', '\0', element, static_cast<char>(shape.size())};
  for (const std::uint32_t extent : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((extent >> shift) & 0xffU);
  }
  return bytes + std::string(data.begin(), data.end());
}

// Images and labels that mean nothing.
inline ImageSet noise(const compiler::Network& network, std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  ImageSet set;
  set.count = count;
  set.size = network.input.size();
  for (std::int64_t i = 0; i < count * set.size; ++i)
    set.images.push_back(static_cast<std::uint8_t>(random() % 256));
  set.labels_an_image = network.labels_an_image();
  for (std::int64_t i = 0; i < set.label_count(); ++i)
    set.labels.push_back(static_cast<std::uint8_t>(random() % static_cast<std::uint64_t>(network.classes())));
  return set;
}

// `count` images of `size` x `size` that can be learnt: class k has a bright row k, on noise.
inline void write_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                         std::uint32_t count, std::uint32_t size, std::uint32_t classes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels, kinds;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto kind = static_cast<std::uint32_t>(random() % classes);
    kinds.push_back(static_cast<std::uint8_t>(kind));
    for (std::uint32_t p = 0; p < size * size; ++p) {
      pixels.push_back(static_cast<std::uint8_t>(random() % 64 + (p / size == kind ? 160 : 0)));
    }
  }
  write_file(images, idx_bytes({count, size, size}, pixels));
  write_file(labels, idx_bytes({count}, kinds));
}

// Writes the four files and returns the configuration's `dataset`, with paths relative to `directory`.
inline nlohmann::json write_dataset(const std::filesystem::path& directory, std::uint32_t train = 96,
                                    std::uint32_t test = 40, std::uint32_t size = 8,
                                    std::uint32_t classes = 4) {
  write_images(directory / "train-images", directory / "train-labels", train, size, classes, 1);
  write_images(directory / "test-images", directory / "test-labels", test, size, classes, 2);
  return {{"kind", "idx"},
          {"train_images", "train-images"},
          {"train_labels", "train-labels"},
          {"test_images", "test-images"},
          {"test_labels", "test-labels"}};
}

// Convolution, pooling, fully connected, 4 classes on 1x8x8.
inline nlohmann::json small_network() {
  return nlohmann::json::parse(R"({
    "name": "small",
    "input": {"channels": 1, "height": 8, "width": 8, "scale": 0.00390625},
    "layers": [
      {"name": "conv", "type": "convolution", "channels": 6, "kernel": 3, "bias_lr": 2},
      {"name": "pool", "type": "max_pool", "kernel": 2, "stride": 2},
      {"name": "relu", "type": "relu"},
      {"name": "fc", "type": "fully_connected", "channels": 4},
      {"name": "loss", "type": "softmax_cross_entropy"}
    ]})");
}

// So many small fully connected layers behind each other, with a softmax: many tensors, little work.
inline nlohmann::json deep_network(int layers) {
  nlohmann::json network = small_network();
  network["layers"] = nlohmann::json::array();
  for (int k = 0; k < layers; ++k)
    network["layers"].push_back(
        {{"name", "fc" + std::to_string(k)}, {"type", "fully_connected"}, {"channels", 4}});
  network["layers"].push_back({{"name", "loss"}, {"type", "softmax_cross_entropy"}});
  return network;
}

inline nlohmann::json small_configuration(const nlohmann::json& dataset) {
  nlohmann::json json = nlohmann::json::parse(R"({
    "training": {
      "batch": 16, "iterations": 24, "seed": 5, "test_interval": 8, "snapshot_interval": 0,
      "optimizer": {"momentum": 0.9, "weight_decay": 5e-4,
                    "learning_rate": {"policy": "inv", "base": 0.05, "gamma": 1e-3, "power": 0.75}}
    },
    "precision": {"preset": "int8"},
    "chip": {"lanes": 16, "scratchpad_kib": 256}
  })");
  json["network"] = small_network();
  json["dataset"] = dataset;
  return json;
}

}  // namespace anzan::sim::testing
