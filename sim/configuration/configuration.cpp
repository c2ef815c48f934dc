// Findings of the schemas, of the network and of the checks for sense are collected and thrown together;
// a part that has failed its schema is not looked into further.
#include "sim/configuration/configuration.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

#include "compiler/input/network_json.hpp"
#include "compiler/parallel/mapping_search.hpp"
#include "sim/configuration/content_key.hpp"
#include "sim/configuration/hbm_settings.hpp"
#include "sim/configuration/network_file.hpp"
#include "sim/configuration/optimizer_settings.hpp"
#include "sim/configuration/precision_settings.hpp"
#include "sim/configuration/preset_change.hpp"
#include "sim/configuration/read_parts.hpp"
#include "sim/configuration/technology.hpp"
#include "sim/data/synthetic.hpp"
#include "sim/host/version.hpp"
#include "sim/rtl/core.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using compiler::TensorClass;
using Json = nlohmann::json;
namespace fs = std::filesystem;

class Reader {
 public:
  Reader(Json json, fs::path directory, Purpose purpose, models::Watch watch, ReadParts& parts)
      : json_(std::move(json)),
        directory_(std::move(directory)),
        purpose_(purpose),
        watch_(watch),
        parts_(parts) {}

  Configuration read(const std::vector<Override>& overrides) {
    const Schema& schema = Schema::embedded("configuration/config.schema.json");
    for (const Override& change : overrides) override_one(change, schema);
    if (purpose_ == Purpose::kCollective && json_.is_object() && json_.value("training", Json()).is_object())
      json_["training"]["batch"] = 1;
    findings_ = schema.check(json_);
    if (json_.is_object()) json_.erase("$schema");
    if (!json_.is_object()) throw InputError(std::move(findings_));
    read_network();
    schema.fill_defaults(json_);
    if (clean("/training")) read_training();
    if (clean("/dataset")) read_dataset();
    if (clean("/precision") && network_known_) {
      config_.precision = merge_precision(json_["precision"], config_.network, "/precision", findings_);
    }
    if (clean("/chip")) read_chip();
    if (clean("/memory")) read_memory();
    if (clean("/chip") && clean("/system")) {
      const Json system = json_["system"], chip = json_["chip"];
      const bool trains = purpose_ != Purpose::kCollective,
                 searches = trains && system["mapping"]["automatic"].get<bool>();
      // before the network is built, which takes long where it is large
      if (trains && !searches && clean("/training")) check_shares();
      config_.system = merge_system(json_["system"], json_["chip"], gradients(), findings_);
      if (searches) search_ = {system, chip};
    }
    if (clean("/technology")) read_technology();
    if (clean("/engine"))
      config_.engine = {parse_engine(json_["engine"]["kind"].get<std::string>()).value(),
                        json_["engine"]["threads"].get<int>(),
                        json_["engine"]["rtl"].get<std::vector<std::string>>()};
    if (traits(config_.engine.kind).core_is_rtl && clean("/chip")) check_rtl();
    if (!config_.engine.rtl.empty() && clean("/chip")) check_rtl_blocks();
    finish();
    return std::move(config_);
  }

 private:
  // No finding yet at this pointer or below it.
  bool clean(const std::string& pointer) const {
    return std::none_of(findings_.begin(), findings_.end(), [&](const InputFinding& f) {
      return f.place == pointer || f.place.rfind(pointer + "/", 0) == 0;
    });
  }

  // A change inside what can have a file of its own needs its text: that is inlined first.
  void override_one(const Override& change, const Schema& schema) {
    const std::string pointer = change.pointer.to_string();
    if (pointer.rfind("/network/", 0) == 0) {
      if (!json_.is_object() || !json_.contains("network"))
        throw InputError("/network", "nothing", "a network");
      if (json_["network"].is_string()) {
        network_file_ = network_file(directory_ / json_["network"].get<std::string>());
        json_["network"] = network_file_.network;
      }
      return override_inside("network", change, "input/network.schema.json");
    }
    if (pointer.rfind("/technology/", 0) == 0 && json_.is_object()) {
      if (!json_.contains("technology")) {
        Json defaults = Json::object();
        schema.fill_defaults(defaults);
        json_["technology"] = defaults["technology"];
      }
      technology();
      return override_inside("technology", change, "configuration/technology.schema.json");
    }
    check_preset(json_, change);
    apply_override(json_, change, schema);
  }

