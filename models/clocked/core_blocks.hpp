// All blocks of one core in their places. Which kernel they live in, and what joins several cores, others
// say.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "models/clocked/core.hpp"
#include "models/clocked/hbm_target.hpp"
#include "models/clocked/interconnect.hpp"
#include "models/clocked/sequencer.hpp"
#include "models/clocked/statistics_database.hpp"
#include "models/clocked/timed_unit.hpp"

namespace anzan::models::clocked {

// The parameters. Throws std::invalid_argument where they are out of range.
const CoreParameters& checked(const CoreParameters& parameters);

class CoreBlocks {
 public:
  // Where a core stands among others; by default it is alone.
  struct Place {
    int number = 0, cores = 1;
    Interconnect* interconnect = nullptr;
  };
  // `creation_order`: as of ClockedCore.
  CoreBlocks(const Clock& clock, const CoreParameters& parameters, RtlBlocks rtl, const Place& place,
             unsigned creation_order = 0);
  ~CoreBlocks();

  // A program begins in this cycle; `meaning`, if there is one, says what becomes of values. With RTL blocks
  // there must be one, which names the core that they work on.
  void begin(const isa::Program& program, Meaning* meaning);
  void begin(const isa::Program& program, MeaningOnCore& meaning);
  // After the simulation has come to rest. Throws what a block has thrown, and isa::ProgramError where the
  // program has not ended.
  ProgramTiming finish();

  void watch(Watch watch) { sequencer_->watch(watch); }

  bool has_rtl() const { return parts_ != nullptr; }
  void trace(sc_core::sc_trace_file* file) const;
  void log(BlockLog* log);

 private:
  struct RtlParts;
  void create(unsigned creation_order);
  void create_sequencer();
  void create_dma();
  void create_tensor() { create_counting(tensor_, "tensor_unit", 0); }
  void create_vector() { create_counting(vector_, "vector_unit", 1); }
  void create_counting(std::unique_ptr<TimedUnit>& unit, const char* block, int port);
  void create_settings();
  void create_network();
  void create_database();
  void create_hbm();
  std::string full_name(const char* block) const;  // among those of other cores
  DatabaseFace& database_face();
  isa::PerWorker<TimedUnit*> units() const;
  void join();
  void begin_blocks(const isa::Program& program, UnitValues* values);

  const Clock& clock_;
  CoreParameters parameters_;
  Place place_;
  std::unique_ptr<RtlParts> parts_;  // null: all are models
  std::unique_ptr<Sequencer> sequencer_;
  std::unique_ptr<TimedUnit> dma_, tensor_, vector_, settings_, network_;
  std::unique_ptr<StatisticsDatabasePort> database_;  // null: RTL
  std::unique_ptr<HbmTarget> hbm_;
  std::vector<TimedUnit*> immediate_;  // models whose values need no port
  std::vector<std::function<void()>> joins_;
  std::vector<Job> jobs_;
  std::unique_ptr<ImmediateValues> values_;
  Core* core_ = nullptr;  // of the program that runs, with RTL
};

}  // namespace anzan::models::clocked
