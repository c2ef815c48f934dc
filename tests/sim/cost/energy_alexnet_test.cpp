// The energy of the shipped system of chips against the reference; fewer chips, each with the same share.
#include <gtest/gtest.h>

#include "tests/sim/cost/energy_case.hpp"

namespace anzan::sim {
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

}  // namespace
}  // namespace anzan::sim
