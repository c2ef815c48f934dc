// The ports of the Verilated cores, cycle by cycle. SystemC is not to be included here: it quarrels with
// Verilator's header.
#include "sim/rtl/core.hpp"

#ifdef ANZAN_RTL_LANES_4
#include <Vcompute_core_4.h>
#include <Vcompute_core_4___024root.h>
#endif
#ifdef ANZAN_RTL_LANES_16
#include <Vcompute_core_16.h>
#include <Vcompute_core_16___024root.h>
#endif
#ifdef ANZAN_RTL_WAVES
#include <verilated_fst_c.h>
#endif
#ifdef ANZAN_RTL_COVERAGE
#include <verilated_cov.h>

#include <cstdlib>
#include <string>
#endif

#include <bitset>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "sim/rtl/host_words.hpp"
#include "sim/rtl/pins.hpp"
#include "sim/rtl/ports.hpp"

namespace anzan::sim {
namespace {

template <class Module, int kLanes>
class VerilatedCore final : public RtlCore {
 public:
  VerilatedCore(const models::clocked::CoreParameters& parameters, int power_up_seed)
      : context_(powered_up(power_up_seed)),
        rtl_(entered(*context_)),
        memory_time_(parameters.hbm, kLanes, parameters.clock_period_fs),
        hbm_(memory_time_, kLanes),
        memory_(kLanes) {
    rtl_.begin_i = 0;
    rtl_.core_i = 0;
    rtl_.arrival_valid_i = 0;
    rtl_.req_ready_i = 0;
    rtl_.rsp_valid_i = 0;
    rtl_.store_re_i = 0;
    rtl_.store_we_i = 0;
    rtl_.database_re_i = 0;
    rtl_.database_we_i = 0;
    rtl_.rst_ni = 0;
    tick();
    rtl_.rst_ni = 1;
  }
  ~VerilatedCore() override {
    entered(*context_);
    rtl_.final();
    close_wave();
    write_coverage();
  }

  void wave([[maybe_unused]] const std::string& file) override {
#ifdef ANZAN_RTL_WAVES
    constexpr int kAllLevels = 99;
    context_->traceEverOn(true);
    wave_ = std::make_unique<VerilatedFstC>();
    rtl_.trace(wave_.get(), kAllLevels);
    wave_->open(file.c_str());
    if (!wave_->isOpen()) throw std::system_error(errno, std::generic_category(), file);
#else
    RtlCore::wave(file);
#endif
  }

  void log(models::BlockLog* log) override {
    log_blocks_ = log;
    memory_time_.log_requests(log == nullptr ? nullptr : &log->requests);
  }

  std::vector<std::vector<std::uint32_t>> state() override {
    const auto& r = *rtl_.rootp;
    std::vector<std::vector<std::uint32_t>> rows(1 + ANZAN_RTL_SLOTS);
    const auto& scalars = r.compute_core__DOT__u_settings_store__DOT__scalar_mem;
    for (std::size_t n = 0; n < isa::kScalars; ++n) rows[0].push_back(scalars[n]);
    rows[0].push_back(r.compute_core__DOT__seed);
    rows[0].push_back(r.compute_core__DOT__step);
    // By the names that Verilator gives to what `generate` has made.
#define ANZAN_ENTRY(w) &r.compute_core__DOT__u_settings_store__DOT__gen_word__BRA__##w##__KET____DOT__word_mem
#define ANZAN_COUNTERS(w, set) \
  &r.compute_core__DOT__u_statistics_database__DOT__gen_word__BRA__##w##__KET____DOT__##set##_mem
#define ANZAN_BOTH(w) ANZAN_COUNTERS(w, window), ANZAN_COUNTERS(w, total)
    const auto* const numbers = &r.compute_core__DOT__u_settings_store__DOT__numbers_mem;
    const auto entries = {numbers,        ANZAN_ENTRY(1), ANZAN_ENTRY(2), ANZAN_ENTRY(3), ANZAN_ENTRY(4),
                          ANZAN_ENTRY(5), ANZAN_ENTRY(6), ANZAN_ENTRY(7), ANZAN_ENTRY(8), ANZAN_ENTRY(9)};
    const auto counters = {ANZAN_BOTH(0), ANZAN_BOTH(1), ANZAN_BOTH(2), ANZAN_BOTH(3),
                           ANZAN_BOTH(4), ANZAN_BOTH(5), ANZAN_BOTH(6), ANZAN_BOTH(7)};
#undef ANZAN_BOTH
#undef ANZAN_COUNTERS
#undef ANZAN_ENTRY
    static_assert(isa::kSlotSettingsWords == 10 && isa::kCountersPerLine == 8);
    constexpr std::size_t kLines = isa::kStatisticsLines;
    for (std::size_t s = 0; s < ANZAN_RTL_SLOTS; ++s) {
      rows[1 + s].reserve(entries.size() + counters.size() * kLines);
      for (const auto* memory : entries) rows[1 + s].push_back((*memory)[s]);
      for (const auto* memory : counters)
        for (std::size_t line = 0; line < kLines; ++line) rows[1 + s].push_back((*memory)[s * kLines + line]);
    }
    return rows;
  }

