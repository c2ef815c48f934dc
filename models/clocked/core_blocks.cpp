// Creates the blocks, each as RTL if it is there and otherwise as a model, and joins them.
#include "models/clocked/core_blocks.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

#include "models/clocked/counted_values.hpp"
#include "models/clocked/counting_unit.hpp"
#include "models/clocked/dma.hpp"
#include "models/clocked/model_faces.hpp"
#include "models/clocked/network_unit.hpp"
#include "models/clocked/optimiser_values.hpp"
#include "models/clocked/rtl_database.hpp"
#include "models/clocked/rtl_unit.hpp"
#include "models/clocked/settings_unit.hpp"

namespace anzan::models::clocked {

const CoreParameters& checked(const CoreParameters& p) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(std::string("clocked core: ") + what);
  };
  require(std::find(isa::kLanes.begin(), isa::kLanes.end(), p.lanes) != isa::kLanes.end(),
          "lanes must be one of isa::kLanes");
  require(p.clock_period_fs > 0, "the clock's period must be above zero");
  require(p.queue_depth > 0, "queue_depth must be above zero");
  require(p.dma_outstanding > 0, "dma_outstanding must be above zero");
  return p;
}

// What stands beside the units where some blocks are RTL.
struct CoreBlocks::RtlParts {
  RtlParts(const Clock& clock, RtlBlocks blocks, const std::string& prefix)
      : rtl(std::move(blocks)),
        pins((prefix + "pins").c_str(), clock),
        tensor_values(clock, pins, CountingPort::kTensor, rtl.tensor_analysis.get()),
        vector_values(clock, pins, CountingPort::kVector, rtl.vector_analysis.get()),
        optimiser_values(clock, pins) {
    if (rtl.settings_store) pins.at_end([this] { rtl.settings_store->end_cycle(); });
    if (rtl.statistics_database)
      database = std::make_unique<RtlDatabaseShell>((prefix + "statistics_database").c_str(), clock, pins,
                                                    *rtl.statistics_database);
  }

  // A shell of the unit, if it is RTL.
  std::unique_ptr<TimedUnit> shell(const char* name, const Clock& clock, RtlUnit* unit, int port) {
    if (unit == nullptr) return nullptr;
    auto made = std::make_unique<RtlUnitShell>(name, clock, pins, *unit, port);
    shells.push_back(made.get());
    return made;
  }

  void begin(const isa::Program& program, MeaningOnCore& meaning, Hbm& hbm) {
    Core& core = meaning.core();
    if (rtl.settings_store) rtl.settings_store->load(core, rtl.slots);
    if (rtl.statistics_database) rtl.statistics_database->load(core, rtl.slots);
    settings.restart(core);
    statistics.restart(core);
    around = {&core, &hbm, &settings, &statistics};
    if (rtl.settings_store) around.settings = rtl.settings_store.get();
    if (rtl.statistics_database) around.statistics = rtl.statistics_database.get();
    pins.restart();
    if (database) database->restart();
    for (RtlUnitShell* unit : shells) unit->restart(program, around);
    tensor_values.restart(program, around, meaning);
    vector_values.restart(program, around, meaning);
    optimiser_values.restart(around, meaning);
  }
  void end(Core& core) {
    if (rtl.settings_store) rtl.settings_store->store(core, rtl.slots);
    if (rtl.statistics_database) rtl.statistics_database->store(core, rtl.slots);
  }

  RtlBlocks rtl;
  PinCycles pins;
  ModelSettings settings;
  ModelStatistics statistics;
  Surroundings around;
  std::vector<RtlUnitShell*> shells;
  CountedValues tensor_values, vector_values;
  OptimiserValues optimiser_values;
  std::unique_ptr<RtlDatabaseShell> database;
};

