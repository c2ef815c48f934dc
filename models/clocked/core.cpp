// Builds the blocks, joins them, and runs programs until nothing is left to happen.
#include "models/clocked/core.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <systemc>
#include <utility>

#include "models/clocked/counted_values.hpp"
#include "models/clocked/counting_unit.hpp"
#include "models/clocked/dma.hpp"
#include "models/clocked/hbm_target.hpp"
#include "models/clocked/kernel.hpp"
#include "models/clocked/model_faces.hpp"
#include "models/clocked/network_unit.hpp"
#include "models/clocked/optimiser_values.hpp"
#include "models/clocked/rtl_database.hpp"
#include "models/clocked/rtl_unit.hpp"
#include "models/clocked/sequencer.hpp"
#include "models/clocked/settings_unit.hpp"
#include "models/clocked/statistics_database.hpp"

namespace anzan::models::clocked {
namespace {

void check(const CoreParameters& p) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(std::string("clocked core: ") + what);
  };
  require(std::find(isa::kLanes.begin(), isa::kLanes.end(), p.lanes) != isa::kLanes.end(),
          "lanes must be one of isa::kLanes");
  require(p.clock_period_fs > 0, "the clock's period must be above zero");
  require(p.queue_depth > 0, "queue_depth must be above zero");
  require(p.dma_outstanding > 0, "dma_outstanding must be above zero");
}

}  // namespace

