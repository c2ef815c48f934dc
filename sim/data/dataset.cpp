// Finds, reads and checks the files of a data set, collecting the findings.
#include "sim/data/dataset.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "compiler/input/input_error.hpp"
#include "sim/data/cifar.hpp"
#include "sim/data/synthetic.hpp"
#include "sim/host/embedded.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
namespace fs = std::filesystem;

enum File { kTrainImages, kTrainLabels, kTestImages, kTestLabels, kFiles };
constexpr const char* kKeys[kFiles] = {"train_images", "train_labels", "test_images", "test_labels"};

// Names as published, without ".gz".
constexpr const char* kStems[kFiles] = {"train-images", "train-labels", "t10k-images", "t10k-labels"};
constexpr const char* kSuffixes[kFiles] = {"idx3-ubyte", "idx1-ubyte", "idx3-ubyte", "idx1-ubyte"};

struct KnownSet {
  const char* kind;
  const char* debian_directory;  // of a Debian package, or empty
};
constexpr KnownSet kKnownSets[] = {{"mnist", ""}, {"fashion_mnist", "/usr/share/datasets/fashion-mnist"}};

// Lines of scripts/datasets.sha256: sum, bytes, KIND/FILE.
std::string published_sha256(const std::string& kind, std::size_t file) {
  std::istringstream table(embedded_files().at("scripts/datasets.sha256"));
  const std::string wanted = kind + "/" + kStems[file] + "-" + kSuffixes[file];
  std::string line, sum, bytes, place;
  while (std::getline(table, line)) {
    if (std::istringstream(line) >> sum >> bytes >> place && place == wanted) return sum;
  }
  throw std::logic_error("datasets.sha256 has no " + wanted);
}

std::vector<fs::path> search_directories(const DatasetOptions& options, const char* debian_directory) {
  if (!options.directory.empty()) return {options.directory};
  std::vector<fs::path> directories;
  const auto add = [&](const char* variable, const fs::path& below) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == 0) return false;
    directories.push_back(fs::path(value) / below / options.kind);
    return true;
  };
  add("ANZAN_DATA", "");
  if (!add("XDG_CACHE_HOME", "anzan")) add("HOME", ".cache/anzan");
  if (*debian_directory != 0) directories.emplace_back(debian_directory);
  return directories;
}

std::optional<fs::path> find_file(const fs::path& directory, std::size_t file) {
  for (const char* joint : {"-", "."}) {
    for (const char* end : {"", ".gz"}) {
      const fs::path path = directory / (std::string(kStems[file]) + joint + kSuffixes[file] + end);
      std::error_code error;
      if (fs::exists(path, error)) return path;
    }
  }
  return std::nullopt;
}

// In the first directory that has all of the files, by what finds one of them there.
template <class Find>
std::vector<fs::path> find_known_set(const DatasetOptions& options, const char* debian_directory,
                                     std::size_t files, const std::string& expected, const Find& find) {
  std::string searched;
  for (const fs::path& directory : search_directories(options, debian_directory)) {
    std::vector<fs::path> paths;
    for (std::size_t f = 0; f < files; ++f) {
      if (const std::optional<fs::path> path = find(directory, f)) paths.push_back(*path);
    }
    if (paths.size() == files) return paths;
    searched += (searched.empty() ? "" : ", ") + directory.string();
  }
  throw InputError(options.directory.empty() ? "/dataset/kind" : "/dataset/directory",
                   "no whole " + options.kind + " in " + (searched.empty() ? "any directory" : searched),
                   expected);
}

// One half of a set, as its files have it.
struct Half {
  std::vector<std::int64_t> images_shape, labels_shape;
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::string images_place, labels_place;
};

struct Halves {
  Half train, test;
  std::vector<std::string> digests;  // of the files
};

const KnownSet* known_set(const std::string& kind) {
  const auto* row = std::find_if(std::begin(kKnownSets), std::end(kKnownSets),
                                 [&](const KnownSet& set) { return kind == set.kind; });
  return row == std::end(kKnownSets) ? nullptr : row;
}

const CifarFormat* cifar_format(const std::string& kind) {
  for (const CifarFormat& format : cifar_formats()) {
    if (kind == format.kind) return &format;
  }
  return nullptr;
}

Half half_of(IdxFile& images, IdxFile& labels, const fs::path* paths) {
  return {images.shape,         labels.shape,      std::move(images.data),
          idx_integers(labels), paths[0].string(), paths[1].string()};
}

