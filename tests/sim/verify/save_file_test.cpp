// The save file of GTKWave speaks of signals that the core has. Whether a waveform has them under these names
// is for scripts/waves.py, as builds with waveforms are slow.
#include "sim/verify/save_file.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

namespace anzan::sim::save_file_test {
namespace {

TEST(SaveFile, NamesSignalsOfTheCore) {
  std::ifstream file(ANZAN_SOURCE_DIR "/rtl/compute_core.sv");
  const std::string core{std::istreambuf_iterator<char>(file), {}};
  std::istringstream lines(save_file("seed_1.fst"));
  const std::string top = "TOP.compute_core.";
  int signals = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(top, 0) != 0) continue;
    ++signals;
    const std::string name = line.substr(top.size(), line.find('[') - top.size());
    const bool is_vector = line.find('[') != std::string::npos;
    const std::regex declared("logic *" + std::string(is_vector ? "\\[[^;]*" : "[^\\[;]*") + "\\b" + name +
                              "\\b");
    EXPECT_TRUE(std::regex_search(core, declared)) << line;
  }
  EXPECT_GT(signals, 20);
  EXPECT_THAT(save_file("seed_1.fst"), ::testing::HasSubstr("[dumpfile] \"seed_1.fst\""));
}

}  // namespace
}  // namespace anzan::sim::save_file_test
