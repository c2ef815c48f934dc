// Chrome traces, parsed: slices, flows and counters say what the timing says, as a viewer would see them.
#include "sim/trace/chrome_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <system_error>

#include "isa/assembly.hpp"
#include "sim/cost/waiting.hpp"
#include "tests/sim/clocked_program.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::chrome_trace_test {
namespace {

using nlohmann::json;
using testing::ClockedProgram;
using ::testing::HasSubstr;
using testing::random_clocked_program;

constexpr int kLanes = 16;

RegionMap one_region(const isa::Program& program) {
  return {{{"conv1", "forward"}}, std::vector<std::uint16_t>(program.size(), 0)};
}

TracedRun run_of(const ClockedProgram& p, double ghz, const RegionMap& map) {
  return {{{p.program, p.timing, map}}, kLanes, ghz};
}
std::string trace_of(const ClockedProgram& p, double ghz, const RegionMap& map) {
  return chrome_trace(run_of(p, ghz, map));
}

// The events of a trace as a viewer takes them in: by time, those of one time in the order of the file.
struct Viewed {
  double clock_ghz;
  json trace;
  std::vector<json> events;
  std::map<int, std::string> tracks;

  Viewed(const ClockedProgram& p, double ghz, const RegionMap& map)
      : clock_ghz(ghz), trace(json::parse(trace_of(p, ghz, map))) {
    for (const json& event : trace.at("traceEvents"))
      if (event.at("ph") != "M")
        events.push_back(event);
      else if (event.at("name") == "thread_name")
        tracks[event.at("tid")] = event.at("args").at("name");
    std::stable_sort(events.begin(), events.end(), [](const json& v, const json& w) {
      return v.at("ts").get<double>() < w.at("ts").get<double>();
    });
  }
  std::int64_t cycle(const json& microseconds) const {
    return std::llround(microseconds.get<double>() * 1000 * clock_ghz);
  }
  std::int64_t begin(const json& e) const { return cycle(e.at("ts")); }
  std::int64_t end(const json& e) const {
    return std::llround((e.at("ts").get<double>() + e.at("dur").get<double>()) * 1000 * clock_ghz);
  }
  std::vector<json> slices(const std::string& category) const {
    std::vector<json> found;
    for (const json& e : events)
      if (e.at("ph") == "X" && e.at("cat") == category) found.push_back(e);
    return found;
  }
};

class ChromeTrace : public ::testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(Clocks, ChromeTrace, ::testing::Values(1.0, 0.7, 2.5));

TEST_P(ChromeTrace, HasASliceForEachInstructionAndNoOverlap) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ClockedProgram p = random_clocked_program(seed);
    const Viewed viewed(p, GetParam(), one_region(p.program));
    std::set<std::size_t> seen;
    for (const json& e : viewed.slices("instruction")) {
      const auto i = e.at("args").at("index").get<std::size_t>();
      EXPECT_TRUE(seen.insert(i).second);
      const models::InstructionTiming& t = p.timing.instructions.at(i);
      EXPECT_EQ(viewed.begin(e), t.started);
      EXPECT_EQ(viewed.end(e), t.ended);
      EXPECT_EQ(viewed.tracks.at(e.at("tid")), isa::name(isa::unit(p.program[i])));
      EXPECT_EQ(isa::assemble(e.at("args").at("line").get<std::string>()), isa::Program{p.program[i]});
      EXPECT_EQ(e.at("name"), std::string(isa::info(p.program[i]).name) + " conv1 forward");
      EXPECT_EQ(e.at("args").at("issued_cycle"), t.issued);
      EXPECT_EQ(e.at("args").at("worked_cycle"), t.worked);
    }
    EXPECT_EQ(seen.size(), p.program.size() - 1);
    for (const json& e : viewed.slices("queue")) {
      const models::InstructionTiming& t =
          p.timing.instructions.at(e.at("args").at("index").get<std::size_t>());
      EXPECT_GE(viewed.begin(e), t.issued);
      EXPECT_EQ(viewed.end(e), t.started);
      EXPECT_EQ(e.at("args").at("queued_cycles"), t.started - t.issued);
    }
    std::map<int, double> free_from;
    for (const json& e : viewed.events) {
      if (e.at("ph") != "X") continue;
      EXPECT_GT(e.at("dur").get<double>(), 0);
      EXPECT_GE(e.at("ts").get<double>(), free_from[e.at("tid")] - 1e-7);
      free_from[e.at("tid")] = e.at("ts").get<double>() + e.at("dur").get<double>();
    }
  }
}