Halves read_idx_files(const DatasetOptions& options) {
  const KnownSet* known = known_set(options.kind);
  std::vector<fs::path> paths{options.train_images, options.train_labels, options.test_images,
                              options.test_labels};
  if (known != nullptr)
    paths = find_known_set(options, known->debian_directory, kFiles,
                           "its four IDX files, which scripts/fetch_datasets.sh brings", find_file);
  std::array<IdxFile, kFiles> files;
  std::vector<InputFinding> findings;
  for (std::size_t f = 0; f < kFiles; ++f) {
    const bool labels = f == kTrainLabels || f == kTestLabels;
    try {
      files[f] = read_idx(paths[f], labels ? IdxContent::kLabels : IdxContent::kSamples);
    } catch (const InputError& error) {
      for (InputFinding finding : error.findings()) {
        if (known == nullptr)
          finding.place = std::string("/dataset/") + kKeys[f] + " (" + finding.place + ")";
        findings.push_back(std::move(finding));
      }
      continue;
    }
    if (known == nullptr) continue;
    const std::string published = published_sha256(options.kind, f);
    if (files[f].sha256 == published) continue;
    findings.push_back(
        {paths[f].string(), "SHA-256 " + files[f].sha256, published + ", the published " + options.kind});
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  Halves halves{half_of(files[kTrainImages], files[kTrainLabels], &paths[kTrainImages]),
                half_of(files[kTestImages], files[kTestLabels], &paths[kTestImages]),
                {}};
  for (const IdxFile& file : files) halves.digests.push_back(file.sha256);
  return halves;
}

void append(Half& half, CifarFile file, const fs::path& path) {
  half.images.insert(half.images.end(), file.images.begin(), file.images.end());
  half.labels.insert(half.labels.end(), file.labels.begin(), file.labels.end());
  const auto count = static_cast<std::int64_t>(half.labels.size());
  half.images_shape = {count, kCifarChannels, kCifarSide, kCifarSide};
  half.labels_shape = {count};
  half.images_place = half.labels_place = path.parent_path().string();
}

Halves read_cifar_files(const DatasetOptions& options, const CifarFormat& format) {
  std::vector<const char*> names = format.train;
  names.insert(names.end(), format.test.begin(), format.test.end());
  std::string expected;
  for (const char* name : names) expected += (expected.empty() ? "" : ", ") + std::string(name);
  expected += std::string(" of ") + format.archive + " (www.cs.toronto.edu/~kriz/cifar.html)";
  const std::vector<fs::path> paths =
      find_known_set(options, "", names.size(), expected,
                     [&](const fs::path& directory, std::size_t f) -> std::optional<fs::path> {
                       std::error_code error;
                       const fs::path path = directory / names[f];
                       return fs::exists(path, error) ? std::optional(path) : std::nullopt;
                     });
  Halves halves;
  std::vector<InputFinding> findings;
  for (std::size_t f = 0; f < paths.size(); ++f) {
    const bool train = f < format.train.size();
    try {
      CifarFile file = read_cifar(paths[f], format, train ? format.train_records : format.test_records);
      halves.digests.push_back(file.sha256);
      append(train ? halves.train : halves.test, std::move(file), paths[f]);
    } catch (const InputError& error) {
      findings.insert(findings.end(), error.findings().begin(), error.findings().end());
    }
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  return halves;
}

// One an image, or a map of as many pixels as the logits have.
std::vector<std::int64_t> shape_of_labels(std::int64_t count, const compiler::Network& network) {
  if (network.labels_an_image() == 1) return {count};
  return {count, network.logits().height, network.logits().width};
}

Halves make_synthetic(const DatasetOptions& options, const compiler::Network& network) {
  const SyntheticSet set{network.input, network.logits(), options.seed};
  Halves halves;
  std::vector<InputFinding> findings;
  const auto make = [&](Half& half, SyntheticHalf which, std::int64_t used, const char* key) {
    const std::int64_t count = used > 0 ? used : usual_synthetic_count(set, which),
                       most = most_synthetic_images(set);
    if (count > most) {
      findings.push_back({std::string("/dataset/") + key, std::to_string(count),
                          "at most " + std::to_string(most) + " synthetic images, which take 16 GiB"});
      return;
    }
    half.images_shape = {count, network.input.channels, network.input.height, network.input.width};
    half.labels_shape = shape_of_labels(count, network);
    half.images = set.images(which, count);
    half.labels = set.labels(which, count);
    halves.digests.push_back("synthetic 1: " + std::to_string(count) + " of seed " +
                             std::to_string(set.seed));
  };
  make(halves.train, SyntheticHalf::kTrain, options.train_images_used, "train_images_used");
  make(halves.test, SyntheticHalf::kTest, options.test_images_used, "test_images_used");
  if (!findings.empty()) throw InputError(std::move(findings));
  return halves;
}

Halves halves_of(const DatasetOptions& options, const compiler::Network& network) {
  if (options.kind == kSynthetic) return make_synthetic(options, network);
  if (const CifarFormat* format = cifar_format(options.kind)) return read_cifar_files(options, *format);
  return read_idx_files(options);
}

std::string text(const std::vector<std::int64_t>& shape) {
  std::string result;
  for (const std::int64_t extent : shape) result += (result.empty() ? "" : "x") + std::to_string(extent);
  return result;
}

std::vector<std::int64_t> without_ones(std::vector<std::int64_t> extents) {
  extents.erase(std::remove(extents.begin(), extents.end(), 1), extents.end());
  return extents;
}

// Whether images of this shape, their count first, are inputs of the network: of one dimension, of its
// dimensions, or of these without those of 1. Samples are then in one order anyway.
bool fits(const std::vector<std::int64_t>& shape, const compiler::Shape& input) {
  const std::vector<std::int64_t> image(shape.begin() + 1, shape.end());
  return without_ones(image) == without_ones({input.channels, input.height, input.width}) ||
         (image.size() == 1 && image[0] == input.size());
}

std::string expected_shape(std::int64_t count, const compiler::Shape& input) {
  const bool grey = input.channels == 1;
  return "images of " +
         text(grey ? std::vector{count, input.height, input.width}
                   : std::vector{count, input.channels, input.height, input.width}) +
         ", the network's input";
}

void check_labels(const Half& half, std::int64_t images, const compiler::Network& network,
                  std::vector<InputFinding>& findings) {
  const auto wrong = std::find_if(half.labels.begin(), half.labels.end(), [&](std::int32_t label) {
    return label < 0 || label >= network.classes();
  });
  if (wrong == half.labels.end()) return;
  const std::int64_t number = wrong - half.labels.begin(),
                     each = std::max<std::int64_t>(1, static_cast<std::int64_t>(half.labels.size()) /
                                                          std::max<std::int64_t>(1, images));
  findings.push_back({half.labels_place,
                      "label " + std::to_string(*wrong) + " of image " + std::to_string(number / each) +
                          (each > 1 ? ", pixel " + std::to_string(number % each) : ""),
                      "0 to " + std::to_string(network.classes() - 1) + ", the classes of the network"});
}

// The shapes fit each other and the network, labels are classes of the network.
ImageSet check_half(Half half, std::int64_t used, const char* used_key, const compiler::Network& network,
                    std::vector<InputFinding>& findings) {
  const std::size_t before = findings.size();
  ImageSet set;
  set.count = half.images_shape[0];
  set.size = network.input.size();
  if (!fits(half.images_shape, network.input))
    findings.push_back({half.images_place, "images of " + text(half.images_shape),
                        expected_shape(set.count, network.input)});
  set.labels_an_image = network.labels_an_image();
  const std::vector<std::int64_t> shape = shape_of_labels(set.count, network);
  if (half.labels_shape != shape)
    findings.push_back(
        {half.labels_place, "labels of " + text(half.labels_shape),
         text(shape) + (shape.size() == 1 ? " labels, one an image"
                                          : " labels, one a pixel of the network's logits: one an image is "
                                            "for one pixel, as of fully_connected")});
  check_labels(half, set.count, network, findings);
  if (used > set.count) {
    findings.push_back({std::string("/dataset/") + used_key, std::to_string(used),
                        "at most the " + std::to_string(set.count) + " images there are"});
  }
  if (findings.size() > before) return set;
  if (used > 0) set.count = used;
  set.images = std::move(half.images);
  set.labels = std::move(half.labels);
  return set;
}

}  // namespace

std::vector<std::string> dataset_kinds() {
  std::vector<std::string> kinds;
  for (const KnownSet& set : kKnownSets) kinds.emplace_back(set.kind);
  for (const CifarFormat& format : cifar_formats()) kinds.emplace_back(format.kind);
  kinds.emplace_back(kIdx);
  kinds.emplace_back(kSynthetic);
  return kinds;
}

bool is_known_set(const std::string& kind) { return kind != kIdx && kind != kSynthetic; }

Dataset load_dataset(const DatasetOptions& options, const compiler::Network& network) {
  Halves halves = halves_of(options, network);
  std::vector<InputFinding> findings;
  Dataset dataset;
  dataset.train =
      check_half(std::move(halves.train), options.train_images_used, "train_images_used", network, findings);
  dataset.test =
      check_half(std::move(halves.test), options.test_images_used, "test_images_used", network, findings);
  if (!findings.empty()) throw InputError(std::move(findings));
  Sha256 hash;
  for (const std::string& digest : halves.digests) hash.add(digest);
  dataset.digest = hash.hex();
  return dataset;
}

}  // namespace anzan::sim
