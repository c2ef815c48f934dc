// Reads the blocks from the links up: each network is built as soon as it is known, so that what stands after
// it (routing, dimensions of the exchange, ways) can ask it.
#include "sim/configuration/system_settings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>

#include "compiler/collective/semaphores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/lowering/scratchpad_areas.hpp"
#include "compiler/parallel/exchange_choice.hpp"
#include "isa/assembly.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/configuration/schema.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

class SystemReader {
 public:
  SystemReader(Json& system, Json& chip, const compiler::Gradients& gradients,
               std::vector<compiler::InputFinding>& findings)
      : system_(system), chip_(chip), gradients_(gradients), findings_(findings) {}

  SystemOptions read() {
    o_.chips = system_["chips"].get<int>();
    o_.cores_per_chip = chip_["cores"].get<int>();
    Json& topology = system_["topology"];
    models::PacketFormat packet_of_chip;
    o_.network.cores = o_.cores_per_chip;
    o_.network.onchip = link(chip_["network"], "on_chip", "/chip/network", packet_of_chip);
    o_.network.chips.link = link(topology["link"], "tofu2", "/system/topology/link", o_.packet);
    if (o_.chips == 1) o_.packet = packet_of_chip;
    if (small_enough()) read_topology(topology);
    read_mapping(system_["mapping"]);
    read_exchange(system_["exchange"]);
    return o_;
  }

  static std::vector<std::string> algorithms() {
    std::vector<std::string> names{"automatic"};
    for (const Algorithm& algorithm : kAlgorithms) names.emplace_back(algorithm.name);
    return names;
  }

 private:
  void find(const std::string& place, const std::string& found, const std::string& expected) {
    findings_.push_back({place, found, expected});
  }

  // A preset, and what is changed of it.
  models::LinkParameters link(Json& json, const char* fallback, const std::string& place,
                              models::PacketFormat& packet) {
    if (!json.contains("preset")) json["preset"] = fallback;
    const models::LinkPreset preset = models::link_preset(json["preset"].get<std::string>().c_str());
    models::LinkParameters l = preset.link;
    packet = preset.packet;
    if (json.contains("gb_per_s")) {
      // bytes in 10^6 fs are GB/s; three digits behind the point
      l.bytes = std::llround(json["gb_per_s"].get<double>() * 1000);
      l.period_fs = 1'000'000'000;
    }
    if (json.contains("latency_ns")) l.latency_fs = std::llround(json["latency_ns"].get<double>() * 1e6);
    if (json.contains("payload_bytes")) packet.payload_bytes = json["payload_bytes"].get<std::int64_t>();
    if (json.contains("header_bytes")) packet.header_bytes = json["header_bytes"].get<std::int64_t>();
    try {
      check(packet);
      if (json.contains("buffer_packets")) {
        l.buffer_packets = json["buffer_packets"].get<int>();
      } else {
        l.buffer_packets = models::buffer_packets_for_full_rate(l, packet);
      }
      check(l);
    } catch (const std::invalid_argument& error) {
      find(place, shown(json), error.what());
    }
    json["gb_per_s"] = static_cast<double>(l.bytes) / static_cast<double>(l.period_fs) * 1e6;
    json["latency_ns"] = static_cast<double>(l.latency_fs) * 1e-6;
    json["payload_bytes"] = packet.payload_bytes;
    json["header_bytes"] = packet.header_bytes;
    json["buffer_packets"] = l.buffer_packets;
    return l;
  }

  // For a table of routes: before anything is built.
  bool small_enough() {
    const std::int64_t chips = o_.chips, cores = o_.cores_per_chip;
    const auto entries = [&](std::int64_t n) {
      return static_cast<std::size_t>(n * cores * (n * cores + (cores > 1 ? n : 0)));
    };
    if (entries(chips) <= models::RoutingTable::kMostEntries) return true;
    std::int64_t most = chips;
    while (entries(most) > models::RoutingTable::kMostEntries) --most;
    find("/system/chips", std::to_string(chips),
         "at most " + std::to_string(most) + " chips of " + std::to_string(cores) + " cores");
    return false;
  }

