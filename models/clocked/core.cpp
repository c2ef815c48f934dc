// Builds the blocks, joins them, and runs programs until nothing is left to happen.
#include "models/clocked/core.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>
#include <systemc>

#include "models/clocked/counting_unit.hpp"
#include "models/clocked/dma.hpp"
#include "models/clocked/hbm_target.hpp"
#include "models/clocked/kernel.hpp"
#include "models/clocked/network_unit.hpp"
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

struct ClockedCore::Blocks {
  explicit Blocks(const CoreParameters& p) : parameters(p), clock(p.clock_period_fs) {
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
        [&] { dma = std::make_unique<Dma>("dma", clock, parameters.dma_outstanding, parameters.lanes); },
        [&] { tensor = std::make_unique<CountingUnit>("tensor_unit", clock, 0); },
        [&] { vector = std::make_unique<CountingUnit>("vector_unit", clock, 1); },
        [&] { settings = std::make_unique<SettingsUnit>("settings_unit", clock, 2); },
        [&] { network = std::make_unique<NetworkUnit>("network_unit", clock); },
        [&] { database = std::make_unique<StatisticsDatabasePort>("statistics_database", clock); },
        [&] { hbm = std::make_unique<HbmTarget>("hbm", clock, parameters.hbm, parameters.lanes); }};
    if (parameters.creation_order != 0) {
      std::mt19937 generator(parameters.creation_order);
      std::shuffle(steps.begin(), steps.end(), generator);
    }
    for (const auto& step : steps) step();
  }

  void join() {
    // in the order of isa::Unit
    const std::array<TimedUnit*, Sequencer::kUnits> units{dma.get(), tensor.get(), vector.get(),
                                                          settings.get(), network.get()};
    for (std::size_t u = 0; u < units.size(); ++u) {
      sequencer->units[static_cast<unsigned>(u)](*units[u]);
      units[u]->sequencer(*sequencer);
    }
    tensor->database(*database);
    vector->database(*database);
    settings->database(*database);
    dma->memory.bind(hbm->socket);
  }

  Kernel kernel;  // first: all that follows lives in it
  CoreParameters parameters;
  Clock clock;
  std::unique_ptr<Sequencer> sequencer;
  std::unique_ptr<Dma> dma;
  std::unique_ptr<CountingUnit> tensor, vector;
  std::unique_ptr<SettingsUnit> settings;
  std::unique_ptr<NetworkUnit> network;
  std::unique_ptr<StatisticsDatabasePort> database;
  std::unique_ptr<HbmTarget> hbm;
  sc_core::sc_trace_file* waveform = nullptr;
};

ClockedCore::ClockedCore(const CoreParameters& parameters)
    : blocks_((check(parameters), std::make_unique<Blocks>(parameters))) {}

ClockedCore::~ClockedCore() = default;

void ClockedCore::trace(const std::string& file) {
  Blocks& b = *blocks_;
  b.kernel.select();
  b.waveform = sc_core::sc_create_vcd_trace_file(file.c_str());
  b.waveform->set_time_unit(1, sc_core::SC_PS);
  b.sequencer->trace(b.waveform);
  for (const TimedUnit* unit :
       {static_cast<TimedUnit*>(b.dma.get()), static_cast<TimedUnit*>(b.tensor.get()),
        static_cast<TimedUnit*>(b.vector.get()), static_cast<TimedUnit*>(b.settings.get()),
        static_cast<TimedUnit*>(b.network.get())})
    unit->trace(b.waveform);
  b.database->trace(b.waveform);
}

ProgramTiming ClockedCore::run(const isa::Program& program, Meaning* meaning) {
  Blocks& b = *blocks_;
  const std::vector<Job> jobs = jobs_of(program, b.parameters.lanes);
  b.kernel.select();
  b.clock.restart();
  b.hbm->restart();
  b.database->restart();
  b.sequencer->begin(jobs, meaning);
  sc_core::sc_start();
  if (b.sequencer->failure()) std::rethrow_exception(b.sequencer->failure());
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
  timing.database_wait_cycles = b.database->wait_cycles();
  return timing;
}

}  // namespace anzan::models::clocked

// The kernel's library asks for it; here programs have a main of their own and run the kernel by sc_start.
int sc_main(int, char**) { return 1; }