  void load(const models::Core& core, SlotRange slots) override {
    write_settings(core.settings, slots,
                   [this](std::uint32_t address, std::uint32_t word) { write_setting(address, word); });
    write_statistics(core.statistics, slots,
                     [this](std::uint32_t address, std::uint32_t word) { write_counter(address, word); });
    for (std::int64_t line = 0; line < core.lines(isa::Space::kScratchpad); ++line)
      std::memcpy(scratchpad_line(line), core.scratchpad() + line * core.line_bytes(), kLineBytes);
  }

  void store(models::Core& core, SlotRange slots) override {
    read_slots(core.settings, slots, [this](std::uint32_t address) { return read_setting(address); });
    read_statistics(core.statistics, slots, [this](std::uint32_t address) { return read_counter(address); });
    for (std::int64_t line = 0; line < core.lines(isa::Space::kScratchpad); ++line)
      std::memcpy(core.scratchpad() + line * core.line_bytes(), scratchpad_line(line), kLineBytes);
  }

  void begin(const isa::Program& program, models::Core& core) override {
    memory_.load(program);
    hbm_.restart(core);
    log_.begin(program);
    ended_ = 0;
    rtl_.rsp_valid_i = 0;
    rtl_.begin_i = 1;
    tick();
    rtl_.begin_i = 0;
  }

  // Outputs depend on req_ready_i within the cycle, which depends on them in turn.
  bool cycle(std::int64_t number) override {
    const HbmPort::Response response = hbm_.respond(number);
    rtl_.rsp_valid_i = response.valid;
    if (response.data != nullptr) std::memcpy(&rtl_.rsp_rdata_i[0], response.data, kLineBytes);
    rtl_.clk_i = 0;
    rtl_.eval();
    const bool ready = rtl_.req_valid_o && hbm_.can_accept(number, rtl_.req_line_o);
    if (ready != static_cast<bool>(rtl_.req_ready_i)) {
      rtl_.req_ready_i = ready;
      rtl_.eval();
    }
    if (ready) request(number);
    log_.note(number, rtl_.issue_o, rtl_.start_o, rtl_.done_o);
    ended_ += static_cast<std::int64_t>(std::bitset<32>(rtl_.done_o).count());
    note_sent();
    if (log_blocks_ != nullptr) note_blocks(number);
    const bool done = rtl_.program_done_o;
    const bool read = rtl_.pmem_re_o;
    const std::size_t address = rtl_.pmem_addr_o;
    dump();
    rtl_.clk_i = 1;
    rtl_.eval();
    dump();
    if (read) std::memcpy(&rtl_.pmem_rdata_i[0], memory_.line(address), kLineBytes);
    rtl_.arrival_valid_i = 0;
    return done;
  }

  void set_number(int number) override { set_port(rtl_.core_i, number); }

  void arrive(const PutRow& row) override {
    rtl_.arrival_valid_i = 1;
    rtl_.arrival_last_i = row.last;
    rtl_.arrival_semaphores_i = row.semaphores;
    rtl_.arrival_line_i = row.line;
    set_port(rtl_.arrival_be_i, row.byte_enables);
    std::memcpy(&rtl_.arrival_wdata_i[0], row.words.data(), kLineBytes);
  }