// What stands beside the units where some blocks are RTL.
struct ClockedCore::RtlParts {
  RtlParts(const Clock& clock, RtlBlocks blocks)
      : rtl(std::move(blocks)),
        pins("pins", clock),
        tensor_values(clock, pins, CountingPort::kTensor, rtl.tensor_analysis.get()),
        vector_values(clock, pins, CountingPort::kVector, rtl.vector_analysis.get()),
        optimiser_values(clock, pins) {
    if (rtl.settings_store) pins.at_end([this] { rtl.settings_store->end_cycle(); });
    if (rtl.statistics_database)
      database =
          std::make_unique<RtlDatabaseShell>("statistics_database", clock, pins, *rtl.statistics_database);
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

struct ClockedCore::Blocks {
  Blocks(const CoreParameters& p, RtlBlocks rtl) : parameters(p), clock(p.clock_period_fs) {
    if (rtl.any()) parts = std::make_unique<RtlParts>(clock, std::move(rtl));
    create();
    join();
  }
  ~Blocks() {
    kernel.select();
    if (waveform != nullptr) sc_core::sc_close_vcd_trace_file(waveform);
  }

  void create() {
    std::vector<std::function<void()>> steps{
        [&] { sequencer = std::make_unique<Sequencer>("sequencer", clock, parameters.queue_depth); },
        [&] { create_dma(); },
        [&] { create_counting(tensor, "tensor_unit", 0); },
        [&] { create_counting(vector, "vector_unit", 1); },
        [&] { create_settings(); },
        [&] { create_network(); },
        [&] {
          if (parts == nullptr || !parts->database)
            database = std::make_unique<StatisticsDatabasePort>("statistics_database", clock);
        },
        [&] { hbm = std::make_unique<HbmTarget>("hbm", clock, parameters.hbm, parameters.lanes); }};
    if (parameters.creation_order != 0) {
      std::mt19937 generator(parameters.creation_order);
      std::shuffle(steps.begin(), steps.end(), generator);
    }
    for (const auto& step : steps) step();
  }

  // Each unit as RTL, if there is one, or else its model.
  void create_dma() {
    if (parts != nullptr) dma = parts->shell("dma", clock, parts->rtl.dma.get(), -1);
    if (dma != nullptr) return;
    auto model = std::make_unique<Dma>("dma", clock, parameters.dma_outstanding, parameters.lanes);
    joins.push_back([this, unit = model.get()] { unit->memory.bind(hbm->socket); });
    immediate.push_back(model.get());
    dma = std::move(model);
  }
  void create_counting(std::unique_ptr<TimedUnit>& unit, const char* name, int port) {
    if (parts != nullptr)
      unit = parts->shell(name, clock, (port == 0 ? parts->rtl.tensor_unit : parts->rtl.vector_unit).get(),
                          port);
    if (unit != nullptr) return;
    auto model = std::make_unique<CountingUnit>(name, clock, port);
    joins.push_back([this, made = model.get()] { made->database(database_face()); });
    if (parts == nullptr)
      immediate.push_back(model.get());
    else
      model->set_values(port == 0 ? &parts->tensor_values : &parts->vector_values);
    unit = std::move(model);
  }
  void create_settings() {
    constexpr int kPort = 2;
    if (parts != nullptr)
      settings = parts->shell("settings_unit", clock, parts->rtl.settings_optimiser.get(), kPort);
    if (settings != nullptr) return;
    auto model = std::make_unique<SettingsUnit>("settings_unit", clock, kPort);
    joins.push_back([this, made = model.get()] { made->database(database_face()); });
    if (parts == nullptr)
      immediate.push_back(model.get());
    else
      model->set_values(&parts->optimiser_values);
    settings = std::move(model);
  }
  void create_network() {
    if (parts != nullptr) network = parts->shell("network_unit", clock, parts->rtl.network_unit.get(), -1);
    if (network != nullptr) return;
    network = std::make_unique<NetworkUnit>("network_unit", clock);
    immediate.push_back(network.get());
  }
  DatabaseFace& database_face() {
    if (database != nullptr) return *database;
    return *parts->database;
  }

  // In the order of isa::Unit.
  std::array<TimedUnit*, Sequencer::kUnits> units() const {
    return {dma.get(), tensor.get(), vector.get(), settings.get(), network.get()};
  }
  void join() {
    for (std::size_t u = 0; u < Sequencer::kUnits; ++u) {
      sequencer->units[static_cast<unsigned>(u)](*units()[u]);
      units()[u]->sequencer(*sequencer);
    }
    for (const auto& step : joins) step();
    if (parts == nullptr) return;
    for (RtlUnitShell* unit : parts->shells) unit->database(database_face());
  }

  void set_immediate(UnitValues* values) {
    for (TimedUnit* unit : immediate) unit->set_values(values);
  }

  Kernel kernel;  // first: all that follows lives in it
  CoreParameters parameters;
  Clock clock;
  std::unique_ptr<RtlParts> parts;  // null: all are models
  std::unique_ptr<Sequencer> sequencer;
  std::unique_ptr<TimedUnit> dma, tensor, vector, settings, network;
  std::unique_ptr<StatisticsDatabasePort> database;  // null: RTL
  std::unique_ptr<HbmTarget> hbm;
  std::vector<TimedUnit*> immediate;  // models whose values need no port
  std::vector<std::function<void()>> joins;
  sc_core::sc_trace_file* waveform = nullptr;
};

ClockedCore::ClockedCore(const CoreParameters& parameters) : ClockedCore(parameters, RtlBlocks{}) {}

ClockedCore::ClockedCore(const CoreParameters& parameters, RtlBlocks rtl)
    : blocks_((check(parameters), std::make_unique<Blocks>(parameters, std::move(rtl)))) {}

ClockedCore::~ClockedCore() = default;

void ClockedCore::trace(const std::string& file) {
  Blocks& b = *blocks_;
  b.kernel.select();
  b.waveform = sc_core::sc_create_vcd_trace_file(file.c_str());
  b.waveform->set_time_unit(1, sc_core::SC_PS);
  b.sequencer->trace(b.waveform);
  for (const TimedUnit* unit : b.units()) unit->trace(b.waveform);
  if (b.database != nullptr) b.database->trace(b.waveform);
}

ProgramTiming ClockedCore::run(const isa::Program& program, Meaning* meaning) {
  Blocks& b = *blocks_;
  if (b.parts != nullptr) throw std::logic_error("clocked core: RTL blocks work on values");
  std::optional<ImmediateValues> values;
  if (meaning != nullptr) values.emplace(*meaning);
  b.set_immediate(values ? &*values : nullptr);
  return run_blocks(program);
}

ProgramTiming ClockedCore::run(const isa::Program& program, MeaningOnCore& meaning) {
  Blocks& b = *blocks_;
  if (b.parts == nullptr) return run(program, static_cast<Meaning*>(&meaning));
  ImmediateValues values(meaning);
  b.kernel.select();
  b.set_immediate(&values);
  b.parts->begin(program, meaning, b.hbm->memory());
  struct End {  // also of a program that fails: the host finds its settings
    RtlParts& parts;
    Core& core;
    ~End() { parts.end(core); }
  } end{*b.parts, meaning.core()};
  return run_blocks(program);
}

ProgramTiming ClockedCore::run_blocks(const isa::Program& program) {
  Blocks& b = *blocks_;
  const std::vector<Job> jobs = jobs_of(program, b.parameters.lanes);
  b.kernel.select();
  b.clock.restart();
  b.hbm->restart();
  if (b.database != nullptr) b.database->restart();
  b.sequencer->begin(jobs);
  sc_core::sc_start();
  if (b.sequencer->failure()) std::rethrow_exception(b.sequencer->failure());
  if (b.parts != nullptr && b.parts->pins.failure()) std::rethrow_exception(b.parts->pins.failure());
  if (!b.sequencer->ended()) {
    isa::ProgramError::Place place;
    place.instruction = b.sequencer->first_waiting();
    place.field = "wait";
    throw isa::ProgramError(place, "a semaphore that stays zero", "semaphores that other instructions raise");
  }
  ProgramTiming timing;
  timing.cycles = b.sequencer->cycles();
  timing.instructions = b.sequencer->instructions();
  timing.hbm = b.hbm->counters(timing.cycles);
  timing.database_wait_cycles =
      b.database != nullptr ? b.database->wait_cycles() : b.parts->database->wait_cycles();
  return timing;
}

}  // namespace anzan::models::clocked

// The kernel's library asks for it; here programs have a main of their own and run the kernel by sc_start.
int sc_main(int, char**) { return 1; }
