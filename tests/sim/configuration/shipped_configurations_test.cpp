// Every configuration of workloads/ can be read, and is what its name says.
#include <gtest/gtest.h>

#include <filesystem>

#include "sim/configuration/configuration.hpp"

namespace anzan::sim::shipped_configurations_test {
namespace {

TEST(ShippedConfigurations, AllParse) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ANZAN_SOURCE_DIR "/workloads/configs")) {
    const Configuration c = load_configuration(entry.path());
    ++count;
    const std::string name =
        c.network.name + "_" + c.dataset.kind + "_" + c.effective["precision"]["preset"].get<std::string>();
    EXPECT_EQ(entry.path().stem().string(), name);
  }
  EXPECT_GE(count, 10);
  for (const auto& entry : std::filesystem::directory_iterator(ANZAN_SOURCE_DIR "/workloads/systems"))
    EXPECT_GT(load_configuration(entry.path()).system.cores(), 1) << entry.path();
}

}  // namespace
}  // namespace anzan::sim::shipped_configurations_test
