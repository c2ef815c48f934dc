// A chunk K is three files: K.json, its points; K.sqlite, the rows that its task writes; K.tries, how often
// it was submitted since something came of it. Who works on it Slurm is asked: tasks K of jobs whose working
// directory is this one. So a job is known that was submitted by a process which then died.
#include "sim/sweep/slurm.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "compiler/input/input_error.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/sha256.hpp"
#include "sim/sweep/store_merge.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int kTries = 3;

std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return all + "'";
}

struct Said {
  int status = 0;
  std::string output;  // of both streams
};

Said say_to_shell(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) command += quoted(word) + " ";
  std::FILE* const pipe = ::popen((command + "2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + words.front());
  Said said;
  std::array<char, 4096> some{};
  while (const std::size_t n = std::fread(some.data(), 1, some.size(), pipe))
    said.output.append(some.data(), n);
  said.status = ::pclose(pipe);
  return said;
}

std::string text_of_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Chunk {
  std::string name;
  std::vector<Request> points;
  std::size_t missing = 0;
  int tries = 0;  // since something came of it
  std::optional<fs::file_time_type> merged;
};

class Cluster {
 public:
  Cluster(const SlurmOptions& options, SweepRun& run)
      : options_(options),
        run_(run),
        directory_(run.store().file().string() + ".slurm/" + std::to_string(run.id())) {
    directory_ = fs::absolute(directory_).lexically_normal();
    fs::create_directories(directory_);
    write_script();
    for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) {
      if (entry.path().extension() == ".json") read_chunk(entry.path());
    }
  }

  bool bring(const std::vector<const Request*>& points) {
    fetch();
    add_chunks(points);
    while (true) {
      const std::optional<std::set<std::string>> active = active_tasks();
      const auto idle = [&](const Chunk& chunk) { return active && active->count(chunk.name) == 0; };
      // A clock of files ticks; what was written last may have the time of what was merged before.
      for (Chunk& chunk : chunks_) {
        if (idle(chunk)) chunk.merged.reset();
      }
      fetch();
      std::vector<Chunk*> again;
      bool missing = false;
      for (Chunk& chunk : chunks_) {
        if (chunk.missing == 0) continue;
        if (idle(chunk) && !give_up(chunk)) again.push_back(&chunk);
        missing = missing || chunk.missing > 0;
      }
      if (!missing) break;
      submit(again);
      if (!wait()) return false;
    }
    fs::remove_all(directory_);
    std::error_code none;
    fs::remove(directory_.parent_path(), none);  // if it is empty
    return true;
  }

 private:
  void write_script() const {
    const std::string program = fs::read_symlink("/proc/self/exe").string();
    write_file_atomically(
        directory_ / "task.sh",
        fmt::format("#!/bin/sh\n# A task of `anzan sweep --slurm`.\nexec {} sweep {} --points "
                    "{}/$SLURM_ARRAY_TASK_ID.json "
                    "--store {}/$SLURM_ARRAY_TASK_ID.sqlite --workers {} --quiet\n",
                    quoted(program), quoted(fs::absolute(options_.sweep).string()),
                    quoted(directory_.string()), quoted(directory_.string()), options_.workers));
  }

  void read_chunk(const fs::path& file) {
    Chunk chunk;
    chunk.name = file.stem().string();
    for (const Json& task : Json::parse(text_of_file(file))) chunk.points.push_back(request_of(task));
    std::istringstream(text_of_file(file_of(chunk, ".tries"))) >> chunk.tries;
    count_missing(chunk);
    chunks_.push_back(std::move(chunk));
  }

  fs::path file_of(const Chunk& chunk, const char* ending) const {
    return directory_ / (chunk.name + ending);
  }

  void count_missing(Chunk& chunk) const {
    chunk.missing = static_cast<std::size_t>(std::count_if(
        chunk.points.begin(), chunk.points.end(), [&](const Request& point) { return !run_.has(point); }));
  }

  // Those that no chunk has, in chunks of one size.
  void add_chunks(const std::vector<const Request*>& points) {
    std::set<std::pair<Levels, std::int64_t>> there;
    for (const Chunk& chunk : chunks_)
      for (const Request& point : chunk.points) there.insert({point.levels, point.steps});
    std::vector<const Request*> left;
    for (const Request* const point : points) {
      if (there.count({point->levels, point->steps}) == 0) left.push_back(point);
    }
    std::size_t number = 0;  // of the last chunk
    for (const Chunk& chunk : chunks_) number = std::max(number, std::stoul(chunk.name));
    const std::size_t count = std::min(left.size(), static_cast<std::size_t>(options_.tasks));
    for (std::size_t i = 0; i < count; ++i) {
      Chunk chunk;
      chunk.name = std::to_string(++number);
      Json tasks = Json::array();
      for (std::size_t p = left.size() * i / count; p < left.size() * (i + 1) / count; ++p) {
        chunk.points.push_back(*left[p]);
        tasks.push_back(json_of(*left[p]));
      }
      write_file_atomically(file_of(chunk, ".json"), tasks.dump());
      chunk.missing = chunk.points.size();
      chunks_.push_back(std::move(chunk));
    }
  }

  // Rows that have come since the last time.
  void fetch() {
    for (Chunk& chunk : chunks_) {
      const fs::path store = file_of(chunk, ".sqlite");
      std::error_code none;
      const fs::file_time_type written = fs::last_write_time(store, none);
      if (none || chunk.missing == 0 || written == chunk.merged) continue;
      try {
        merge_store(run_.store().file(), store);
      } catch (const compiler::InputError&) {
        continue;  // it is being made
      }
      chunk.merged = written;
      const std::size_t before = chunk.missing;
      count_missing(chunk);
      if (chunk.missing < before) chunk.tries = 0;
      run_.advance(static_cast<std::int64_t>(before - chunk.missing));
    }
  }

  // Chunks that Slurm has not done with: those that wait, run, end, or come back from a node that was lost.
  // None where it does not answer, and is asked again.
  std::optional<std::set<std::string>> active_tasks() const {
    const Said said = say_to_shell({"squeue", "--noheader", "--array", "--me", "--format", "%K %Z"});
    if (said.status != 0) {
      const auto submitted = [&](const Chunk& chunk) { return fs::exists(file_of(chunk, ".tries")); };
      if (std::none_of(chunks_.begin(), chunks_.end(), submitted))
        throw std::runtime_error("squeue: " + said.output);
      return std::nullopt;
    }
    std::set<std::string> active;
    std::istringstream lines(said.output);
    for (std::string chunk, place; lines >> chunk && std::getline(lines >> std::ws, place);) {
      if (place == directory_.string()) active.insert(chunk);
    }
    return active;
  }

  // What nothing comes of.
  bool give_up(Chunk& chunk) {
    if (chunk.tries < kTries) return false;
    std::vector<const Request*> lost;
    for (const Request& point : chunk.points) {
      if (!run_.has(point)) lost.push_back(&point);
    }
    std::string why = text_of_file(file_of(chunk, ".log"));
    constexpr std::size_t kMost = 500;
    if (why.size() > kMost) why = "…" + why.substr(why.size() - kMost);
    run_.fail(lost, fmt::format("{} tasks of Slurm have not brought it; the last one said: {}", kTries,
                                why.empty() ? "nothing" : why));
    chunk.missing = 0;
    run_.advance(static_cast<std::int64_t>(lost.size()));
    return true;
  }

  void submit(const std::vector<Chunk*>& chunks) {
    constexpr std::size_t kMostTasks = 500;  // of a command line
    for (std::size_t first = 0; first < chunks.size(); first += kMostTasks) {
      std::vector<std::string> names;
      const std::size_t end = std::min(chunks.size(), first + kMostTasks);
      for (std::size_t c = first; c < end; ++c) names.push_back(chunks[c]->name);
      std::vector<std::string> words{"sbatch",
                                     "--parsable",
                                     "--requeue",
                                     "--job-name",
                                     "anzan-" + run_.sweep().name,
                                     "--partition",
                                     options_.partition,
                                     "--array",
                                     fmt::format("{}", fmt::join(names, ",")),
                                     "--cpus-per-task",
                                     std::to_string(options_.workers),
                                     "--open-mode",
                                     "append",
                                     "--output",
                                     (directory_ / "%a.log").string(),
                                     "--chdir",
                                     directory_.string()};
      if (!options_.time.empty()) words.insert(words.end(), {"--time", options_.time});
      if (!options_.memory.empty()) words.insert(words.end(), {"--mem", options_.memory});
      words.push_back((directory_ / "task.sh").string());
      const Said said = say_to_shell(words);
      const std::string job = said.output.substr(0, said.output.find_first_of(";\n"));
      if (said.status != 0 || job.empty() || job.find_first_not_of("0123456789") != std::string::npos)
        throw std::runtime_error("sbatch: " + said.output);
      for (std::size_t c = first; c < end; ++c) {
        write_file_atomically(file_of(*chunks[c], ".tries"), fmt::format("{}\n", ++chunks[c]->tries));
      }
    }
  }

  bool wait() const {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(options_.poll_seconds);
    while (std::chrono::steady_clock::now() < until) {
      if (run_.stopped()) return false;
      run_.advance(0);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return !run_.stopped();
  }

  const SlurmOptions& options_;
  SweepRun& run_;
  fs::path directory_;
  std::vector<Chunk> chunks_;
};

}  // namespace

Elsewhere on_slurm(SlurmOptions options) {
  return [options = std::move(options)](SweepRun& run, const std::vector<const Request*>& points) {
    return Cluster(options, run).bring(points);
  };
}

}  // namespace anzan::sim