  void read_topology(Json& json) {
    models::TopologyParameters& t = o_.network.chips;
    t.kind = json["kind"].get<std::string>();
    if (!json.contains("sizes")) json["sizes"] = models::default_sizes(t.kind, o_.chips);
    t.sizes = json["sizes"].get<std::vector<int>>();
    const std::size_t sizes = models::number_of_sizes(t.kind);
    if (sizes != 0 && t.sizes.size() != sizes)
      find("/system/topology/sizes", shown(json["sizes"]),
           std::to_string(sizes) + (sizes == 1 ? " number" : " numbers") + " for the kind " + t.kind);
    read_cables(json["links"]);
    for (const Json& pair : json["failed"]) t.failed.emplace_back(pair[0].get<int>(), pair[1].get<int>());
    o_.network.routing = json["routing"].get<std::string>();
    if (!findings_.empty()) return;
    try {
      chips_ = models::build_topology(t);
      if (chips_->endpoints() != o_.chips)
        find("/system/topology/sizes", shown(json["sizes"]),
             std::to_string(o_.chips) + " chips, not " + std::to_string(chips_->endpoints()));
      models::build_routing(*chips_, o_.network.routing);
    } catch (const std::invalid_argument& error) {
      find("/system/topology", t.kind, std::string("a network that can be: ") + error.what());
    }
  }

