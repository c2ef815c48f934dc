// Nothing that the clock has said remains: a case is the same whenever it is made.
#include "tests/fuzz/stock.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "sim/host/sha256.hpp"
#include "tests/fuzz/process.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::fuzz {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kSum = 64;  // hexadecimal digits

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void call(const std::vector<std::string>& arguments, const fs::path& directory) {
  const Outcome outcome = watch(Where::kHere, arguments, directory, "", {600, 600, 600});
  if (outcome.status != 0) throw std::runtime_error("no run to begin with: " + outcome.errors);
}

std::string without_times(const std::string& bytes) {
  Checkpoint parts = parts_of_checkpoint(bytes);
  Json header = Json::parse(parts.blocks.at(1));
  for (const char* key : {"wall_seconds", "training_seconds"}) header.at(key) = 1.0;
  parts.blocks[1] = header.dump();
  return bytes_of(parts);
}

Run make(const fs::path& directory, const Json& change) {
  Draw draw(1);
  Run run;
  run.configuration = sim::testing::small_configuration(dataset());
  run.configuration["training"]["iterations"] = 2;
  run.configuration["training"]["test_interval"] = 1;
  run.configuration.merge_patch(change);
  run.data = data_files(draw, run.configuration);
  fs::create_directories(directory);
  for (const auto& [name, content] : run.data) sim::testing::write_file(directory / name, content);
  sim::testing::write_file(directory / "c.json", run.configuration.dump());
  call({"run", "c.json", "--out", "out", "--threads", "1"}, directory);
  call({"compile", "c.json", "--out", "programs"}, directory);
  run.effective = read(directory / "out" / "config.json");
  // Its data set stands where the configuration does, in each case.
  Json effective = Json::parse(run.effective);
  effective["dataset"].update(dataset());
  run.effective = effective.dump(1);
  run.checkpoint = without_times(read(directory / "out" / "checkpoint.bin"));
  run.programs = read(directory / "programs");
  return run;
}

}  // namespace

std::vector<Run> make_stock(const fs::path& directory) {
  return {make(directory / "int8", Json::object()),
          make(directory / "cores", {{"precision", {{"preset", "int8_master16"}}},
                                     {"chip", {{"lanes", 4}, {"cores", 2}}},
                                     {"training", {{"batch", 8}}}})};
}

Checkpoint parts_of_checkpoint(const std::string& bytes) {
  Checkpoint parts;
  std::size_t at = bytes.find('\n') + 1;
  parts.heading = bytes.substr(0, at);
  while (at + 8 + kSum <= bytes.size()) {
    std::size_t size = 0;
    for (std::size_t k = 8; k-- > 0;) size = size << 8U | static_cast<unsigned char>(bytes[at + k]);
    parts.blocks.push_back(bytes.substr(at + 8, size));
    at += 8 + size;
  }
  return parts;
}

std::string bytes_of(const Checkpoint& checkpoint) {
  std::string bytes = checkpoint.heading;
  for (const std::string& block : checkpoint.blocks) {
    for (std::size_t k = 0; k < 8; ++k) bytes += static_cast<char>((block.size() >> (8 * k)) & 0xffU);
    bytes += block;
  }
  return with_sum(bytes + std::string(kSum, '0'));
}

std::string with_sum(const std::string& bytes) {
  const std::string content = bytes.substr(0, bytes.size() - std::min(bytes.size(), kSum));
  return content + sim::Sha256::of(content.data(), content.size());
}

}  // namespace anzan::fuzz