// Viewers bind a flow to the slice that they read last on its track.
TEST_P(ChromeTrace, LeadsFromSignallersToWaiters) {
  std::size_t flows = 0;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ClockedProgram p = random_clocked_program(seed);
    const Viewed viewed(p, GetParam(), one_region(p.program));
    std::map<int, json> last_slice;
    std::map<std::size_t, json> from, to, flow;
    for (const json& e : viewed.events) {
      if (e.at("ph") == "X") last_slice[e.at("tid")] = e;
      if (e.at("ph") != "s" && e.at("ph") != "f") continue;
      const auto id = e.at("id").get<std::size_t>();
      const json& slice = last_slice.at(e.at("tid"));
      EXPECT_EQ(viewed.begin(e), e.at("ph") == "s" ? viewed.end(slice) : viewed.begin(slice)) << e;
      EXPECT_TRUE((e.at("ph") == "s" ? from : to).emplace(id, slice.at("args")).second);
      if (e.at("ph") == "f") {
        EXPECT_EQ(e.at("bp"), "e");
        EXPECT_EQ(e.at("name"), flow.at(id).at("name"));
      }
      flow[id] = e;
    }
    std::vector<std::array<std::size_t, 2>> found, expected;
    for (const auto& [id, args] : from) found.push_back({args.at("index"), to.at(id).at("index")});
    for (const Handover& h : handovers(p.program, p.timing)) expected.push_back({h.signaller, h.waiter});
    EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
    EXPECT_EQ(from.size(), to.size());
    flows += from.size();
  }
  EXPECT_GT(flows, 200u);
}

TEST_P(ChromeTrace, CountsBytesUnitsAndQueues) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ClockedProgram p = random_clocked_program(seed);
    const Viewed viewed(p, GetParam(), one_region(p.program));
    // Each series: its integral over time in microseconds, its value, and since when.
    struct Series {
      double integral = 0, value = 0, since = 0;
    };
    std::map<std::string, Series> series;
    std::set<std::string> changes;  // a counter has one value at a time
    for (const json& e : viewed.events) {
      if (e.at("ph") != "C") continue;
      EXPECT_TRUE(changes.insert(e.at("name").get<std::string>() + "@" + e.at("ts").dump()).second) << e;
      for (const auto& [key, value] : e.at("args").items()) {
        Series& s = series[e.at("name").get<std::string>() + "/" + key];
        EXPECT_GE(value.get<double>(), 0);
        s.integral += s.value * (e.at("ts").get<double>() - s.since);
        s.value = value;
        s.since = e.at("ts");
      }
    }
    std::map<std::string, double> expected{
        {"HBM GB/s/read", 0}, {"HBM GB/s/write", 0}, {"units busy/units", 0}};
    const double period = 1 / GetParam() / 1000;
    const double tolerance = GetParam() == 0.7 ? 1e-4 : 1e-9;  // its period is rounded to femtoseconds
    for (std::size_t i = 0; i + 1 < p.program.size(); ++i) {
      const models::InstructionTiming& t = p.timing.instructions[i];
      expected["units busy/units"] += static_cast<double>(t.ended - t.started) * period;
      expected[isa::name(isa::unit(p.program[i])) + std::string(" queued/instructions")] +=
          static_cast<double>(t.started - t.issued) * period;
      const auto* c = std::get_if<isa::Copy>(&p.program[i]);
      if (c == nullptr) continue;
      double bytes = c->element == isa::Format::kInt8 ? 16 : c->element == isa::Format::kInt16 ? 32 : 64;
      for (const int n : c->loops) bytes *= n;
      if (c->src_space == isa::Space::kHbm)
        expected["HBM GB/s/read"] += bytes / 1000;  // bytes = 10^9/s * 10^-6 s / 1000
      if (c->dst_space == isa::Space::kHbm) expected["HBM GB/s/write"] += bytes / 1000;
    }
    EXPECT_EQ(series.size(), 8u);
    for (const auto& [name, s] : series) {
      EXPECT_EQ(s.value, 0) << name;
      EXPECT_NEAR(s.integral, expected[name], tolerance * (1 + s.integral)) << name;
    }
  }
}