  void override_inside(const std::string& key, const Override& change, const char* schema) {
    Override inner = change;
    inner.pointer = Json::json_pointer(change.pointer.to_string().substr(key.size() + 1));
    try {
      apply_override(json_[key], inner, Schema::embedded(schema));
    } catch (const InputError& error) {
      InputFinding finding = error.findings().front();
      throw InputError("/" + key + finding.place, finding.found, finding.expected);
    }
  }

  // The name of the layer that a finding's place is in, or of.
  static std::string layer_at(const Json& network, const std::string& place, const std::string& finding) {
    const std::string layers = place + "/layers/";
    if (finding.rfind(layers, 0) != 0) return "";
    const std::string number =
        finding.substr(layers.size(), finding.find('/', layers.size()) - layers.size());
    try {
      return "layer " + network.at("layers").at(std::stoul(number)).at("name").get<std::string>();
    } catch (const std::exception&) {
      return "";  // a layer without a name, or none
    }
  }

  void read_network() {
    if (!json_.contains("network")) return;
    Json network = json_["network"];
    std::string place = "/network", key;
    try {
      if (network.is_string()) {
        const fs::path file = directory_ / network.get<std::string>();
        place = file.string() + "#";
        network_file_ = network_file(file);
        network = network_file_.network;
      } else if (!network.is_object()) {
        return;
      }
      key = network_file_.weights + "\n" + network.dump();
      if (const auto known = parts_.networks.find(key)) {
        config_.network = known->network;
        json_["network"] = known->json;
        network_known_ = true;
        return;
      }
      std::vector<InputFinding> found = Schema::embedded("input/network.schema.json").check(network, place);
      if (!found.empty()) throw InputError(std::move(found));
      config_.network = compiler::parse_network(network, place);
      fs::path weights = config_.network.weights;
      if (!weights.empty())
        config_.network.weights = fs::absolute(directory_ / weights).lexically_normal().string();
      read_weights(config_.network, place, network_file_);
    } catch (const InputError& error) {
      for (InputFinding finding : error.findings()) {
        if (finding.name.empty()) finding.name = layer_at(network, place, finding.place);
        findings_.push_back(std::move(finding));
      }
      return;
    }
    network_known_ = true;
    json_["network"] = compiler::network_to_json(config_.network);
    parts_.networks.put(key, {config_.network, json_["network"]}, 1);
  }

  NetworkFile network_file(const fs::path& file) {
    if (const auto known = parts_.files.find(file.string())) return *known;
    return *parts_.files.put(file.string(), read_network_file(file), 1);
  }

  compiler::Gradients gradients() const {
    if (purpose_ == Purpose::kCollective) return {};
    return compiler::gradients_of(config_.network, config_.precision);
  }

  void read_training() {
    Json& training = json_["training"];
    Json& optimizer = training["optimizer"];
    config_.parameters.batch = training["batch"].get<std::int64_t>();
    merge_optimizer(optimizer, config_.parameters, "/training/optimizer", findings_);
    TrainingOptions& options = config_.training;
    options.iterations = training["iterations"].get<std::int64_t>();
    options.seed = training["seed"].get<std::uint32_t>();
    options.shuffle = training["shuffle"].get<bool>();
    options.test_interval = training["test_interval"].get<std::int64_t>();
    options.snapshot_interval = training["snapshot_interval"].get<std::int64_t>();
    options.stop_on_divergence = training["on_divergence"] == kOnDivergence[0];
    options.learning_rate = parse_learning_rate(optimizer["learning_rate"], options.iterations,
                                                "/training/optimizer/learning_rate", findings_);
    options.augmentation = {training["augmentation"]["pad"].get<std::int64_t>(),
                            training["augmentation"]["flip"].get<bool>()};
    if (training.contains("until")) options.until = training["until"].get<double>();
    if (options.until && options.test_interval == 0)
      findings_.push_back({"/training/test_interval", "0", "at least 1 where until ends the run"});
    if (network_known_) check_images();
  }

