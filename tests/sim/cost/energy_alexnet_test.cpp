// The energy of larger networks against the reference: AlexNet on chips, fewer than shipped but each with the
// same share, and ResNet-20.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/sim/cost/energy_case.hpp"

namespace anzan::sim::energy_alexnet_test {
namespace {

TEST(EnergyReference, OfAlexNetOnChips) {
  const testing::EnergyCase c(
      load_configuration(testing::kWorkloads / "systems" / "alexnet_64chips.json",
                         {parse_override("/system/chips=2"), parse_override("/system/topology/sizes=[2, 1]"),
                          parse_override("/training/batch=32")}),
      "alexnet on 2 chips");
  EXPECT_TRUE(c.system->two_steps.has_value());
  c.check(testing::technologies().back());
}

// So many images as there are lanes: each instruction is walked by itself.
TEST(EnergyReference, OfEveryConfigurationOfResNet20) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(testing::kWorkloads / "configs")) {
    const std::string name = entry.path().stem().string();
    if (name.rfind("resnet20", 0) != 0) continue;
    const testing::EnergyCase c(load_configuration(entry.path(), {parse_override("/training/batch=16")}),
                                name);
    c.check(testing::technologies().back());
    ++count;
  }
  EXPECT_GE(count, 5);
}

}  // namespace
}  // namespace anzan::sim::energy_alexnet_test