ClockedProgram small() {
  return {isa::assemble("copy src_space=hbm signal=0x2 loops=[32]\ntensor wait=0x2\nend\n"),
          {1'234'600,
           {{1, 2, 1'234'567, 1'234'567}, {3, 1'234'568, 1'234'590, 1'234'590}, {1'234'600, 0, 0, 0}},
           {},
           0},
          {}};
}

TEST(ChromeTraceText, WritesExactDecimals) {
  const ClockedProgram p = small();
  const std::string text = trace_of(p, 1.0, one_region(p.program));
  EXPECT_THAT(text, HasSubstr("\"ts\":0.002,\"dur\":1234.565,"));
  EXPECT_THAT(text, HasSubstr("{\"ph\":\"s\",\"pid\":1,\"tid\":11,\"ts\":1234.567,"));
  EXPECT_THAT(text, HasSubstr("{\"ph\":\"f\",\"pid\":1,\"tid\":21,\"ts\":1234.568,"));
  EXPECT_THAT(
      text,
      HasSubstr("\"semaphores\":[{\"semaphore\":1,\"unit\":\"dma\",\"index\":0,\"raised_cycle\":1234567}]"));
  EXPECT_THAT(text, HasSubstr("\"ts\":1234.6,\"name\":\"step barrier\""));
  EXPECT_THAT(trace_of(p, 4.0, one_region(p.program)), HasSubstr("\"ts\":308.64175,"));
  EXPECT_NO_THROW(json::parse(trace_of({}, 1.0, {})));
  EXPECT_NO_THROW(json::parse(chrome_trace({})));
}

TEST(ChromeTraceText, TakesAnyNameOfALayer) {
  const ClockedProgram p = small();
  RegionMap map = one_region(p.program);
  for (const auto& [layer, shown] :
       std::vector<std::pair<std::string, std::string>>{{"a\"b\\c\n{}", "copy a\"b\\c\n{} forward"},
                                                        {"\xff", "copy \xef\xbf\xbd forward"},
                                                        {"", "copy forward"}}) {
    map.regions[0].layer = layer;
    const Viewed viewed(p, 1.0, map);
    EXPECT_EQ(viewed.slices("instruction").at(0).at("name"), shown);
  }
}

TEST(ChromeTraceText, RefusesWhatDoesNotFit) {
  const ClockedProgram p = small();
  const RegionMap map = one_region(p.program);
  for (const double clock : {0.0, -1.0, std::nan(""), 1e-12})
    EXPECT_THROW(trace_of(p, clock, map), std::invalid_argument) << clock;
  EXPECT_THROW(trace_of({p.program, {}, {}}, 1.0, map), std::invalid_argument);
  EXPECT_THROW(trace_of(p, 1.0, {}), std::invalid_argument);
}

TEST(ChromeTraceText, AppearsWholeOrNotAtAll) {
  const testing::ScratchDirectory scratch;
  const ClockedProgram p = small();
  const RegionMap map = one_region(p.program);
  write_chrome_trace(scratch / "trace.json", run_of(p, 1.0, map));
  std::ifstream stream(scratch / "trace.json", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  EXPECT_EQ(text, trace_of(p, 1.0, map));
  EXPECT_THROW(write_chrome_trace(scratch / "none" / "trace.json", run_of(p, 1.0, map)), std::system_error);
}

}  // namespace
}  // namespace anzan::sim::chrome_trace_test