CoreBlocks::CoreBlocks(const Clock& clock, const CoreParameters& parameters, RtlBlocks rtl,
                       const Place& place, unsigned creation_order)
    : clock_(clock), parameters_(parameters), place_(place) {
  if (rtl.any()) parts_ = std::make_unique<RtlParts>(clock, std::move(rtl), full_name(""));
  create(creation_order);
  join();
  if (place_.interconnect != nullptr) place_.interconnect->attach(*sequencer_);
}

CoreBlocks::~CoreBlocks() = default;

std::string CoreBlocks::full_name(const char* block) const {
  return place_.cores == 1 ? block : "core" + std::to_string(place_.number) + "_" + block;
}

// The kernel evaluates the processes of a cycle in the order of their creation, so another order is a test of
// the promise that it does not matter.
void CoreBlocks::create(unsigned creation_order) {
  std::array steps{&CoreBlocks::create_sequencer, &CoreBlocks::create_dma,      &CoreBlocks::create_tensor,
                   &CoreBlocks::create_vector,    &CoreBlocks::create_settings, &CoreBlocks::create_network,
                   &CoreBlocks::create_database,  &CoreBlocks::create_hbm};
  if (creation_order != 0) std::shuffle(steps.begin(), steps.end(), std::mt19937(creation_order));
  for (const auto step : steps) (this->*step)();
}

void CoreBlocks::create_sequencer() {
  sequencer_ = std::make_unique<Sequencer>(full_name("sequencer").c_str(), clock_, parameters_.queue_depth);
}

// Each unit as RTL, if there is one, or else its model.
void CoreBlocks::create_dma() {
  if (parts_ != nullptr) dma_ = parts_->shell(full_name("dma").c_str(), clock_, parts_->rtl.dma.get(), -1);
  if (dma_ != nullptr) return;
  auto model =
      std::make_unique<Dma>(full_name("dma").c_str(), clock_, parameters_.dma_outstanding, parameters_.lanes);
  joins_.push_back([this, unit = model.get()] { unit->memory.bind(hbm_->socket); });
  immediate_.push_back(model.get());
  dma_ = std::move(model);
}

void CoreBlocks::create_counting(std::unique_ptr<TimedUnit>& unit, const char* block, int port) {
  if (parts_ != nullptr)
    unit = parts_->shell(full_name(block).c_str(), clock_,
                         (port == 0 ? parts_->rtl.tensor_unit : parts_->rtl.vector_unit).get(), port);
  if (unit != nullptr) return;
  auto model = std::make_unique<CountingUnit>(full_name(block).c_str(), clock_, port);
  joins_.push_back([this, made = model.get()] { made->database(database_face()); });
  if (parts_ == nullptr)
    immediate_.push_back(model.get());
  else
    model->set_values(port == 0 ? &parts_->tensor_values : &parts_->vector_values);
  unit = std::move(model);
}

void CoreBlocks::create_settings() {
  constexpr int kPort = 2;
  if (parts_ != nullptr)
    settings_ = parts_->shell(full_name("settings_unit").c_str(), clock_,
                              parts_->rtl.settings_optimiser.get(), kPort);
  if (settings_ != nullptr) return;
  auto model = std::make_unique<SettingsUnit>(full_name("settings_unit").c_str(), clock_, kPort);
  joins_.push_back([this, made = model.get()] { made->database(database_face()); });
  if (parts_ == nullptr)
    immediate_.push_back(model.get());
  else
    model->set_values(&parts_->optimiser_values);
  settings_ = std::move(model);
}

void CoreBlocks::create_network() {
  if (parts_ != nullptr)
    network_ = parts_->shell(full_name("network_unit").c_str(), clock_, parts_->rtl.network_unit.get(), -1);
  if (network_ != nullptr) return;
  network_ = std::make_unique<NetworkUnit>(full_name("network_unit").c_str(), clock_, place_.number,
                                           place_.interconnect);
  immediate_.push_back(network_.get());
}

