// Finds, reads and checks the four files of a data set, collecting the findings.
#include "sim/data/dataset.hpp"

#include <array>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "compiler/input/input_error.hpp"
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

std::vector<fs::path> search_directories(const DatasetOptions& options, const KnownSet& set) {
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
  if (*set.debian_directory != 0) directories.emplace_back(set.debian_directory);
  return directories;
}

std::optional<fs::path> find_file(const fs::path& directory, int file) {
  for (const char* joint : {"-", "."}) {
    for (const char* end : {"", ".gz"}) {
      const fs::path path = directory / (std::string(kStems[file]) + joint + kSuffixes[file] + end);
      std::error_code error;
      if (fs::exists(path, error)) return path;
    }
  }
  return std::nullopt;
}

std::array<fs::path, kFiles> find_known_set(const DatasetOptions& options, const KnownSet& set) {
  std::string searched;
  for (const fs::path& directory : search_directories(options, set)) {
    std::array<fs::path, kFiles> paths;
    bool all = true;
    for (int f = 0; f < kFiles; ++f) {
      const auto path = find_file(directory, f);
      all &= path.has_value();
      if (path) paths[static_cast<std::size_t>(f)] = *path;
    }
    if (all) return paths;
    searched += (searched.empty() ? "" : ", ") + directory.string();
  }
  throw InputError(options.directory.empty() ? "/dataset/kind" : "/dataset/directory",
                   "no whole " + options.kind + " in " + (searched.empty() ? "any directory" : searched),
                   "its four IDX files, which scripts/fetch_datasets.sh brings");
}

struct Files {
  std::array<fs::path, kFiles> paths;
  std::array<IdxFile, kFiles> idx;
};

Files read_files(const DatasetOptions& options) {
  Files files;
  const KnownSet* known = nullptr;
  for (const KnownSet& set : kKnownSets) {
    if (options.kind == set.kind) known = &set;
  }
  if (known != nullptr) {
    files.paths = find_known_set(options, *known);
  } else {
    files.paths = {options.train_images, options.train_labels, options.test_images, options.test_labels};
  }
  std::vector<InputFinding> findings;
  for (std::size_t f = 0; f < kFiles; ++f) {
    try {
      files.idx[f] = read_idx(files.paths[f]);
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
    if (files.idx[f].sha256 == published) continue;
    findings.push_back({files.paths[f].string(), "SHA-256 " + files.idx[f].sha256,
                        published + ", the published " + options.kind});
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  return files;
}

std::string text(const std::vector<std::int64_t>& shape) {
  std::string result;
  for (const std::int64_t extent : shape) result += (result.empty() ? "" : "x") + std::to_string(extent);
  return result;
}

// One half of the set: the shapes fit each other and the network, labels are classes of the network.
ImageSet check_half(Files& files, int images_file, std::int64_t used, const char* used_key,
                    const compiler::Network& network, std::vector<InputFinding>& findings) {
  IdxFile& images = files.idx[static_cast<std::size_t>(images_file)];
  IdxFile& labels = files.idx[static_cast<std::size_t>(images_file) + 1];
  const std::string images_place = files.paths[static_cast<std::size_t>(images_file)].string();
  const std::string labels_place = files.paths[static_cast<std::size_t>(images_file) + 1].string();
  const compiler::Shape& in = network.input;
  ImageSet set;
  set.count = images.shape[0];
  set.size = in.size();
  const std::vector<std::int64_t> flat{set.count, in.height, in.width},
      full{set.count, in.channels, in.height, in.width};
  if (images.shape != full && (in.channels != 1 || images.shape != flat)) {
    findings.push_back({images_place, "images of " + text(images.shape),
                        "images of " + text(in.channels == 1 ? flat : full) + ", the network's input"});
  }
  if (labels.shape.size() != 1 || labels.shape[0] != set.count) {
    findings.push_back({labels_place, "labels of " + text(labels.shape),
                        std::to_string(set.count) + " labels, one an image"});
  }
  for (std::size_t i = 0; i < labels.data.size(); ++i) {
    if (labels.data[i] < network.classes()) continue;
    findings.push_back({labels_place,
                        "label " + std::to_string(labels.data[i]) + " of image " + std::to_string(i),
                        "0 to " + std::to_string(network.classes() - 1) + ", the classes of the network"});
    break;
  }
  if (used > set.count) {
    findings.push_back({std::string("/dataset/") + used_key, std::to_string(used),
                        "at most the " + std::to_string(set.count) + " images there are"});
  }
  if (!findings.empty()) return set;
  if (used > 0) set.count = used;
  set.images = std::move(images.data);
  set.labels = std::move(labels.data);
  return set;
}

}  // namespace

std::vector<std::string> dataset_kinds() {
  std::vector<std::string> kinds;
  for (const KnownSet& set : kKnownSets) kinds.emplace_back(set.kind);
  kinds.emplace_back("idx");
  return kinds;
}

Dataset load_dataset(const DatasetOptions& options, const compiler::Network& network) {
  Files files = read_files(options);
  std::vector<InputFinding> findings;
  Dataset dataset;
  dataset.train =
      check_half(files, kTrainImages, options.train_images_used, "train_images_used", network, findings);
  dataset.test =
      check_half(files, kTestImages, options.test_images_used, "test_images_used", network, findings);
  if (!findings.empty()) throw InputError(std::move(findings));
  Sha256 hash;
  for (const IdxFile& file : files.idx) hash.add(file.sha256);
  dataset.digest = hash.hex();
  return dataset;
}

}  // namespace anzan::sim