  void check_images() {
    const Json& training = json_["training"];
    const compiler::Shape& input = config_.network.input;
    if (const std::int64_t least = std::min(input.height, input.width);
        config_.training.augmentation.pad >= least)
      findings_.push_back(
          {"/training/augmentation/pad", shown(training["augmentation"]["pad"]),
           "less than the images have: " + std::to_string(input.height) + "x" + std::to_string(input.width)});
    const compiler::Shape& logits = config_.network.logits();
    if (config_.training.augmentation.pad > 0 && config_.network.labels_an_image() > 1 &&
        (logits.height != input.height || logits.width != input.width))
      findings_.push_back({"/training/augmentation/pad", shown(training["augmentation"]["pad"]),
                           "0: maps of " + std::to_string(logits.height) + "x" +
                               std::to_string(logits.width) + " labels cannot be cropped as images of " +
                               std::to_string(input.height) + "x" + std::to_string(input.width) + " are"});
    for (const compiler::Layer& layer : config_.network.layers) {
      const double size =
          double(config_.parameters.batch) * double(std::max(layer.in.size(), layer.out.size()));
      if (size < 2147483648.0) continue;
      findings_.push_back(
          {"/training/batch", shown(training["batch"]),
           "fewer images: layer " + layer.name + " would have 2^31 elements or more a batch"});
      return;
    }
  }

  void read_chip() {
    Json& chip = json_["chip"];
    config_.chip.lanes = chip["lanes"].get<int>();
    config_.chip.scratchpad_kib = config_.cost.scratchpad_kib = chip["scratchpad_kib"].get<std::int64_t>();
    config_.chip.slots = chip["slots"].get<int>();
    config_.cost.clock_ghz = chip["clock_ghz"].get<double>();
    models::clocked::CoreParameters& core = config_.cost.core;
    core.lanes = config_.chip.lanes;
    core.clock_period_fs = std::llround(1e6 / config_.cost.clock_ghz);
    core.queue_depth = chip["queue_depth"].get<int>();
    core.dma_outstanding = chip["dma_outstanding"].get<int>();
    core.hbm = merge_hbm(chip["hbm"], core.lanes, "/chip/hbm", findings_);
    config_.chip.hbm = {core.hbm.rows, core.hbm.channels,
                        std::int64_t{core.hbm.banks()} * core.hbm.row_bytes};
  }

  void read_memory() {
    const Json& memory = json_["memory"];
    config_.memory.places = number_in<compiler::MemoryPlaces>(compiler::kMemoryPlaces, memory["places"]);
    config_.memory.order = number_in<compiler::GradientOrder>(compiler::kGradientOrders, memory["order"]);
    config_.memory.slack_percent = memory["slack_percent"].get<int>();
    config_.memory.weight_gradient_kib = memory["weight_gradient_kib"].get<std::int64_t>();
    config_.memory.recompute = number_in<compiler::Recompute>(compiler::kRecomputes, memory["recompute"]);
    config_.memory.budget_bytes =
        static_cast<std::int64_t>(std::ceil(memory["budget_mib"].get<double>() * 1024 * 1024));
  }
  // The names stand in the order of the enumeration.
  template <class Enum, std::size_t n>
  static Enum number_in(const std::array<std::string_view, n>& names, const Json& name) {
    const auto found = std::find(names.begin(), names.end(), name.get<std::string>());
    return static_cast<Enum>(found - names.begin());
  }

  // The RTL core is built for few sizes.
  void check_rtl() {
    const Json& chip = json_["chip"];
    const auto expect = [&](bool holds, const char* key, const std::string& expected) {
      if (!holds)
        findings_.push_back({std::string("/chip/") + key, shown(chip[key]),
                             expected + " for the engine " + std::string(traits(config_.engine.kind).name)});
    };
    expect(rtl_has_lanes(config_.chip.lanes), "lanes", rtl_lanes());
    expect(config_.cost.core.queue_depth == kRtlQueueDepth, "queue_depth", std::to_string(kRtlQueueDepth));
    expect(config_.cost.core.dma_outstanding == kRtlDmaOutstanding, "dma_outstanding",
           std::to_string(kRtlDmaOutstanding));
    expect(config_.chip.scratchpad_kib <= kRtlScratchpadKib, "scratchpad_kib",
           "at most " + std::to_string(kRtlScratchpadKib));
    check_rtl_slots("the engine " + std::string(traits(config_.engine.kind).name));
  }