void CoreBlocks::create_database() {
  if (parts_ != nullptr && parts_->database) return;
  database_ = std::make_unique<StatisticsDatabasePort>(full_name("statistics_database").c_str(), clock_);
}

void CoreBlocks::create_hbm() {
  hbm_ = std::make_unique<HbmTarget>(full_name("hbm").c_str(), clock_, parameters_.hbm, parameters_.lanes);
}

DatabaseFace& CoreBlocks::database_face() {
  if (database_ != nullptr) return *database_;
  return *parts_->database;
}

// In the order of isa::Unit.
isa::PerWorker<TimedUnit*> CoreBlocks::units() const {
  return {dma_.get(), tensor_.get(), vector_.get(), settings_.get(), network_.get()};
}

void CoreBlocks::join() {
  for (std::size_t u = 0; u < isa::kWorkers; ++u) {
    sequencer_->units[static_cast<unsigned>(u)](*units()[u]);
    units()[u]->sequencer(*sequencer_);
  }
  for (const auto& step : joins_) step();
  if (parts_ == nullptr) return;
  for (RtlUnitShell* unit : parts_->shells) unit->database(database_face());
}

void CoreBlocks::begin(const isa::Program& program, Meaning* meaning) {
  if (parts_ != nullptr) throw std::logic_error("clocked core: RTL blocks work on values");
  values_ = meaning != nullptr ? std::make_unique<ImmediateValues>(*meaning) : nullptr;
  begin_blocks(program, values_.get());
}

void CoreBlocks::begin(const isa::Program& program, MeaningOnCore& meaning) {
  if (parts_ == nullptr) return begin(program, static_cast<Meaning*>(&meaning));
  values_ = std::make_unique<ImmediateValues>(meaning);
  core_ = &meaning.core();
  parts_->begin(program, meaning, hbm_->memory());
  begin_blocks(program, values_.get());
}

void CoreBlocks::begin_blocks(const isa::Program& program, UnitValues* values) {
  for (TimedUnit* unit : immediate_) unit->set_values(values);
  jobs_ = jobs_of(program, parameters_.lanes, place_.number, place_.cores);
  hbm_->restart();
  if (database_ != nullptr) database_->restart();
  sequencer_->begin(jobs_);
}

ProgramTiming CoreBlocks::finish() {
  struct End {  // also of a program that fails: the host finds its settings
    CoreBlocks& blocks;
    ~End() {
      if (blocks.parts_ != nullptr) blocks.parts_->end(*blocks.core_);
    }
  } end{*this};
  if (sequencer_->failure()) std::rethrow_exception(sequencer_->failure());
  if (parts_ != nullptr && parts_->pins.failure()) std::rethrow_exception(parts_->pins.failure());
  if (!sequencer_->ended()) {
    isa::ProgramError::Place place;
    place.instruction = sequencer_->first_waiting();
    place.field = "wait";
    const std::string of_core = place_.cores == 1 ? "" : " in core " + std::to_string(place_.number);
    throw isa::ProgramError(place, "a semaphore that stays zero" + of_core,
                            "semaphores that other instructions raise");
  }
  ProgramTiming timing;
  timing.cycles = sequencer_->cycles();
  timing.instructions = sequencer_->instructions();
  timing.arrivals = sequencer_->arrivals();
  timing.hbm = hbm_->counters(timing.cycles);
  timing.database_wait_cycles =
      database_ != nullptr ? database_->wait_cycles() : parts_->database->wait_cycles();
  return timing;
}

void CoreBlocks::log(BlockLog* log) {
  hbm_->memory().log_requests(log == nullptr ? nullptr : &log->requests);
  if (database_ != nullptr) database_->log_grants(log == nullptr ? nullptr : &log->grants);
}

void CoreBlocks::trace(sc_core::sc_trace_file* file) const {
  sequencer_->trace(file);
  for (const TimedUnit* unit : units()) unit->trace(file);
  if (database_ != nullptr) database_->trace(file);
}

}  // namespace anzan::models::clocked
