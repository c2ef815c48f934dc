// Technology files: the shipped ones say what they claim, and every wrong one is answered with its place.
#include "sim/configuration/technology.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <regex>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/json_input.hpp"

namespace anzan::sim::technology_test {
namespace {

using Json = nlohmann::json;
using models::Event;
using models::Technology;
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path kFolder = fs::path(ANZAN_SOURCE_DIR) / "workloads" / "technology";

Technology built_in(const std::string& name) {
  Json json = name;
  return load_technology(json, "/nowhere", "/technology");
}

double pj(const Technology& technology, Event event) {
  return technology.event_pj[static_cast<std::size_t>(event)];
}

TEST(Technology, NameFileAndInlineAreTheSame) {
  EXPECT_THAT(built_in_technologies(), ElementsAre("45nm", "7nm"));
  for (const std::string& name : built_in_technologies()) {
    Json by_name = name, by_file = name + ".json", in_line = read_json_file(kFolder / (name + ".json"));
    const Json text = in_line;
    const Technology a = load_technology(by_name, "/nowhere", "/technology"),
                     b = load_technology(by_file, kFolder, "/technology"),
                     c = load_technology(in_line, "/nowhere", "/technology");
    EXPECT_EQ(by_name, text);
    EXPECT_EQ(by_file, text);
    EXPECT_EQ(in_line, text);
    EXPECT_EQ(a.name, name);
    EXPECT_EQ(a.event_pj, b.event_pj);
    EXPECT_EQ(a.event_pj, c.event_pj);
    ASSERT_EQ(a.sram.size(), 3U);
    EXPECT_EQ(b.sram.back().pj, a.sram.back().pj);
  }
}

// The published figures: integer addition of 32 bits, multiplications of 8 and 32 bits, FP32 and FP16; SRAM.
struct Published {
  const char* name;
  double add32, multiply8, multiply32, fp32_add, fp32_multiply, fp16_add, sram8, sram32, sram1024;
};
constexpr Published kPublished[] = {
    {"45nm", 0.1, 0.2, 3.1, 0.9, 3.7, 0.4, 10, 20, 100},
    {"7nm", 0.03, 0.07, 1.48, 0.38, 1.31, 0.16, 7.5, 8.5, 14},
};

TEST(Technology, FiguresFollowFromThePublishedOnes) {
  for (const Published& p : kPublished) {
    const Technology t = built_in(p.name);
    const auto expect = [&](Event event, double value) {
      EXPECT_NEAR(pj(t, event), value, 6e-5) << p.name << ", " << models::info(event).name;
    };
    const double bit = p.add32 / 32;
    expect(Event::kProductInt8, p.multiply8);
    expect(Event::kProductInt16, std::sqrt(p.multiply8 * p.multiply32));
    expect(Event::kAccumulateInt8, bit * (3 * 18 + 48 + 48));
    expect(Event::kAccumulateInt16, bit * (33 + 48 + 48));
    expect(Event::kFmaFp32, p.fp32_multiply + p.fp32_add + 32 * bit);
    expect(Event::kAccumulatorMove, 48 * bit);
    expect(Event::kVectorLane, 5 * 32 * bit);
    expect(Event::kVectorMultiply, p.fp32_multiply);
    expect(Event::kVectorFma, p.fp32_multiply + p.fp32_add);
    for (const Event event : {Event::kVectorAdd, Event::kBiasConversion, Event::kVectorConversion,
                              Event::kConvert, Event::kQuantise})
      expect(event, p.fp32_add);
    for (const Event event : {Event::kVectorCompare, Event::kVectorInteger}) expect(event, p.add32);
    for (const Event event : {Event::kVectorRandom, Event::kRandomWord})
      expect(event, 2 * p.multiply32 + 4 * p.add32);
    expect(Event::kOperandConversion, p.fp16_add);
    expect(Event::kRelu, 48 * bit);
    expect(Event::kAnalyse, 80 * bit);
    expect(Event::kOptimiserBin, p.multiply32 + 2 * p.add32);
    expect(Event::kOptimiserDecision, 16 * p.add32);
    for (const Event event : {Event::kPackByte, Event::kTransposeByte}) expect(event, 8 * bit);
    expect(Event::kQueueWord, 64 * bit);
    for (const auto& [kib, value] : {std::pair(8.0, p.sram8), {32.0, p.sram32}, {1024.0, p.sram1024}})
      EXPECT_DOUBLE_EQ(models::sram_pj_per_access(t.sram, kib), value);
  }
  EXPECT_NEAR(pj(built_in("45nm"), Event::kHbmRead), 1300.0 / 8, 1e-9);
  EXPECT_NEAR(pj(built_in("7nm"), Event::kHbmWrite), (1.51 + 1.17 + 0.80) * 8, 1e-9);
  EXPECT_NEAR(pj(built_in("7nm"), Event::kHbmRefresh), 32 * 909.0, 1e-9);
}

// A source is a publication with its year, or says that it is none.
void check_sources(const Json& json, const std::string& place, int& count) {
  if (json.contains("source")) {
    ++count;
    const auto source = json["source"].get<std::string>();
    EXPECT_TRUE(std::regex_search(source, std::regex("^(derived|assumption): ..|(19|20)[0-9][0-9]")))
        << place << ": " << source;
    return;
  }
  for (const auto& item : json.items())
    if (item.value().is_structured()) check_sources(item.value(), place + "/" + item.key(), count);
}

TEST(Technology, EveryFigureHasItsSource) {
  for (const std::string& name : built_in_technologies()) {
    int count = 0;
    check_sources(read_json_file(kFolder / (name + ".json")), name, count);
    EXPECT_GE(count, 35);
  }
}

struct Wrong {
  const char* what;
  std::function<void(Json&)> change;
  std::string place, found, expected;
};

const Wrong kWrong[] = {
    {"a key too many", [](Json& j) { j["evnts"] = 1; }, "/evnts", "an unknown key",
     "did you mean \"events\"?"},
    {"no name", [](Json& j) { j.erase("name"); }, "/name", "nothing", "a string"},
    {"no events", [](Json& j) { j.erase("events"); }, "/events", "nothing", "an object"},
    {"unknown component", [](Json& j) { j["events"]["tensors"] = Json::object(); }, "/events/tensors",
     "an unknown component", "did you mean \"tensor\"?"},
    {"component without figures", [](Json& j) { j["events"]["scratchpad"] = Json::object(); },
     "/events/scratchpad", "an unknown component", "one of "},
    {"missing component", [](Json& j) { j["events"].erase("links"); }, "/events/links/link_byte", "nothing",
     "byte over one link"},
    {"missing event", [](Json& j) { j["events"]["hbm"].erase("hbm_write"); }, "/events/hbm/hbm_write",
     "nothing", "the energy of one event (byte written)"},
    {"unknown event", [](Json& j) { j["events"]["hbm"]["hbm_wrote"] = j["events"]["hbm"]["hbm_write"]; },
     "/events/hbm/hbm_wrote", "an unknown event", "did you mean \"hbm_write\"?"},
    {"event of another component",
     [](Json& j) { j["events"]["hbm"]["dma_byte"] = j["events"]["dma"]["dma_byte"]; }, "/events/hbm/dma_byte",
     "an unknown event", "one of "},
    {"negative", [](Json& j) { j["events"]["dma"]["dma_byte"]["pj"] = -0.5; }, "/events/dma/dma_byte/pj",
     "-0.5", "a number from 0 to"},
    {"no number", [](Json& j) { j["events"]["dma"]["dma_byte"]["pj"] = "much"; }, "/events/dma/dma_byte/pj",
     "\"much\"", "a number"},
    {"not finite", [](Json& j) { j["events"]["dma"]["dma_byte"]["pj"] = 1e300; }, "/events/dma/dma_byte/pj",
     "1e+300", "a number"},
    {"no energy", [](Json& j) { j["events"]["dma"]["dma_byte"].erase("pj"); }, "/events/dma/dma_byte/pj",
     "nothing", "Picojoules"},
    {"no source", [](Json& j) { j["events"]["dma"]["dma_byte"].erase("source"); },
     "/events/dma/dma_byte/source", "nothing", "Where the figure comes from"},
    {"empty source", [](Json& j) { j["events"]["dma"]["dma_byte"]["source"] = ""; },
     "/events/dma/dma_byte/source", "\"\"", "not empty"},
    {"a bare number", [](Json& j) { j["events"]["dma"]["dma_byte"] = 3; }, "/events/dma/dma_byte", "3",
     "an object"},
    {"one point", [](Json& j) { j["sram"] = Json::array({j["sram"][0]}); }, "/sram", "[{", "at least 2"},
    {"size zero", [](Json& j) { j["sram"][0]["kib"] = 0; }, "/sram/0/kib", "0", "greater than 0"},
    {"memory for nothing", [](Json& j) { j["sram"][1]["pj"] = 0; }, "/sram/1/pj", "0", "greater than 0"},
    {"sizes that fall", [](Json& j) { j["sram"][2]["kib"] = 16; }, "/sram/2/kib", "16", "more than 32"},
    {"sizes that stay", [](Json& j) { j["sram"][1]["kib"] = 8; }, "/sram/1/kib", "8", "more than 8"},
    {"negative power", [](Json& j) { j["static"]["core"]["mw"] = -1; }, "/static/core/mw", "-1",
     "Milliwatts"},
    {"no static power", [](Json& j) { j["static"].erase("scratchpad_kib"); }, "/static/scratchpad_kib",
     "nothing", "Power"},
};

// Expects exactly one finding.
void expect_finding(Json json, const fs::path& directory, const Wrong& wrong) {
  try {
    load_technology(json, directory, "/technology");
    ADD_FAILURE() << wrong.what << ": accepted";
  } catch (const compiler::InputError& error) {
    ASSERT_EQ(error.findings().size(), 1U) << wrong.what << ": " << error.what();
    const compiler::InputFinding& finding = error.findings().front();
    EXPECT_EQ(finding.place, wrong.place) << wrong.what;
    EXPECT_THAT(finding.found, HasSubstr(wrong.found)) << wrong.what;
    EXPECT_THAT(finding.expected, HasSubstr(wrong.expected)) << wrong.what;
  }
}

TEST(Technology, WrongOnesAreAnsweredWithTheirPlace) {
  const Json right = read_json_file(kFolder / "7nm.json");
  for (const Wrong& wrong : kWrong) {
    Json json = right;
    wrong.change(json);
    Wrong here = wrong;
    here.place = "/technology" + wrong.place;
    expect_finding(json, "/nowhere", here);
  }
  const char* built = "one of 45nm, 7nm, which are built in";
  expect_finding("6nm", "/nowhere", {"unknown name", {}, "/technology", "\"6nm\"", built});
  expect_finding("", kFolder, {"empty name", {}, "/technology", "\"\"", built});
  expect_finding(7, "/nowhere", {"a number", {}, "/technology", "7", built});
}

TEST(Technology, AllFindingsComeAtOnceAndNameTheFile) {
  const fs::path folder = fs::temp_directory_path() / "anzan_technology_test";
  fs::create_directories(folder);
  Json json = read_json_file(kFolder / "45nm.json");
  json["events"]["tensor"].erase("product_int8");
  json["events"]["dmas"] = json["events"]["dma"];
  json["sram"][1]["kib"] = 1;
  std::ofstream(folder / "mine.json") << json;
  Json value = "mine.json";
  const std::string file = (folder / "mine.json").string() + "#";
  try {
    load_technology(value, folder, "/technology");
    ADD_FAILURE() << "accepted";
  } catch (const compiler::InputError& error) {
    std::vector<std::string> places;
    for (const compiler::InputFinding& finding : error.findings()) places.push_back(finding.place);
    EXPECT_THAT(places, ElementsAre(file + "/events/dmas", file + "/events/tensor/product_int8",
                                    file + "/sram/1/kib"));
  }
  EXPECT_EQ(value, "mine.json");  // unchanged where it is refused
  fs::remove_all(folder);
}

}  // namespace
}  // namespace anzan::sim::technology_test
