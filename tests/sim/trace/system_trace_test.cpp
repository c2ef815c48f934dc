// The traces of a system, parsed: links against the network's own counters, cores against the timing of a run
// that nobody watched, puts and arrivals against the programs.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <ostream>
#include <set>

#include "sim/trace/link_recorder.hpp"
#include "sim/trace/text_trace.hpp"
#include "sim/trace/traces.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::system_trace_test {
namespace {

using models::clocked::SystemTiming;
using Json = nlohmann::json;

struct Slice {
  std::int64_t begin_fs, end_fs;
  Json event;
};
using Track = std::pair<int, int>;  // process, number

std::int64_t femtoseconds(const Json& microseconds) { return std::llround(microseconds.get<double>() * 1e9); }

// A configuration's step, its trace files read back, and the same step run once more, unwatched.
struct Traced {
  Configuration config;
  compiler::CompiledModel model;
  testing::ScratchDirectory directory;
  std::optional<SystemCost> cost;
  std::vector<isa::Program> programs;
  SystemTiming timing;
  Json json;
  std::map<int, std::string> processes;
  std::map<Track, std::string> names;
  std::map<Track, std::vector<Slice>> tracks;

  Traced(const Json& system, const Json& chip) {
    Json settings = testing::small_configuration({{"kind", "mnist"}});
    settings["system"] = system;
    settings["chip"].update(chip);
    settings["training"]["batch"] = 144;
    config = parse_configuration(settings, ".");
    model = compiler::compile(config.input());
    cost = cost_of_system(config, model);
    const ChipCost chip_cost(model, config.cost, cost);
    write_traces(chip_cost, model, config.cost, {true, true, false}, directory.path());
    for (int c = 0; c < cost->simulated().simulated; ++c)
      programs.push_back(isa::decode(model.step_in_core(c)));
    models::clocked::ClockedSystem again(config.cost.core, cost->network, config.system.packet,
                                         cost->simulated());
    timing = again.run(programs);
    read();
  }

  void read() {
    json = Json::parse(std::ifstream(directory / "trace.json"));
    for (const Json& e : json.at("traceEvents")) {
      const Track track{e.at("pid"), e.at("tid")};
      if (e.at("ph") == "X") {
        const std::int64_t begin = femtoseconds(e.at("ts"));
        tracks[track].push_back({begin, begin + femtoseconds(e.at("dur")), e});
      } else if (e.at("name") == "process_name") {
        EXPECT_TRUE(processes.emplace(e.at("pid"), e.at("args").at("name")).second);
      } else if (e.at("name") == "thread_name") {
        EXPECT_TRUE(names.emplace(track, e.at("args").at("name")).second);
      }
    }
  }