  void check_rtl_slots(const std::string& what) {
    if (config_.chip.slots > rtl_slots())
      findings_.push_back({"/chip/slots", shown(json_["chip"]["slots"]),
                           "at most " + std::to_string(rtl_slots()) + " for " + what +
                               ", which is built for so many (CMake option ANZAN_RTL_SLOTS)"});
  }

  void check_shares() {
    const Json& mapping = json_["system"]["mapping"];
    const std::int64_t parts =
                           mapping["tensor"].get<std::int64_t>() * mapping["pipeline"].get<std::int64_t>(),
                       all = json_["system"]["chips"].get<std::int64_t>() *
                             json_["chip"]["cores"].get<std::int64_t>(),
                       cores = all / parts, lanes = config_.chip.lanes;
    if (cores > 1 && all % parts == 0 && config_.parameters.batch % (cores * lanes) != 0)
      findings_.push_back({"/training/batch", shown(json_["training"]["batch"]),
                           "a multiple of " + std::to_string(cores * lanes) + ": images for " +
                               std::to_string(lanes) + " lanes of each of " + std::to_string(cores) +
                               " cores"});
  }

  // So are single blocks, which stand among the models of a core that is alone.
  void check_rtl_blocks() {
    const auto& rtl = config_.engine.rtl;
    if (config_.system.cores() > 1)
      findings_.push_back({"/engine/rtl", shown(json_["engine"]["rtl"]),
                           "none for " + std::to_string(config_.system.cores()) + " cores"});
    if (!traits(config_.engine.kind).takes_rtl_blocks)
      findings_.push_back(
          {"/engine/rtl", shown(json_["engine"]["rtl"]),
           "none without the engine " + engine_names(&EngineTraits::takes_rtl_blocks).front()});
    if (!rtl_has_lanes(config_.chip.lanes))
      findings_.push_back({"/chip/lanes", shown(json_["chip"]["lanes"]), rtl_lanes() + " for blocks in RTL"});
    check_rtl_slots("blocks in RTL");
    if (std::find(rtl.begin(), rtl.end(), "dma") != rtl.end() &&
        config_.cost.core.dma_outstanding != kRtlDmaOutstanding)
      findings_.push_back({"/chip/dma_outstanding", shown(json_["chip"]["dma_outstanding"]),
                           std::to_string(kRtlDmaOutstanding) + " for a dma in RTL"});
  }

  void read_technology() {
    try {
      config_.cost.technology = technology();
    } catch (const InputError& error) {
      findings_.insert(findings_.end(), error.findings().begin(), error.findings().end());
    }
  }

  // That is named or described, and then is described in any case.
  models::Technology technology() {
    Json& json = json_["technology"];
    const std::string key = json.dump();
    if (const auto known = parts_.technologies.find(key)) {
      json = known->json;
      return known->technology;
    }
    models::Technology found = load_technology(json, directory_, "/technology");
    parts_.technologies.put(key, {found, json}, 1);
    return found;
  }

  void read_dataset() {
    Json& json = json_["dataset"];
    DatasetOptions& options = config_.dataset;
    options.kind = json["kind"].get<std::string>();
    const bool by_path = options.kind == kIdx;
    const auto refuse = [&](const char* key) {
      findings_.push_back({std::string("/dataset/") + key, shown(json[key]),
                           "no such key: kind " + options.kind + " does not use it"});
    };
    const auto path = [&](const char* key, bool wanted, bool needed, std::string& value) {
      if (json.contains(key) && !wanted) {
        refuse(key);
      } else if (!json.contains(key) && needed) {
        findings_.push_back(
            {std::string("/dataset/") + key, "nothing", "the path of an IDX file: kind idx needs it"});
      } else if (json.contains(key)) {
        value = fs::absolute(directory_ / json[key].get<std::string>()).lexically_normal().string();
        json[key] = value;
      }
    };
    path("directory", is_known_set(options.kind), false, options.directory);
    path("train_images", by_path, by_path, options.train_images);
    path("train_labels", by_path, by_path, options.train_labels);
    path("test_images", by_path, by_path, options.test_images);
    path("test_labels", by_path, by_path, options.test_labels);
    if (options.kind == kSynthetic)
      fill_synthetic(json);
    else if (json.contains("seed"))
      refuse("seed");
    options.seed = json.value("seed", options.seed);
    options.train_images_used = json.value("train_images_used", std::int64_t{0});
    options.test_images_used = json.value("test_images_used", std::int64_t{0});
  }