  const PutRow* sent() const override { return sends_ ? &sent_ : nullptr; }

  std::int64_t ended() const override { return ended_; }

  models::ProgramTiming timing(std::int64_t last) override {
    models::ProgramTiming timing;
    timing.cycles = last + 1;
    timing.instructions = log_.instructions();
    timing.hbm = hbm_.counters(timing.cycles);
    return timing;
  }

 private:
  static constexpr std::size_t kLineBytes = 4 * kLanes;

  static std::unique_ptr<VerilatedContext> powered_up(int seed) {
    auto context = std::make_unique<VerilatedContext>();
    context->randReset(seed == 0 ? 0 : 2);
    context->randSeed(seed);
    return context;
  }

  // What was covered since power-up, if the RTL is built to count it: DIRECTORY/SEED.dat.
  void write_coverage() {
#ifdef ANZAN_RTL_COVERAGE
    const char* const directory = std::getenv("ANZAN_RTL_COVERAGE_DIRECTORY");
    const std::string file = std::string(directory == nullptr ? "." : directory) + "/" +
                             std::to_string(context_->randSeed()) + ".dat";
    context_->coveragep()->write(file.c_str());
#endif
  }

  void close_wave() {
#ifdef ANZAN_RTL_WAVES
    if (wave_ != nullptr) wave_->close();
#endif
  }
  // Half a cycle is a unit of time in the waveform.
  void dump() {
#ifdef ANZAN_RTL_WAVES
    if (wave_ != nullptr) wave_->dump(half_cycles_++);
#endif
  }

  // A cycle between programs: nothing goes on.
  void tick() {
    rtl_.clk_i = 0;
    rtl_.eval();
    if (rtl_.rst_ni && (rtl_.req_valid_o || rtl_.pmem_re_o || rtl_.program_done_o || rtl_.issue_o != 0 ||
                        rtl_.start_o != 0 || rtl_.done_o != 0 || rtl_.send_valid_o != 0))
      throw std::logic_error("RTL core: works between programs");
    dump();
    rtl_.clk_i = 1;
    rtl_.eval();
    dump();
  }

  void note_sent() {
    sends_ = rtl_.send_valid_o != 0;
    if (!sends_) return;
    sent_ = {rtl_.send_line_o,      rtl_.send_be_o,         {},
             rtl_.send_last_o != 0, rtl_.send_semaphores_o, rtl_.send_core_o};
    std::memcpy(sent_.words.data(), &rtl_.send_wdata_o[0], kLineBytes);
  }

  void note_blocks(std::int64_t number) {
    const auto& r = *rtl_.rootp;
    const int entries[] = {r.compute_core__DOT__tensor_entry, r.compute_core__DOT__vector_entry,
                           r.compute_core__DOT__settings_entry};
    for (int port = 0; port < 3; ++port) {
      if ((r.compute_core__DOT__grant >> port & 1) != 0)
        log_blocks_->grants.push_back({number, port, entries[port]});
    }
    if (r.compute_core__DOT__entry_we_numbers || r.compute_core__DOT__entry_we_state)
      log_blocks_->settings.push_back(
          {number, r.compute_core__DOT__entry_addr, r.compute_core__DOT__entry_we_state != 0});
  }

  void request(std::int64_t number) {
    const std::int64_t line = rtl_.req_line_o;
    if (rtl_.req_write_o) {
      hbm_.write(number, line, rtl_.req_be_o, &rtl_.req_wdata_o[0]);
    } else {
      hbm_.read(number, line);
    }
  }

  void write_setting(std::uint32_t address, std::uint32_t word) {
    rtl_.store_we_i = 1;
    set_port(rtl_.store_addr_i, address);
    rtl_.store_wdata_i = word;
    tick();
    rtl_.store_we_i = 0;
  }
  std::uint32_t read_setting(std::uint32_t address) {
    rtl_.store_re_i = 1;
    set_port(rtl_.store_addr_i, address);
    tick();
    rtl_.store_re_i = 0;
    return rtl_.store_rdata_o;
  }
  void write_counter(std::uint32_t address, std::uint32_t word) {
    rtl_.database_we_i = 1;
    set_port(rtl_.database_addr_i, address);
    rtl_.database_wdata_i = word;
    tick();
    rtl_.database_we_i = 0;
  }
  std::uint32_t read_counter(std::uint32_t address) {
    rtl_.database_re_i = 1;
    set_port(rtl_.database_addr_i, address);
    tick();
    rtl_.database_re_i = 0;
    return rtl_.database_rdata_o;
  }