  int links_process() const { return static_cast<int>(programs.size()) + 1; }
};

std::int64_t message_bytes(const isa::Put& put, int lanes) {
  const std::int64_t width = put.element == isa::Format::kInt8    ? 1
                             : put.element == isa::Format::kInt16 ? 2
                                                                  : 4;
  return std::accumulate(put.loops.begin(), put.loops.end(), lanes * width,
                         [](std::int64_t p, int n) { return p * n; });
}

void check_slices_do_not_overlap(const Traced& t) {
  for (const auto& [track, slices] : t.tracks) {
    EXPECT_TRUE(t.names.count(track)) << track.first << "/" << track.second;
    for (std::size_t k = 0; k < slices.size(); ++k) {
      EXPECT_LT(slices[k].begin_fs, slices[k].end_fs);
      if (k > 0) {
        EXPECT_GE(slices[k].begin_fs, slices[k - 1].end_fs) << slices[k].event;
      }
    }
  }
}

void check_cores(const Traced& t) {
  const std::int64_t period = t.config.cost.core.clock_period_fs;
  for (std::size_t c = 0; c < t.programs.size(); ++c) {
    const int chip = static_cast<int>(c) / t.config.system.cores_per_chip,
              core = static_cast<int>(c) % t.config.system.cores_per_chip;
    const int process = static_cast<int>(c) + 1;
    EXPECT_EQ(t.processes.at(process), "chip " + std::to_string(chip) + " core " + std::to_string(core));
    std::size_t instructions = 0;
    std::vector<models::Arrival> arrivals;
    for (const auto& [track, slices] : t.tracks) {
      if (track.first != process) continue;
      for (const Slice& s : slices) {
        const Json& args = s.event.at("args");
        if (s.event.at("cat") == "arrival")
          arrivals.push_back({s.end_fs / period, static_cast<std::uint32_t>(std::stoul(
                                                     args.at("signal").get<std::string>(), nullptr, 16))});
        if (s.event.at("cat") != "instruction") continue;
        ++instructions;
        const auto i = args.at("index").get<std::size_t>();
        const models::InstructionTiming& expected = t.timing.cores[c].instructions.at(i);
        EXPECT_EQ(s.begin_fs, expected.started * period);
        EXPECT_EQ(s.end_fs, expected.ended * period);
        EXPECT_EQ(t.names.at(track), isa::name(isa::unit(t.programs[c][i])));
      }
    }
    EXPECT_EQ(instructions + 1, t.programs[c].size());
    ASSERT_EQ(arrivals.size(), t.timing.cores[c].arrivals.size());
    for (std::size_t k = 0; k < arrivals.size(); ++k) {
      EXPECT_EQ(arrivals[k].cycle, t.timing.cores[c].arrivals[k].cycle);
      EXPECT_EQ(arrivals[k].semaphores, t.timing.cores[c].arrivals[k].semaphores);
    }
    const auto file = c == 0 ? std::string("trace.txt") : "trace_core_" + std::to_string(c) + ".txt";
    EXPECT_EQ(read_trace(t.directory / file), make_trace(t.programs[c], t.timing.cores[c]));
  }
}

void check_links(const Traced& t) {
  EXPECT_EQ(t.processes.at(t.links_process()), "links");
  std::set<std::string> rows;
  for (std::size_t l = 0; l < t.cost->links.size(); ++l) {
    const models::Link& link = t.cost->network.topology.links()[l];
    const auto found = t.tracks.find({t.links_process(), static_cast<int>(l) + 1});
    std::int64_t lasted = 0, busy = 0, bytes = 0, packets = 0;
    if (found != t.tracks.end()) {
      const std::string name = t.names.at(found->first);
      EXPECT_TRUE(rows.insert(name).second);
      EXPECT_EQ(name, std::to_string(link.from) + " -> " + std::to_string(link.to) +
                          (t.cost->network.onchip[l] ? " on chip" : " between chips"));
      for (const Slice& s : found->second) {
        EXPECT_EQ(s.event.at("args").at("trains"), 1);
        lasted += s.end_fs - s.begin_fs;
        busy += s.event.at("args").at("busy_fs").get<std::int64_t>();
        bytes += s.event.at("args").at("bytes").get<std::int64_t>();
        packets += s.event.at("args").at("packets").get<std::int64_t>();
      }
    }
    EXPECT_EQ(lasted, t.cost->links[l].busy_fs);
    EXPECT_EQ(busy, t.cost->links[l].busy_fs);
    EXPECT_EQ(bytes, t.cost->links[l].bytes);
    EXPECT_EQ(packets, t.cost->links[l].packets);
  }
  EXPECT_FALSE(rows.empty());
}

// What leaves each core, by the names of the slices, is what its program puts, with a header a packet.
void check_bytes_of_puts(const Traced& t) {
  std::map<std::string, std::int64_t> expected, found;
  for (std::size_t c = 0; c < t.programs.size(); ++c) {
    for (const isa::Instruction& instruction : t.programs[c]) {
      const auto* put = std::get_if<isa::Put>(&instruction);
      if (put == nullptr || put->core == static_cast<int>(c)) continue;
      const std::int64_t bytes = message_bytes(*put, t.config.chip.lanes),
                         payload = t.config.system.packet.payload_bytes;
      expected["core " + std::to_string(c) + " to " + std::to_string(put->core)] +=
          bytes + (bytes + payload - 1) / payload * t.config.system.packet.header_bytes;
    }
  }
  for (std::size_t l = 0; l < t.cost->links.size(); ++l) {
    const int from = t.cost->network.topology.links()[l].from;
    const auto track = t.tracks.find({t.links_process(), static_cast<int>(l) + 1});
    if (from >= static_cast<int>(t.programs.size()) || track == t.tracks.end()) continue;
    for (const Slice& s : track->second) {
      const auto name = s.event.at("name").get<std::string>();
      if (name.rfind("core " + std::to_string(from) + " to ", 0) == 0)  // not what the node only passes on
        found[name] += s.event.at("args").at("bytes").get<std::int64_t>();
    }
  }
  EXPECT_EQ(found, expected);
}

// Of the links between two cores alone.
std::int64_t least_latency_fs(const models::ChipsNetwork& network, int source, int receiver) {
  std::int64_t latency_fs = 0;
  for (const int channel : network.routing.path(network.topology, source, receiver)) {
    const auto link = static_cast<std::size_t>(network.routing.link_of(channel));
    latency_fs += network.topology.links()[link].parameters.latency_fs;
  }
  return latency_fs;
}

// Each put to another core has an arrow to one arrival, not earlier than light and links allow; each arrival
// has one, and one for every semaphore that somebody took.
void check_arrows(const Traced& t) {
  const std::int64_t period = t.config.cost.core.clock_period_fs;
  std::map<std::size_t, Json> from, to;
  std::set<std::string> carried;  // "core 1 to 2"
  for (const Json& e : t.json.at("traceEvents")) {
    if (e.value("cat", "") == "link") carried.insert(e.at("name"));
    if (e.at("ph") == "s") {
      EXPECT_TRUE(from.emplace(e.at("id"), e).second);
    }
    if (e.at("ph") == "f") {
      EXPECT_TRUE(to.emplace(e.at("id"), e).second);
    }
  }
  ASSERT_EQ(from.size(), to.size());
  std::size_t puts = 0, arrivals = 0, handed_over = 0;
  for (const auto& [id, start] : from) {
    const Json& end = to.at(id);
    EXPECT_EQ(start.at("cat"), end.at("cat"));
    EXPECT_EQ(start.at("name"), end.at("name"));
    EXPECT_LT(start.at("ts").get<double>(), end.at("ts").get<double>());
    const Track at{end.at("pid"), end.at("tid")};
    if (start.at("cat") != "put") {
      handed_over += t.names.at({start.at("pid"), start.at("tid")}) == "arrivals";
      continue;
    }
    ++puts;
    EXPECT_EQ(t.names.at({start.at("pid"), start.at("tid")}), "network");
    EXPECT_EQ(t.names.at(at), "arrivals");
    const std::vector<Slice>& slices = t.tracks.at(at);
    const auto arrival =
        std::find_if(slices.begin(), slices.end(),
                     [&, ts = femtoseconds(end.at("ts"))](const Slice& s) { return s.begin_fs == ts; });
    ASSERT_NE(arrival, slices.end());
    const int source = std::stoi(
                  arrival->event.at("name").get<std::string>().substr(std::string("from core ").size())),
              receiver = at.first - 1;
    const auto& put =
        std::get<isa::Put>(t.programs[static_cast<std::size_t>(start.at("pid").get<int>() - 1)].at(
            arrival->event.at("args").at("put").get<std::size_t>()));
    EXPECT_TRUE(carried.count("core " + std::to_string(source) + " to " + std::to_string(receiver)));
    EXPECT_GE(femtoseconds(end.at("ts")) - femtoseconds(start.at("ts")) + period,
              least_latency_fs(t.cost->network, source, receiver));
    if (t.programs.size() == static_cast<std::size_t>(t.config.system.cores())) {
      EXPECT_EQ(put.core, receiver);
    }
  }
  std::size_t expected_puts = 0, expected_handovers = 0;
  for (std::size_t c = 0; c < t.programs.size(); ++c) {
    arrivals += t.timing.cores[c].arrivals.size();
    for (const isa::Instruction& i : t.programs[c])
      if (const auto* put = std::get_if<isa::Put>(&i)) expected_puts += put->core != static_cast<int>(c);
    for (const Handover& h : handovers(t.programs[c], t.timing.cores[c], static_cast<int>(c)))
      expected_handovers += h.signaller == kOtherCore;
  }
  EXPECT_GT(puts, 0u);
  EXPECT_EQ(puts, expected_puts);
  EXPECT_EQ(puts, arrivals);
  EXPECT_EQ(handed_over, expected_handovers);
}

struct Case {
  Json system, chip;
  std::size_t simulated;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.system.at("chips") << " chips of " << c.chip.value("cores", 1) << " cores";
}

class SystemTrace : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Systems, SystemTrace,
    ::testing::Values(
        // with segments of another length, messages of neighbours meet
        Case{testing::system_of("ring", {4}, {}, {{"exchange", {{"segment_kib", 32}}}}), {{"lanes", 4}}, 1},
        Case{testing::system_of("torus", {3, 2}), {{"lanes", 4}, {"cores", 2}}, 2},
        Case{{{"chips", 1}}, {{"lanes", 4}, {"cores", 3}}, 3},
        Case{testing::system_of("switch", {3}), {{"lanes", 4}, {"cores", 2}, {"clock_ghz", 0.7}}, 2},
        // one ring through the rows of a torus: some neighbours are two hops away, so all cores are simulated
        Case{testing::system_of("torus", {3, 3}, {}, {{"exchange", {{"algorithm", "ring"}}}}),
             {{"lanes", 4}},
             9}));