  // Of two cables between the same nodes, packets would use one.
  void read_cables(const Json& pairs) {
    std::set<std::pair<int, int>> seen;
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      const int a = pairs[k][0].get<int>(), b = pairs[k][1].get<int>();
      if (!seen.emplace(std::minmax(a, b)).second)
        find("/system/topology/links/" + std::to_string(k), pairs[k].dump(),
             "each cable once: packets would use only one of them");
      o_.network.chips.cables.push_back({a, b, o_.network.chips.link});
    }
  }

  void read_mapping(const Json& json) {
    compiler::Mapping& m = o_.parameters.mapping;
    const int tensor = json["tensor"].get<int>(), pipeline = json["pipeline"].get<int>();
    m.micro_batches = json["micro_batches"].get<int>();
    m.schedule = json["schedule"].get<std::string>() == compiler::kPipelineSchedules[1]
                     ? compiler::PipelineSchedule::kOneForwardOneBackward
                     : compiler::PipelineSchedule::kGpipe;
    m.stage_begin = json["stages"].get<std::vector<std::string>>();
    for (const auto& [layer, how] : json["split"].items()) m.split[layer] = how == kLayerSplits[1];
    if (o_.cores() % (tensor * pipeline) != 0) {
      find("/system/mapping", std::to_string(tensor) + " x " + std::to_string(pipeline) + " cores",
           "sizes whose product divides " + std::to_string(o_.cores()) + ", the number of cores");
      return;
    }
    data_cores_ = o_.cores() / (tensor * pipeline);
    const std::array<int, kMappingAxes.size()> sizes{tensor, pipeline, data_cores_};
    std::array<int, kMappingAxes.size()> strides{};
    int stride = 1;
    for (const Json& name : json["axes"]) {
      const auto axis = static_cast<std::size_t>(
          std::find(kMappingAxes.begin(), kMappingAxes.end(), name.get<std::string>()) -
          kMappingAxes.begin());
      strides[axis] = stride;
      stride *= sizes[axis];
    }
    m.tensor = {tensor, strides[0]};
    m.pipeline = {pipeline, strides[1]};
    o_.parameters.exchange.stride = strides[2];
  }

  void read_exchange(Json& json) {
    compiler::ExchangeParameters& e = o_.parameters.exchange;
    e.format = isa::parse_format(json["format"].get<std::string>());  // none: as the precision says
    if (json.contains("segment_kib")) segment_bytes_ = json["segment_kib"].get<std::int64_t>() * 1024;
    if (json.contains("stream_kib")) e.stream_bytes = json["stream_kib"].get<std::int64_t>() * 1024;
    stream_bytes_ = e.stream_bytes;
    e.hide_in_backward = json["hide_in_backward"].get<bool>();
    e.hide_in_forward = json["hide_in_forward"].get<bool>();
    e.pipelined = json["pipelined"].get<bool>();
    if (o_.cores() > 1) expect_links();
    e.semaphores = o_.parameters.semaphores().exchange;
    read_ways(json);
    read_segments(json);
  }

  // A core that is alone has the same program whatever its clock.
  void expect_links() {
    compiler::ExchangeParameters& e = o_.parameters.exchange;
    const models::LinkParameters& l = o_.chips > 1 ? o_.network.chips.link : o_.network.onchip;
    const double cycle_fs = 1e6 / chip_["clock_ghz"].get<double>();
    e.expected_latency_cycles = std::llround(static_cast<double>(l.latency_fs) / cycle_fs) + 10;
    e.expected_bytes_per_cycle = static_cast<double>(l.bytes) / static_cast<double>(l.period_fs) * cycle_fs;
    e.payload_bytes = o_.packet.payload_bytes;
    e.header_bytes = o_.packet.header_bytes;
    e.buffer_packets = l.buffer_packets;
  }

  void read_segments(Json& json) {
    compiler::ExchangeParameters& e = o_.parameters.exchange;
    if (segment_bytes_) e.segment_bytes = *segment_bytes_;
    if (data_cores_ > 1 && !gradients_.elements.empty() && findings_.empty()) {
      const compiler::ExpectedExchange expected = this->expected(e, models::build_chips(o_.network));
      e.segment_bytes = expected.segment_bytes;
      e.stream_bytes = expected.stream_bytes;
      if (stream_bytes_ > 0 && e.stream_bytes == 0)
        find("/system/exchange/stream_kib", shown(json["stream_kib"]),
             "0, or a system, a scratchpad and a network in which segments can stream");
      json["stream_kib"] = e.stream_bytes.value_or(0) / 1024;
    }
    for (compiler::ExchangeParameters& other : o_.exchanges) {
      other.segment_bytes = e.segment_bytes;
      other.stream_bytes = e.stream_bytes;
    }
    json["segment_kib"] = e.segment_bytes / 1024;
  }

  compiler::ExpectedExchange expected(const compiler::ExchangeParameters& e,
                                      const models::ChipsNetwork& network) const {
    compiler::ExchangeSizes sizes;
    sizes.element_bytes = models::element_bytes(e.format.value_or(gradients_.format));
    for (const std::int64_t n : gradients_.elements) sizes.layer_bytes.push_back(n * sizes.element_bytes);
    const auto lanes = chip_["lanes"].get<std::int64_t>();
    sizes.room.line_bytes = lanes * 4;
    sizes.room.least_lines = std::max(sizes.room.least_lines, models::counter_lines(lanes));
    const std::int64_t lines = chip_["scratchpad_kib"].get<std::int64_t>() * 1024 / sizes.room.line_bytes;
    sizes.room.area_lines = compiler::scratchpad_shares(lines, true, false).exchange.size();
    sizes.clock_period_fs = 1e6 / chip_["clock_ghz"].get<double>();
    return compiler::expected_exchange(e, network, o_.packet, sizes, segment_bytes_, stream_bytes_);
  }

  void read_ways(Json& json) {
    compiler::ExchangeParameters& e = o_.parameters.exchange;
    if (!json.contains("dimensions")) {
      const std::string name = json["algorithm"].get<std::string>();
      const auto algorithm = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                                          [&](const Algorithm& a) { return name == a.name; });
      if (algorithm == std::end(kAlgorithms)) {
        take_fastest(json);
      } else {
        json["dimensions"] = (this->*algorithm->dimensions)();
      }
    }
    e.dimensions = json["dimensions"].get<std::vector<int>>();
    const std::int64_t product = std::accumulate(e.dimensions.begin(), e.dimensions.end(), std::int64_t{1},
                                                 [](std::int64_t p, int size) { return p * size; });
    if (product != data_cores_)
      find("/system/exchange/dimensions", shown(json["dimensions"]),
           "sizes whose product is " + std::to_string(data_cores_) + ", the cores of the data axis");
    if (!findings_.empty()) return;
    e.fixed_dimensions = on_chip(e);
    if (json.contains("first_dimension")) e.first_dimension = json["first_dimension"].get<int>();
    if (e.first_dimension > std::max(0, turning_dimensions(e) - 1)) {
      find("/system/exchange/first_dimension", shown(json["first_dimension"]),
           "less than the " + std::to_string(turning_dimensions(e)) + " dimensions between chips");
      return;
    }
    const bool chosen = !json.contains("ways");
    if (chosen) json["ways"] = default_ways(e);
    e.ways = json["ways"].get<int>();
    const std::size_t most = all_ways(e.grid(), e.fixed_dimensions, e.semaphores).size();
    if (static_cast<std::size_t>(e.ways) > most) {
      find("/system/exchange/ways", shown(json["ways"]), "at most " + std::to_string(most));
    } else if (!has_semaphores(e)) {
      find(chosen ? "/system/exchange/dimensions" : "/system/exchange/ways",
           shown(json[chosen ? "dimensions" : "ways"]),
           "fewer: " + std::to_string(e.ways) + " ways through " + std::to_string(e.dimensions.size()) +
               " dimensions need " + std::to_string(compiler::ArrivalSemaphores::needed(compiler::ways(e))) +
               " semaphores of " + std::to_string(e.semaphores));
    }
  }

  bool has_semaphores(const compiler::ExchangeParameters& e) const {
    return compiler::ArrivalSemaphores::needed(compiler::ways(e)) <= e.semaphores;
  }

  static int turning_dimensions(const compiler::ExchangeParameters& e) {
    return static_cast<int>(e.dimensions.size()) - e.fixed_dimensions;
  }

  // Dimensions through the cores of a chip.
  int on_chip(const compiler::ExchangeParameters& e) const {
    int result = 0;
    for (const compiler::Dimension& d : e.grid()) result += d.stride * d.size <= o_.cores_per_chip;
    return result;
  }

  // Of the algorithms that the system allows; the first of those that take the same time, and of all where
  // nothing is known of what is to be exchanged.
  void take_fastest(Json& json) {
    const compiler::ExchangeParameters* best = nullptr;
    if (data_cores_ > 1 && findings_.empty()) {
      collect_exchanges(json);
      best = fastest(json);
    }
    if (best != nullptr && best->first_dimension > 0) json["first_dimension"] = best->first_dimension;
    json["dimensions"] = best != nullptr                          ? best->dimensions
                         : data_cores_ == 1 || !findings_.empty() ? std::vector<int>{data_cores_}
                                                                  : hierarchical();
  }

  const compiler::ExchangeParameters* fastest(const Json& json) const {
    if (o_.exchanges.empty()) return nullptr;
    if (gradients_.elements.empty()) return &o_.exchanges.front();
    const models::ChipsNetwork network = models::build_chips(o_.network);
    const compiler::ExchangeParameters* best = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const compiler::ExchangeParameters& e : o_.exchanges) {
      if (!json.contains("ways") && e.ways != default_ways(e)) continue;
      const double fs = expected(e, network).fs;
      if (fs < least) best = &e;
      least = std::min(least, fs);
    }
    return best;
  }

  // Each algorithm as the ways say, or with the ways that its links suggest, and then with all and with one;
  // beginning with one dimension or another.
  void collect_exchanges(const Json& json) {
    compiler::ExchangeParameters e = o_.parameters.exchange;
    for (const Algorithm& algorithm : kAlgorithms) {
      if (!(this->*algorithm.allowed)()) continue;
      e.dimensions = (this->*algorithm.dimensions)();
      e.fixed_dimensions = on_chip(e);
      const auto all = static_cast<int>(all_ways(e.grid(), e.fixed_dimensions, e.semaphores).size());
      std::vector<int> ways{default_ways(e), all, 1};
      if (json.contains("ways")) ways = {json["ways"].get<int>()};
      for (std::size_t w = 0; w < ways.size(); ++w) {
        e.ways = ways[w];
        if (std::find(ways.begin(), ways.begin() + static_cast<std::ptrdiff_t>(w), e.ways) ==
                ways.begin() + static_cast<std::ptrdiff_t>(w) &&
            e.ways <= all)
          collect_beginnings(e, json, all);
      }
    }
  }

  // The shortest first, so that a grid of many by few goes as one of few by many; where all ways are taken,
  // only that.
  void collect_beginnings(compiler::ExchangeParameters e, const Json& json, int all_ways) {
    std::vector<int> beginnings(static_cast<std::size_t>(std::max(1, turning_dimensions(e))));
    std::iota(beginnings.begin(), beginnings.end(), 0);
    const compiler::Way grid = e.grid();
    const auto size = [&](int first) {
      const auto at = static_cast<std::size_t>(e.fixed_dimensions + first);
      return at < grid.size() ? std::pair(grid[at].size, size_of_grid(grid[at].stride)) : std::pair(0, 0);
    };
    std::stable_sort(beginnings.begin(), beginnings.end(), [&](int a, int b) { return size(a) < size(b); });
    if (e.ways == all_ways) beginnings.resize(1);
    if (json.contains("first_dimension")) beginnings = {json["first_dimension"].get<int>()};
    for (const int first : beginnings) {
      e.first_dimension = first;
      if (first < std::max(1, turning_dimensions(e)) && has_semaphores(e)) o_.exchanges.push_back(e);
    }
  }

  // Of the topology's dimension in which cores lie so far apart, if it has any.
  int size_of_grid(int stride) const {
    int chips = std::max(1, stride / o_.cores_per_chip);
    if (!chips_) return 0;
    for (const int size : chips_->sizes()) {
      if (chips < size) return size;
      chips /= size;
    }
    return 0;
  }

  // All, if each goes over links of its own: from chip to neighbouring chip.
  int default_ways(const compiler::ExchangeParameters& e) const {
    const std::vector<compiler::Way> all = compiler::all_ways(e.grid(), e.fixed_dimensions, e.semaphores);
    for (const compiler::Dimension& d : all.front()) {
      for (int core = 0; core < o_.cores(); ++core) {
        const int from = core / o_.cores_per_chip, to = next(d, core) / o_.cores_per_chip;
        if (from != to && chips_->link_between(from, to) < 0) return 1;
      }
    }
    return o_.chips == 1 ? 1 : static_cast<int>(all.size());
  }

  // The algorithms: the sizes of their dimensions, of which the first varies fastest, the cores of a chip.

  // Neighbours on the data axis are neighbouring chips.
  bool of_chips() const {
    return o_.parameters.exchange.stride == o_.cores_per_chip && data_cores_ == o_.chips;
  }
  // Otherwise the axis is none of the topology's.
  bool follows_topology() const { return data_cores_ == o_.cores() || of_chips(); }
  std::vector<int> cores_of_chip() const {
    return o_.cores_per_chip > 1 && !of_chips() ? std::vector<int>{o_.cores_per_chip} : std::vector<int>{};
  }

  std::vector<int> ring() { return {data_cores_}; }

  std::vector<int> hierarchical() {
    if (!follows_topology()) return ring();
    std::vector<int> result = cores_of_chip();
    if (o_.chips > 1 || result.empty()) result.push_back(o_.chips);
    return result;
  }

  std::vector<int> along_topology() {
    if (!follows_topology()) return ring();
    if (!chips_) return hierarchical();  // there are findings that say why
    const std::vector<int>& sizes = chips_->sizes();
    if (sizes.empty()) {
      find("/system/exchange/algorithm", "torus",
           "a topology that has dimensions, not " + o_.network.chips.kind);
      return hierarchical();
    }
    std::vector<int> result = cores_of_chip();
    result.insert(result.end(), sizes.begin(), sizes.end());
    return result;
  }
  bool topology_has_dimensions() const { return chips_ && chips_->sizes().size() > 1; }

  std::vector<int> halving_doubling() {
    std::vector<int> result;
    for (int left = data_cores_; left > 1; left /= 2) {
      if (left % 2 != 0) {
        find("/system/exchange/algorithm", "halving_doubling",
             "a power of two of cores, not " + std::to_string(data_cores_));
        return ring();
      }
      result.push_back(2);
    }
    return result.empty() ? ring() : result;
  }
  bool power_of_two() const { return (data_cores_ & (data_cores_ - 1)) == 0; }

  bool always() const { return true; }

  struct Algorithm {
    const char* name;
    std::vector<int> (SystemReader::*dimensions)();  // a finding where the system has none such
    bool (SystemReader::*allowed)() const;           // whether `automatic` may choose it
  };
  // Those that follow the links come first: of algorithms that take the same time, the first is chosen.
  static constexpr Algorithm kAlgorithms[] = {
      {"torus", &SystemReader::along_topology, &SystemReader::topology_has_dimensions},
      {"hierarchical", &SystemReader::hierarchical, &SystemReader::always},
      {"ring", &SystemReader::ring, &SystemReader::always},
      {"halving_doubling", &SystemReader::halving_doubling, &SystemReader::power_of_two},
  };

  Json& system_;
  Json& chip_;
  const compiler::Gradients& gradients_;
  std::vector<compiler::InputFinding>& findings_;
  SystemOptions o_;
  std::optional<std::int64_t> segment_bytes_, stream_bytes_;  // if they are said
  std::optional<models::Topology> chips_;                     // if it can be
  int data_cores_ = 1;
};

}  // namespace

std::vector<std::string> exchange_algorithms() { return SystemReader::algorithms(); }

SystemOptions merge_system(Json& system, Json& chip, const compiler::Gradients& gradients,
                           std::vector<compiler::InputFinding>& findings) {
  return SystemReader(system, chip, gradients, findings).read();
}

}  // namespace anzan::sim