  // The scratchpad has no port for the host.
  std::uint8_t* scratchpad_line(std::int64_t line) {
    return reinterpret_cast<std::uint8_t*>(
        &rtl_.rootp->compute_core__DOT__u_scratchpad__DOT__line_q[static_cast<std::size_t>(line)]);
  }

  std::unique_ptr<VerilatedContext> context_;
  Module rtl_;
  models::Hbm memory_time_;
  HbmPort hbm_;
  ProgramMemory memory_;
  UnitLog log_;
  std::int64_t ended_ = 0;  // instructions of the program
  models::BlockLog* log_blocks_ = nullptr;
  bool sends_ = false;
  PutRow sent_;
#ifdef ANZAN_RTL_WAVES
  std::unique_ptr<VerilatedFstC> wave_;
  std::uint64_t half_cycles_ = 0;
#endif
};

struct CoreMaker {
  int lanes;
  std::unique_ptr<RtlCore> (*make)(const models::clocked::CoreParameters&, int power_up_seed);
};

template <class Module, int kLanes>
constexpr CoreMaker maker() {
  return {kLanes,
          [](const models::clocked::CoreParameters& parameters, int seed) -> std::unique_ptr<RtlCore> {
            return std::make_unique<VerilatedCore<Module, kLanes>>(parameters, seed);
          }};
}

// The cores that rtl/CMakeLists.txt has Verilated, by their lanes.
constexpr CoreMaker kCoreMakers[] = {
#ifdef ANZAN_RTL_LANES_4
    maker<Vcompute_core_4, 4>(),
#endif
#ifdef ANZAN_RTL_LANES_16
    maker<Vcompute_core_16, 16>(),
#endif
};

const CoreMaker* maker_for(int lanes) {
  for (const CoreMaker& maker : kCoreMakers) {
    if (maker.lanes == lanes) return &maker;
  }
  return nullptr;
}

}  // namespace

void RtlCore::log(models::BlockLog*) {}
std::vector<std::vector<std::uint32_t>> RtlCore::state() { return {}; }
void RtlCore::wave(const std::string&) { throw std::logic_error("RTL core: was built without waveforms"); }

bool rtl_has_waves() {
#ifdef ANZAN_RTL_WAVES
  return true;
#else
  return false;
#endif
}

int rtl_slots() { return ANZAN_RTL_SLOTS; }

bool rtl_has_lanes(int lanes) { return maker_for(lanes) != nullptr; }

std::string rtl_lanes() {
  std::string text;
  for (const CoreMaker& maker : kCoreMakers)
    text += (text.empty() ? "" : " or ") + std::to_string(maker.lanes);
  return text;
}

void check_rtl_fits(const models::Core& core, int lanes) {
  const std::int64_t scratchpad_bytes = core.lines(isa::Space::kScratchpad) * core.line_bytes();
  if (core.lanes() != lanes || scratchpad_bytes > std::int64_t{kRtlScratchpadKib} * 1024 ||
      core.settings.size() > rtl_slots())
    throw std::invalid_argument("RTL engine: another core than the RTL is built for");
}

std::unique_ptr<RtlCore> make_rtl_core(const models::clocked::CoreParameters& parameters, int power_up_seed) {
  if (parameters.queue_depth != kRtlQueueDepth || parameters.dma_outstanding != kRtlDmaOutstanding)
    throw std::invalid_argument("RTL core: is built for other depths of queues or requests under way");
  if (const CoreMaker* maker = maker_for(parameters.lanes)) return maker->make(parameters, power_up_seed);
  throw std::invalid_argument("RTL core: is not built for these lanes");
}

}  // namespace anzan::sim