  // What a synthetic set has by default depends on the network.
  void fill_synthetic(Json& json) const {
    if (!json.contains("seed")) json["seed"] = DatasetOptions().seed;
    if (!network_known_) return;
    const SyntheticSet set{config_.network.input, config_.network.logits()};
    if (!json.contains("train_images_used"))
      json["train_images_used"] = usual_synthetic_count(set, SyntheticHalf::kTrain);
    if (!json.contains("test_images_used"))
      json["test_images_used"] = usual_synthetic_count(set, SyntheticHalf::kTest);
  }

  // The system as it was configured, but divided so; what it says of stages, split layers and axes holds for
  // all.
  SystemOptions divided(const compiler::MappingSizes& sizes, Json& system,
                        std::vector<InputFinding>& findings) const {
    system = search_[0];
    Json chip = search_[1];
    Json& mapping = system["mapping"];
    mapping["tensor"] = sizes.tensor;
    mapping["pipeline"] = sizes.pipeline;
    mapping["micro_batches"] = sizes.micro_batches;
    mapping["automatic"] = false;
    return merge_system(system, chip, gradients(), findings);
  }

  // What is cheap to see: a layer for each stage, and whole lanes of images.
  bool may_be(const compiler::MappingSizes& sizes) const {
    const std::int64_t data = config_.system.cores() / (std::int64_t{sizes.tensor} * sizes.pipeline),
                       lanes = config_.chip.lanes, batch = config_.parameters.batch;
    const bool divided = data > 1 || sizes.micro_batches > 1;
    return static_cast<std::size_t>(sizes.pipeline) <= config_.network.layers.size() &&
           (!divided || batch % (data * sizes.micro_batches * lanes) == 0);
  }

  std::optional<std::int64_t> expected_cycles(const compiler::MappingSizes& sizes) {
    if (!may_be(sizes)) return {};
    std::vector<InputFinding> findings;
    Json system;
    const SystemOptions options = divided(sizes, system, findings);
    if (!findings.empty()) return {};
    compiler::Input input = config_.input();
    input.system = options.parameters;
    const auto expected = expected_cycles(input);
    if (expected->refusal && !refusal_) refusal_ = expected->refusal;
    return expected->cycles;
  }

  std::shared_ptr<ReadParts::ExpectedCycles> expected_cycles(const compiler::Input& input) {
    const std::string key = content_key(input);
    if (auto known = parts_.divisions.find(key)) return known;
    ReadParts::ExpectedCycles found;
    try {
      found.cycles = compiler::expected_step_cycles(input);
    } catch (const InputError& error) {
      found.refusal = error;  // more stages than layers, images that do not divide
    }
    return parts_.divisions.put(key, std::move(found), 1);
  }

  // What the compiler expects to be fastest takes the place of what was left to it.
  void choose_mapping() {
    const std::vector<compiler::MappingCandidate> candidates = compiler::mapping_candidates(
        config_.system.cores(),
        [this](const compiler::MappingSizes& sizes) { return expected_cycles(sizes); }, watch_);
    if (candidates.empty()) {
      findings_.push_back(
          {"/system/mapping",
           "no division of " + std::to_string(config_.system.cores()) +
               " cores that the chip, the network and its batch allow",
           refusal_ ? "another number of cores or images, or what the first one tried lacks, as said here"
                    : "another number of cores or images"});
      if (refusal_)
        findings_.insert(findings_.end(), refusal_->findings().begin(), refusal_->findings().end());
      return;
    }
    config_.system = divided(candidates.front().sizes, json_["system"], findings_);
  }

  void finish() {
    if (findings_.empty() && !search_.empty()) choose_mapping();
    if (findings_.empty()) {
      config_.effective = std::move(json_);
      return;
    }
    std::set<std::tuple<std::string, std::string, std::string>> seen;
    std::vector<InputFinding> once;
    for (InputFinding& finding : findings_) {
      if (seen.emplace(finding.place, finding.found, finding.expected).second)
        once.push_back(std::move(finding));
    }
    throw InputError(std::move(once));
  }

