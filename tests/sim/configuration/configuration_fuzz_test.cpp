// Seeded mutations of valid configurations and networks: reading one ends in success or in InputError,
// never in anything else. A failure prints the seed and the text.
#include <gtest/gtest.h>

#include <random>

#include "sim/configuration/configuration.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

const char* const kValues[] = {"0",
                               "-1",
                               "1",
                               "2",
                               "3",
                               "16",
                               "33",
                               "64",
                               "65535",
                               "65536",
                               "2147483648",
                               "4294967295",
                               "9223372036854775807",
                               "18446744073709551615",
                               "-9223372036854775808",
                               "1e-300",
                               "1e300",
                               "-0.0",
                               "0.5",
                               "null",
                               "true",
                               "false",
                               "\"\"",
                               "\"data\"",
                               "\"conv\"",
                               "\"relu\"",
                               "\"int16\"",
                               "\"fp32\"",
                               "\"add\"",
                               "\"flatten\"",
                               "\"convolution\"",
                               "[]",
                               "{}",
                               "[1]",
                               "[2, 2]",
                               "[0, 3]",
                               "[1, 2, 3]",
                               "[\"data\", \"conv\"]",
                               "{\"kind\": \"gaussian\", \"value\": 1}",
                               "[[[[]]]]",
                               "{\"a\": {\"b\": []}}"};
const char* const kKeys[] = {"kernel",  "stride", "padding", "groups", "inputs", "channels",
                             "width",   "format", "policy",  "kind",   "layers", "default",
                             "bias_lr", "name",   "type",    "steps",  "power",  "",
                             "a/b",     "~",      "conv",    "weight", "q_min",  "q_max"};

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::size_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  void mutate(Json& json) {
    Json* node = &json;
    while (node->is_structured() && !node->empty() && below(6) != 0) {
      auto at = node->begin();
      std::advance(at, below(node->size()));
      node = &*at;
    }
    const std::uint32_t kind = below(6);
    if (kind == 0 && node->is_object()) {
      (*node)[kKeys[below(std::size(kKeys))]] = value();
    } else if (kind == 1 && node->is_structured() && !node->empty()) {
      auto at = node->begin();
      std::advance(at, below(node->size()));
      node->erase(at);
    } else if (kind == 2 && node->is_array() && !node->empty()) {
      const Json copy = node->at(below(node->size()));  // node->push_back may move what it copies
      node->push_back(copy);
    } else if (kind == 3 && node->is_number_integer()) {
      // modulo 2^64: a number may already be the largest there is
      *node = static_cast<std::int64_t>(node->get<std::uint64_t>() + below(5) - 2);
    } else {
      *node = value();
    }
  }

  void mutate(std::string& text) {
    const std::size_t at = below(text.size());
    const std::uint32_t kind = below(4);
    if (kind == 0) text[at] = static_cast<char>(below(256));
    if (kind == 1) text.erase(at, 1 + below(20));
    if (kind == 2) text.insert(at, text.substr(below(text.size()), 1 + below(30)));
    if (kind == 3) text.insert(at, 1 + below(3), "{}[]\",:0-e"[below(10)]);
  }

 private:
  Json value() { return Json::parse(kValues[below(std::size(kValues))]); }
  std::mt19937 random_;
};

Json valid(std::uint32_t seed) {
  Json json = testing::small_configuration({{"kind", seed % 2 == 0 ? "mnist" : "fashion_mnist"}});
  json["precision"]["layers"] = {{"fc", {{"weight", {{"width", 6}, {"policy", {{"kind", "max"}}}}}}}};
  if (seed % 3 == 0) {
    json["network"]["layers"] = Json::parse(R"([
      {"name": "conv", "type": "convolution", "channels": 6, "kernel": [3, 3], "padding": 1, "groups": 1, "weight_filler": {"kind": "msra"}},
      {"name": "side", "type": "convolution", "channels": 6, "kernel": 1, "inputs": ["data"], "bias": false},
      {"name": "sum", "type": "add", "inputs": ["conv", "side"]},
      {"name": "pool", "type": "average_pool", "kernel": 2, "stride": [2, 1], "padding": [1, 0]},
      {"name": "fc", "type": "fully_connected", "channels": 4},
      {"name": "loss", "type": "softmax_cross_entropy"}])");
  }
  return json;
}

// Returns whether the text was a valid configuration.
bool read(const std::string& text, std::uint32_t seed) {
  try {
    parse_configuration(parse_json(text, "fuzz"), "/nowhere");
    return true;
  } catch (const compiler::InputError& error) {
    EXPECT_FALSE(error.findings().empty());
    for (const compiler::InputFinding& f : error.findings()) {
      EXPECT_FALSE(f.place.empty() || f.found.empty() || f.expected.empty())
          << "seed " << seed << ": " << text << "\n"
          << error.what();
    }
  } catch (const std::exception& error) {
    ADD_FAILURE() << "seed " << seed << ": " << error.what() << "\n" << text;
  }
  return false;
}

TEST(ConfigurationFuzz, MutatedDocumentsNeverCrash) {
  int good = 0, bad = 0;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    Mutator mutator(seed);
    Json json = valid(seed);
    const std::uint32_t count = 1 + mutator.below(3);
    for (std::uint32_t i = 0; i < count; ++i) mutator.mutate(json);
    ++(read(json.dump(), seed) ? good : bad);
  }
  EXPECT_GT(good, 50);  // the mutations are neither all harmless nor all fatal
  EXPECT_GT(bad, 500);
}

TEST(ConfigurationFuzz, MutatedTextNeverCrashes) {
  int good = 0, bad = 0;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    Mutator mutator(seed);
    std::string text = valid(seed).dump(seed % 2 == 0 ? -1 : 1);
    const std::uint32_t count = 1 + mutator.below(3);
    for (std::uint32_t i = 0; i < count; ++i) mutator.mutate(text);
    ++(read(text, seed) ? good : bad);
  }
  EXPECT_GT(good, 5);
  EXPECT_GT(bad, 500);
}

TEST(ConfigurationFuzz, MutatedOverridesNeverCrash) {
  const char* const starts[] = {"/network/layers/0/kernel=3", "/training/seed=3",
                                "/precision/layers/fc/weight/width=4", "/chip/lanes=8", "/network=x.json"};
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    Mutator mutator(seed);
    std::string text = starts[seed % 5];
    mutator.mutate(text);
    try {
      parse_configuration(valid(seed), "/nowhere", {parse_override(text)});
    } catch (const compiler::InputError&) {
    } catch (const std::exception& error) {
      ADD_FAILURE() << "seed " << seed << ": " << text << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace anzan::sim
