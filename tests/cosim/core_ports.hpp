// What stands at the ports of a compute core: HBM, program memory, and somebody who writes down what the
// units do.
#pragma once
#include <deque>
#include <stdexcept>
#include <vector>

#include "isa/program.hpp"
#include "models/core.hpp"
#include "models/hbm.hpp"
#include "models/program_timing.hpp"
#include "tests/cosim/wide_port.hpp"

namespace anzan::cosim {

// models::Hbm for time, the HBM of a core for values. Responses come in order, one a cycle.
class HbmPort {
 public:
  HbmPort(const models::HbmParameters& parameters, int lanes, std::int64_t clock_period_fs)
      : hbm_(parameters, lanes, clock_period_fs), line_bytes_(4 * static_cast<std::size_t>(lanes)) {}

  void restart(models::Core& core) {
    hbm_.reset();
    flights_.clear();
    next_id_ = 0;
    core_ = &core;
  }
  bool can_accept(std::int64_t cycle, std::int64_t line) { return hbm_.can_accept(cycle, line); }

  template <class Module>
  void request(const Module& rtl, std::int64_t cycle) {
    const std::int64_t line = rtl.req_line_o;
    hbm_.present(cycle, line, rtl.req_write_o, next_id_);
    flights_.push_back({next_id_++, line, static_cast<bool>(rtl.req_write_o)});
    if (rtl.req_write_o) write_line(bytes(line), rtl.req_be_o, rtl.req_wdata_o);
  }

  template <class Module>
  void respond(Module& rtl, std::int64_t cycle) {
    for (const models::HbmCompletion& completion : hbm_.collect(cycle))
      flights_.at(static_cast<std::size_t>(completion.id - flights_.front().id)).arrived = true;
    rtl.rsp_valid_i = !flights_.empty() && flights_.front().arrived;
    if (!rtl.rsp_valid_i) return;
    if (!flights_.front().write) set_bytes(rtl.rsp_rdata_i, bytes(flights_.front().line), line_bytes_);
    flights_.pop_front();
  }

 private:
  struct Flight {
    std::int64_t id, line;
    bool write, arrived = false;
  };
  std::uint8_t* bytes(std::int64_t line) {
    return core_->hbm() + static_cast<std::size_t>(line) * line_bytes_;
  }

  models::Hbm hbm_;
  std::size_t line_bytes_;
  models::Core* core_ = nullptr;
  std::deque<Flight> flights_;
  std::int64_t next_id_ = 0;
};

// Each instruction begins at a line of its own; lines after the last are zeros, for a core that reads ahead.
class ProgramMemory {
 public:
  explicit ProgramMemory(int lanes) : lanes_(static_cast<std::size_t>(lanes)) {}
  void load(const isa::Program& program) {
    words_.clear();
    for (const isa::Instruction& instruction : program) {
      const std::vector<std::uint32_t> words = isa::encode({instruction});
      words_.insert(words_.end(), words.begin(), words.end());
      while (words_.size() % lanes_ != 0) words_.push_back(0);
    }
    words_.resize(words_.size() + 64 * lanes_);
  }
  const std::uint32_t* line(std::size_t number) const { return &words_.at(number * lanes_); }

 private:
  std::size_t lanes_;
  std::vector<std::uint32_t> words_;
};

// Issue, start and end of every instruction as the core's outputs say. `worked` is taken to be `ended`: the
// last write is not at a port.
class UnitLog {
 public:
  void begin(const isa::Program& program) {
    timing_.assign(program.size(), {-1, -1, -1, -1});
    units_.clear();
    for (const isa::Instruction& instruction : program) units_.push_back(isa::unit(instruction));
    for (auto& queue : queued_) queue.clear();
    issued_ = 0;
  }
  const std::vector<models::InstructionTiming>& instructions() const { return timing_; }

  template <class Module>
  void note(const Module& rtl, std::int64_t cycle) {
    for (std::size_t u = 0; u < kUnits; ++u) {
      if ((rtl.done_o >> u & 1) != 0) {
        timing_.at(running_[u]).ended = timing_.at(running_[u]).worked = cycle;
      }
      if ((rtl.start_o >> u & 1) != 0) {
        running_[u] = queued_[u].at(0);
        queued_[u].pop_front();
        timing_.at(running_[u]).started = cycle;
      }
      if ((rtl.issue_o >> u & 1) != 0) {
        if (static_cast<std::size_t>(units_.at(issued_)) != u + 1)
          throw std::runtime_error("compute core: an instruction went to the wrong unit");
        queued_[u].push_back(issued_);
        timing_.at(issued_++).issued = cycle;
      }
    }
  }

 private:
  static constexpr std::size_t kUnits = 5;
  std::vector<models::InstructionTiming> timing_;
  std::vector<isa::Unit> units_;
  std::size_t issued_ = 0, running_[kUnits] = {};
  std::deque<std::size_t> queued_[kUnits];
};

}  // namespace anzan::cosim