TEST_P(SystemTrace, ShowsEveryCoreAndEveryLink) {
  const Traced t(GetParam().system, GetParam().chip);
  ASSERT_EQ(t.programs.size(), GetParam().simulated);
  EXPECT_EQ(t.processes.size(), t.programs.size() + 1);
  EXPECT_EQ(t.json.at("otherData").at("link_gap_fs"), -1);
  check_slices_do_not_overlap(t);
  check_cores(t);
  check_links(t);
  check_bytes_of_puts(t);
  check_arrows(t);
  EXPECT_GT(std::filesystem::file_size(t.directory / "trace.vcd"), 1000u);
}

// Random packets on random links, as a plain list.
TEST(LinkRecorder, KeepsSumsWithinItsBounds) {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const std::size_t links = 1 + random() % 9, most = 1 + random() % 60;
    LinkRecorder recorder(links, most), all(links, 1'000'000);
    struct Sum {
      std::int64_t time_fs = 0, busy_fs = 0, bytes = 0, packets = 0, trains = 0, first_fs = -1;
      std::uint64_t message = ~std::uint64_t{0};
    };
    std::vector<Sum> sums(links);
    for (int k = 0; k < 2000; ++k) {
      const std::size_t l = random() % links;
      Sum& sum = sums[l];
      const std::int64_t gap = random() % 3 == 0 ? static_cast<std::int64_t>(random() % 5'000'000) : 0,
                         begin = sum.time_fs + gap,
                         length = 1 + static_cast<std::int64_t>(random() % 100'000),
                         bytes = 1 + static_cast<std::int64_t>(random() % 2048);
      const std::uint64_t message = random() % 2;
      if (gap != 0 || message != sum.message) ++sum.trains;
      if (sum.first_fs < 0) sum.first_fs = begin;
      sum.time_fs = begin + length;
      sum.busy_fs += length;
      sum.bytes += bytes;
      ++sum.packets;
      sum.message = message;
      for (LinkRecorder* r : {&recorder, &all})
        r->carries({static_cast<int>(l), begin, begin + length, bytes, message, 0, 1});
    }
    std::size_t count = 0;
    for (std::size_t l = 0; l < links; ++l) {
      EXPECT_EQ(static_cast<std::int64_t>(all.links()[l].size()), sums[l].trains);
      for (const LinkRecorder* r : {&recorder, &all}) {
        const std::vector<LinkRecorder::Slice>& slices = r->links()[l];
        std::int64_t busy = 0, bytes = 0, packets = 0, trains = 0;
        for (std::size_t k = 0; k < slices.size(); ++k) {
          busy += slices[k].busy_fs;
          bytes += slices[k].bytes;
          packets += slices[k].packets;
          trains += slices[k].trains;
          EXPECT_LE(slices[k].busy_fs, slices[k].end_fs - slices[k].begin_fs);
          if (k > 0) {
            EXPECT_GE(slices[k].begin_fs - slices[k - 1].end_fs, r->gap_fs() + 1);
          }
        }
        EXPECT_EQ(busy, sums[l].busy_fs);
        EXPECT_EQ(bytes, sums[l].bytes);
        EXPECT_EQ(packets, sums[l].packets);
        EXPECT_EQ(trains, sums[l].trains);
        EXPECT_EQ(slices.front().begin_fs, sums[l].first_fs);
        EXPECT_EQ(slices.back().end_fs, sums[l].time_fs);
      }
      count += recorder.links()[l].size();
    }
    EXPECT_LE(count, std::max(most, 2 * links));
    EXPECT_GE(recorder.gap_fs(), 0);
    EXPECT_EQ(all.gap_fs(), -1);
  }
}

}  // namespace
}  // namespace anzan::sim::system_trace_test