  Json json_;
  fs::path directory_;
  Purpose purpose_;
  models::Watch watch_;
  ReadParts& parts_;
  Configuration config_;
  NetworkFile network_file_;  // where the network is not in the configuration itself
  bool network_known_ = false;
  std::vector<Json> search_;  // system and chip as they were, where the mapping is left to the compiler
  std::optional<InputError> refusal_;  // of the first division that cannot be compiled
  std::vector<InputFinding> findings_;
};

// Of no tensor, whatever is set for them.
std::vector<TensorClass> unused_classes(const compiler::TrainingParameters& training) {
  if (training.optimizer == compiler::OptimizerKind::kSgd)
    return {TensorClass::kFirstMoment, TensorClass::kSecondMoment};
  return {TensorClass::kMomentum};
}

}  // namespace

Json Configuration::identity(const std::string& dataset_digest) const {
  Json json = effective;
  json["version"] = release_version();
  json.erase("engine");
  // what only decides what things cost
  json.erase("technology");
  json.erase("memory");
  for (const char* key : {"clock_ghz", "queue_depth", "dma_outstanding", "hbm", "network"})
    json["chip"].erase(key);
  // a checkpoint that does not say how many slots there are has the usual ones
  if (chip.slots == models::kUsualSlots) json["chip"].erase("slots");
  json["system"].erase("topology");
  // a pipeline gives the bits of one core
  json["system"].erase("chips");
  json["chip"].erase("cores");
  json["data_cores"] = system.parameters.data_cores();
  for (const char* key : {"automatic", "axes", "pipeline", "micro_batches", "schedule", "stages"})
    json["system"]["mapping"].erase(key);
  for (const char* key : {"algorithm", "hide_in_backward", "hide_in_forward"})
    json["system"]["exchange"].erase(key);
  // a checkpoint that does not say whether segments stream has whole ones
  if (system.parameters.exchange.stream_bytes.value_or(0) == 0)
    json["system"]["exchange"].erase("stream_kib");
  for (const char* key : {"snapshot_interval", "test_interval", "on_divergence", "until"})
    json["training"].erase(key);
  // a checkpoint that does not say how updates are made has those of plain momentum
  Json& optimizer = json["training"]["optimizer"];
  if (!parameters.nesterov) optimizer.erase("nesterov");
  for (const TensorClass unused : unused_classes(parameters)) {
    json["precision"].erase(compiler::name(unused));
    for (Json& layer : json["precision"]["layers"]) layer.erase(compiler::name(unused));
  }
  // a checkpoint that does not say what is drawn has images as they are
  if (training.augmentation.none()) json["training"].erase("augmentation");
  if (!training.learning_rate.depends_on_iterations()) json["training"].erase("iterations");
  json["precision"].erase("preset");  // its settings are spelt out
  Json data = Json::object();
  for (const char* key : {"train_images_used", "test_images_used"}) {
    if (json["dataset"].contains(key)) data[key] = json["dataset"][key];
  }
  data["digest"] = dataset_digest;
  json["dataset"] = data;
  if (network.initial) json["network"]["weights"] = digest_of(*network.initial);
  return json;
}

std::vector<InputFinding> differences(const Json& identity, const Json& other) {
  const Json here = identity.flatten(), there = other.flatten();
  std::vector<InputFinding> findings;
  Json keys = here;
  keys.update(there);
  for (const auto& item : keys.items()) {
    const auto found = here.find(item.key()), expected = there.find(item.key());
    const bool has = found != here.end(), had = expected != there.end();
    if (has && had && *found == *expected) continue;
    findings.push_back({item.key(), has ? shown(*found) : "nothing", had ? shown(*expected) : "nothing"});
  }
  return findings;
}

Configuration load_configuration(const fs::path& file, const std::vector<Override>& overrides,
                                 Purpose purpose, models::Watch watch) {
  return parse_configuration(read_json_file(file), file.parent_path(), overrides, purpose, watch);
}

Configuration parse_configuration(Json json, const fs::path& directory,
                                  const std::vector<Override>& overrides, Purpose purpose,
                                  models::Watch watch, ReadParts* parts) {
  ReadParts own;
  return Reader(std::move(json), directory, purpose, watch, parts != nullptr ? *parts : own).read(overrides);
}

}  // namespace anzan::sim
