// Nothing that the clock has said remains: a case is the same whenever it is made.
#include "tests/fuzz/stock.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
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

// A sweep that has ended. What the clock and the machine have said stands in rows.
StoredSweep make_sweep(const fs::path& directory, const Run& run, const Json& change) {
  StoredSweep sweep;
  sweep.file = {
      {"base", run.configuration},
      {"figures",
       {{"edp", "seconds_per_step * joules_per_step"}, {"compute", "/time/units/tensor/busy/compute"}}},
      {"objectives", {{{"figure", "/time/seconds_per_step"}}, {{"figure", "/energy/joules_per_step"}}}}};
  sweep.file.update(change);
  sweep.data = run.data;
  fs::create_directories(directory);
  for (const auto& [name, content] : run.data) sim::testing::write_file(directory / name, content);
  sim::testing::write_file(directory / "s.json", sweep.file.dump());
  call({"sweep", "s.json", "--store", "s.sqlite", "--workers", "1"}, directory);
  sweep.store =
      changed_store(read(directory / "s.sqlite"),
                    "UPDATE point SET wall_seconds = 1, cpu_seconds = 1, host = 'here', finished = 1; "
                    "UPDATE sweep SET begun = 1; VACUUM");
  return sweep;
}

struct Closing {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};

}  // namespace

Stock make_stock(const fs::path& directory) {
  Stock stock;
  stock.runs = {make(directory / "int8", Json::object()),
                make(directory / "cores", {{"precision", {{"preset", "int8_master16"}}},
                                           {"chip", {{"lanes", 4}, {"cores", 2}}},
                                           {"training", {{"batch", 8}}}})};
  const Json clocks{{"pointer", "/chip/clock_ghz"}, {"values", {0.5, 1}}},
      depths{{"pointer", "/chip/queue_depth"}, {"values", {2, 4, 8}}},
      seeds{{"pointer", "/training/seed"}, {"values", {1, 2}}};
  stock.sweeps = {
      make_sweep(directory / "grid", stock.runs[0],
                 {{"axes", {clocks, depths}}, {"sampler", {{"kind", "grid"}}}}),
      make_sweep(
          directory / "halving", stock.runs[0],
          {{"measure", "training"},
           {"axes", {seeds, clocks}},
           {"sampler", {{"kind", "halving"}, {"points", 2}, {"rungs", {1, 2}}, {"reduction_factor", 2}}}})};
  return stock;
}

std::string changed_store(std::string bytes, const std::string& sql) {
  // A database in memory has no log, and must not say that it has one.
  constexpr std::size_t kFormat = 18;
  const std::string format = bytes.substr(kFormat, 2);
  bytes.replace(kFormat, 2, "\x01\x01");
  sqlite3* handle = nullptr;
  sqlite3_open(":memory:", &handle);
  const std::unique_ptr<sqlite3, Closing> database(handle);
  auto* const memory = static_cast<unsigned char*>(sqlite3_malloc64(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), memory);
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  const bool done =
      sqlite3_deserialize(handle, "main", memory, size, size,
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK &&
      sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  if (!done) throw std::runtime_error("cannot do to a store: " + sql + ": " + sqlite3_errmsg(handle));
  sqlite3_int64 length = 0;
  const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> content(
      sqlite3_serialize(handle, "main", &length, 0), sqlite3_free);
  std::string changed(reinterpret_cast<const char*>(content.get()), static_cast<std::size_t>(length));
  changed.replace(kFormat, 2, format);
  return changed;
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
