// The precision block: presets, and the order in which its levels override each other.
#include "sim/configuration/precision_settings.hpp"

#include <gmock/gmock.h>

#include "sim/configuration/configuration.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::precision_settings_test {
namespace {

using compiler::TensorClass;
using Json = nlohmann::json;

Json valid() {
  return testing::small_configuration({{"kind", "idx"},
                                       {"train_images", "a"},
                                       {"train_labels", "b"},
                                       {"test_images", "c"},
                                       {"test_labels", "d"}});
}

Configuration parse(const Json& json, const std::vector<std::string>& sets = {}) {
  std::vector<Override> overrides;
  for (const std::string& set : sets) overrides.push_back(parse_override(set));
  return parse_configuration(json, "/data", overrides);
}

const models::SlotSettings& slot(const Configuration& c, TensorClass kind, const char* layer = "") {
  return c.precision.of(kind, layer).slot;
}

TEST(PrecisionSettings, PresetsAreWhatTheySay) {
  using isa::Format;
  const auto load = [](const char* preset) {
    return parse(valid(), {std::string("/precision/preset=") + preset}).precision;
  };
  const auto fp32 = load("fp32"), int16 = load("int16"), int8 = load("int8"), m16 = load("int8_master16"),
             m32 = load("int8_master32");
  for (int c = 0; c < compiler::kTensorClasses; ++c) {
    const auto kind = static_cast<TensorClass>(c);
    if (kind == TensorClass::kLoss) {  // nothing reads it but reports
      for (const auto* preset : {&fp32, &int16, &int8, &m16, &m32})
        EXPECT_EQ(preset->of(kind, "").format, Format::kFp32);
      continue;
    }
    if (kind == TensorClass::kFirstMoment || kind == TensorClass::kSecondMoment) {  // as Adam needs them
      const auto first = kind == TensorClass::kFirstMoment ? Format::kInt16 : Format::kFp32;
      for (const auto* preset : {&int16, &int8, &m16}) EXPECT_EQ(preset->of(kind, "").format, first);
      for (const auto* preset : {&fp32, &m32}) EXPECT_EQ(preset->of(kind, "").format, Format::kFp32);
      continue;
    }
    EXPECT_EQ(fp32.of(kind, "").format, Format::kFp32);
    EXPECT_EQ(int16.of(kind, "").format, Format::kInt16);
    EXPECT_EQ(int16.of(kind, "").slot.width, 16);
    EXPECT_EQ(int8.of(kind, "").format, Format::kInt8);
    EXPECT_EQ(int8.of(kind, "").slot.width, 8);
    const bool wide =
        kind == TensorClass::kMasterWeight || kind == TensorClass::kMomentum || kind == TensorClass::kBias;
    EXPECT_EQ(m16.of(kind, "").format, wide ? Format::kInt16 : Format::kInt8);
    EXPECT_EQ(m32.of(kind, "").format, wide ? Format::kFp32 : Format::kInt8);
  }
  EXPECT_FALSE(int8.separate_master);
  EXPECT_TRUE(m16.separate_master);
  EXPECT_TRUE(m32.separate_master);
}

TEST(PrecisionSettings, PrecisionLevelsOverrideInOrder) {
  Json json = valid();
  json["precision"] = Json::parse(
      R"({"preset": "int8", "default": {"policy": {"kind": "static", "guard": 2}}, "weight": {"policy": {"guard": 1}, "format": "int16"},
      "activation": {"width": 6}, "layers": {"fc": {"default": {"policy": {"kind": "step", "r_max": 0.5}}, "weight": {"width": 12}}}})");
  const Configuration c = parse(json);
  EXPECT_EQ(slot(c, TensorClass::kMomentum).policy, isa::Policy::kStatic);
  EXPECT_EQ(slot(c, TensorClass::kMomentum).guard, 2);
  EXPECT_EQ(slot(c, TensorClass::kWeight).policy, isa::Policy::kStatic);
  EXPECT_EQ(slot(c, TensorClass::kWeight).guard, 1);
  EXPECT_EQ(slot(c, TensorClass::kWeight).width, 16);  // a format without width takes the format's
  EXPECT_EQ(slot(c, TensorClass::kActivation).width, 6);
  EXPECT_EQ(c.precision.of(TensorClass::kActivation, "conv").format, isa::Format::kInt8);
  EXPECT_EQ(slot(c, TensorClass::kWeight, "fc").policy, isa::Policy::kStep);
  EXPECT_EQ(slot(c, TensorClass::kWeight, "fc").guard, 1);
  EXPECT_EQ(slot(c, TensorClass::kWeight, "fc").width, 12);
  EXPECT_EQ(slot(c, TensorClass::kWeight, "fc").r_max, 0x80000000U);
  EXPECT_EQ(slot(c, TensorClass::kActivation, "fc").width, 6);
  EXPECT_EQ(slot(c, TensorClass::kActivation, "fc").policy, isa::Policy::kStep);
}

TEST(PrecisionSettings, RMaxIsARate) {
  EXPECT_EQ(slot(parse(valid(), {"/precision/weight/policy/r_max=1"}), TensorClass::kWeight).r_max,
            0xffffffffU);
  EXPECT_EQ(slot(parse(valid(), {"/precision/weight/policy/r_max=0"}), TensorClass::kWeight).r_max, 0U);
  EXPECT_EQ(slot(parse(valid(), {"/precision/weight/policy/r_max=1e-4"}), TensorClass::kWeight).r_max,
            429497U);
}

}  // namespace
}  // namespace anzan::sim::precision_settings_test
