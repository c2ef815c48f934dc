// What holds settings and statistics, Verilated: settings store, statistics database, settings optimiser,
// analysis block. SystemC is not to be included here: it quarrels with Verilator's header.
#include "sim/rtl/memories.hpp"

#include <Vsettings_optimiser.h>
#include <Vsettings_store.h>
#include <Vstatistics_database.h>

#include <bitset>
#include <stdexcept>
#include <string>

#include "models/timing.hpp"
#include "sim/rtl/host_words.hpp"
#include "sim/rtl/modules.hpp"
#include "sim/rtl/pins.hpp"

namespace anzan::sim {
namespace {

using models::SlotSettings;
using models::clocked::CounterLine;
using models::clocked::CountingPort;
using models::clocked::Lookup;
using models::clocked::Surroundings;

constexpr auto kFirstStateWord = static_cast<std::size_t>(isa::kSlotSettingsStateFirstWord);

class Store final : public models::clocked::RtlSettingsStore {
 public:
  Store() { pins_.reset(); }

  void look_up(CountingPort port, int slot) override {
    if (port == CountingPort::kTensor) {
      pins_->tensor_re_i = 1;
      set_port(pins_->tensor_addr_i, slot);
    } else {
      pins_->vector_re_i = 1;
      set_port(pins_->vector_addr_i, slot);
    }
  }
  Lookup looked_up(CountingPort port) const override {
    return lookup_of(port == CountingPort::kTensor ? pins_->tensor_rdata_o : pins_->vector_rdata_o);
  }
  void look_up_scalar(int number) override {
    pins_->scalar_re_i = 1;
    set_port(pins_->scalar_addr_i, number);
  }
  std::uint32_t scalar() const override { return pins_->scalar_rdata_o; }
  std::uint32_t seed() const override { return pins_->seed_o; }
  std::uint32_t step() const override { return pins_->step_o; }
  void read_entry(int slot) override {
    pins_->entry_re_i = 1;
    set_port(pins_->entry_addr_i, slot);
  }
  SlotSettings entry() const override {
    EntryWords words;
    for (std::size_t w = 0; w < words.size(); ++w) words[w] = pins_->entry_rdata_o[w];
    return isa::unpack<SlotSettings>(words);
  }
  void write_entry(int slot, const SlotSettings& settings, bool state) override {
    const EntryWords words = isa::pack(settings);
    set_port(pins_->entry_addr_i, slot);
    pins_->entry_we_numbers_i = 1;
    pins_->entry_we_state_i = state;
    pins_->entry_numbers_i = words[0];
    for (std::size_t w = kFirstStateWord; w < words.size(); ++w)
      pins_->entry_state_i[w - kFirstStateWord] = words[w];
  }
  void end_cycle() override {
    if (!(pins_->tensor_re_i || pins_->vector_re_i || pins_->scalar_re_i || pins_->entry_re_i ||
          pins_->entry_we_numbers_i))
      return;
    pins_.tick();
    pins_->tensor_re_i = pins_->vector_re_i = pins_->scalar_re_i = pins_->entry_re_i = 0;
    pins_->entry_we_numbers_i = pins_->entry_we_state_i = 0;
  }

  void load(models::Core& core, int slots) override {
    models::SettingsStore& from = core.settings;
    write_settings(from, {0, slots},
                   [this](std::uint32_t address, std::uint32_t word) { write(address, word); });
    for (int s = 0; s < slots; ++s) from.slot(s) = useless();
    for (int n = 0; n < isa::kScalars; ++n) from.set_scalar(n, kUselessWord);
    from.set_seed(kUselessWord);
    from.set_step(kUselessWord);
  }
  void store(models::Core& core, int slots) override {
    read_slots(core.settings, {0, slots}, [this](std::uint32_t address) { return read(address); });
    for (int n = 0; n < isa::kScalars; ++n)
      core.settings.set_scalar(n, read(kScalarsAddress + static_cast<std::uint32_t>(n)));
    core.settings.set_seed(read(kSeedAddress));
    core.settings.set_step(read(kStepAddress));
  }

 private:
  // What stands in the core's own store meanwhile: no instruction can write with width 0.
  static constexpr std::uint32_t kUselessWord = 0x7fdeadad;
  static SlotSettings useless() {
    SlotSettings slot;
    slot.width = 0;
    slot.q_read = 61;
    slot.q_write = -59;
    return slot;
  }
  void write(std::uint32_t address, std::uint32_t word) {
    pins_->host_we_i = 1;
    set_port(pins_->host_addr_i, address);
    pins_->host_wdata_i = word;
    pins_.tick();
    pins_->host_we_i = 0;
  }
  std::uint32_t read(std::uint32_t address) {
    pins_->host_re_i = 1;
    set_port(pins_->host_addr_i, address);
    pins_.tick();
    pins_->host_re_i = 0;
    return pins_->host_rdata_o;
  }

  RtlPins<Vsettings_store> pins_;
};

class Database final : public models::clocked::RtlStatisticsDatabase {
 public:
  Database() { pins_.reset(); }

  void load(models::Core& core, int slots) override {
    busy_ = 0;
    pins_->req_i = 0;
    pins_->write_i = pins_->give_i = pins_->take_i = 0;
    pins_.reset();
    write_statistics(core.statistics, {0, slots},
                     [this](std::uint32_t address, std::uint32_t word) { write(address, word); });
    for (int s = 0; s < slots; ++s) {
      core.statistics.window(s).histogram.fill(kUselessWord);
      core.statistics.total(s).histogram.fill(kUselessWord);
    }
  }
  void store(models::Core& core, int slots) override {
    read_statistics(core.statistics, {0, slots}, [this](std::uint32_t address) { return read(address); });
  }

  int ask(unsigned ports, const std::array<int, 3>& slots) override {
    std::uint64_t packed = 0;
    for (std::size_t port = 0; port < slots.size(); ++port)
      packed |= static_cast<std::uint64_t>(slots[port]) << (kSlotBits * port);
    set_port(pins_->req_i, ports);
    set_port(pins_->slot_i, packed);
    pins_.settle();
    if (pins_->gnt_o == 0) return -1;
    busy_ = models::kMergeCycles;
    return pins_->gnt_o == 1 ? 0 : pins_->gnt_o == 2 ? 1 : 2;
  }
  void add(CountingPort port, int, int, const CounterLine& counts) override {
    set_counters(pins_->add_i, counts, static_cast<std::size_t>(port));
  }
  void read(int, int) override {}  // it goes by the grant
  CounterLine window() const override { return counters_at(pins_->window_o); }
  void write(int, int, const CounterLine& window) override {
    pins_->write_i = 1;
    set_counters(pins_->window_i, window);
  }
  void take(int, int) override { pins_->take_i = 1; }
  void give(int, int, const CounterLine& counts) override {
    pins_->give_i = 1;
    set_counters(pins_->window_i, counts);
  }
  void end_cycle() override {
    if (busy_ == 0) return;
    --busy_;
    pins_.tick();
    pins_->req_i = 0;
    pins_->write_i = pins_->give_i = pins_->take_i = 0;
    std::memset(&pins_->add_i[0], 0xa5, sizeof pins_->add_i);
    std::memset(&pins_->window_i[0], 0xa5, sizeof pins_->window_i);
  }

 private:
  static constexpr std::uint32_t kUselessWord = 0xdeadadad;
  static constexpr std::size_t kSlotBits = slot_bits(ANZAN_RTL_SLOTS);

  void write(std::uint32_t address, std::uint32_t word) {
    pins_->host_we_i = 1;
    set_port(pins_->host_addr_i, address);
    pins_->host_wdata_i = word;
    pins_.tick();
    pins_->host_we_i = 0;
  }
  std::uint32_t read(std::uint32_t address) {
    pins_->host_re_i = 1;
    set_port(pins_->host_addr_i, address);
    pins_.tick();
    pins_->host_re_i = 0;
    return pins_->host_rdata_o;
  }

  RtlPins<Vstatistics_database> pins_;
  int busy_ = 0;  // cycles of the grant that are left
};

class Optimiser final : public models::clocked::RtlUnit {
 public:
  void restart(const Surroundings& surroundings) override {
    around_ = surroundings;
    line_ = models::kDatabaseLines;
    entry_asked_ = window_asked_ = piece_asked_ = false;
    pins_->start_i = 0;
    pins_.reset();
  }
  void start(const isa::Instruction& instruction) override {
    const std::vector<std::uint32_t> words = isa::encode({instruction});
    std::memcpy(&pins_->instruction_i[0], words.data(), 4 * words.size());
    pins_->start_i = 1;
  }
  Outputs cycle(std::int64_t, bool granted) override {
    answer();
    pins_->gnt_i = granted;
    pins_.settle();
    if (granted) line_ = 0;
    use_database();
    entry_asked_ = pins_->entry_re_o != 0;
    if (entry_asked_) around_.settings->read_entry(pins_->entry_addr_o);
    if (pins_->entry_we_numbers_o != 0) write_entry();
    const Outputs out{pins_->w_we_o != 0, pins_->done_o != 0, false};
    if (out.wrote) std::memcpy(piece(), &pins_->w_piece_o[0], kPieceBytes);
    piece_asked_ = pins_->r_re_o != 0;
    if (piece_asked_) std::memcpy(read_, piece(), kPieceBytes);
    pins_.edge();
    pins_->start_i = 0;
    std::memset(&pins_->instruction_i[0], 0xff, sizeof pins_->instruction_i);
    return {out.wrote, out.done, pins_->req_o != 0};
  }

 private:
  // To what was asked a cycle ago. The entry stays, the window does not.
  void answer() {
    if (entry_asked_) {
      const EntryWords words = isa::pack(around_.settings->entry());
      for (std::size_t w = 0; w < words.size(); ++w) pins_->entry_i[w] = words[w];
    }
    CounterLine window;
    window.fill(0xa5a5a5a5);
    std::memset(&pins_->r_piece_i[0], 0xa5, kPieceBytes);
    if (piece_asked_) std::memcpy(&pins_->r_piece_i[0], read_, kPieceBytes);
    set_counters(pins_->window_i, window_asked_ ? around_.statistics->window() : window);
  }
  void use_database() {
    window_asked_ = false;
    if (line_ == models::kDatabaseLines) return;
    if (pins_->give_o != 0) {
      around_.statistics->give(pins_->slot_o, line_, counters_at(pins_->window_o));
    } else if (pins_->take_o != 0) {
      around_.statistics->take(pins_->slot_o, line_);
      window_asked_ = true;
    } else if (pins_->write_o != 0) {
      around_.statistics->write(pins_->slot_o, line_, counters_at(pins_->window_o));
    } else {
      around_.statistics->read(pins_->slot_o, line_);
      window_asked_ = true;
    }
    ++line_;
  }
  std::uint8_t* piece() {
    const std::int64_t byte =
        pins_->line_o * around_.core->line_bytes() + pins_->number_o * std::int64_t{kPieceBytes};
    if (byte + kPieceBytes > around_.core->lines(isa::Space::kScratchpad) * around_.core->line_bytes())
      throw std::logic_error("RTL: line " + std::to_string(pins_->line_o) +
                             " of the scratchpad does not exist");
    return around_.core->scratchpad() + byte;
  }
  void write_entry() {
    EntryWords words{};
    words[0] = pins_->entry_numbers_o;
    for (std::size_t w = kFirstStateWord; w < words.size(); ++w)
      words[w] = pins_->entry_state_o[w - kFirstStateWord];
    around_.settings->write_entry(pins_->entry_addr_o, isa::unpack<SlotSettings>(words),
                                  pins_->entry_we_state_o != 0);
  }

  Surroundings around_;
  RtlPins<Vsettings_optimiser> pins_;
  int line_ = models::kDatabaseLines;  // of a grant, the next
  bool entry_asked_ = false, window_asked_ = false, piece_asked_ = false;
  static constexpr int kPieceBytes = 4 * models::kCounterMoveWords;
  std::uint8_t read_[kPieceBytes] = {};
};

template <int kLanes>
class Analysis final : public models::clocked::RtlAnalysisBlock {
 public:
  Analysis() { pins_.reset(); }
  void clear() override {
    pins_->valid_i = 0;
    pins_->clear_i = 1;
    pins_.tick();
    pins_->clear_i = 0;
  }
  void count(const models::kernels::AnalysedRow& row) override {
    set_port(pins_->valid_i, row.valid);
    set_port(pins_->zero_i, row.zero);
    set_port(pins_->saturated_high_i, row.saturated_high);
    set_port(pins_->saturated_low_i, row.saturated_low);
    set_port(pins_->underflow_i, row.underflow);
    std::bitset<kBinBits * kLanes> bins;
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      bins |= std::bitset<kBinBits * kLanes>(row.bin[lane]) << (kBinBits * lane);
    const std::bitset<kBinBits * kLanes> word(0xffffffff);
    std::uint32_t words[kBinBits * kLanes / 32 + 1] = {};
    for (std::size_t w = 0; 32 * w < bins.size(); ++w)
      words[w] = static_cast<std::uint32_t>((bins >> (32 * w) & word).to_ulong());
    std::memcpy(&pins_->bin_i, words, sizeof pins_->bin_i);
    pins_.tick();
    pins_->valid_i = 0;
  }
  CounterLine line(int number) override {
    set_port(pins_->line_i, number);
    // The last row is still under way: counts look past it.
    pins_.settle();
    return counters_at(pins_->line_o);
  }

 private:
  static constexpr std::size_t kBinBits = 6;
  static_assert(isa::kHistogramBins == 1 << kBinBits);

  RtlPins<typename RtlModules<kLanes>::AnalysisBlock> pins_;
};

}  // namespace

std::unique_ptr<models::clocked::RtlUnit> make_rtl_settings_optimiser() {
  return std::make_unique<Optimiser>();
}
std::unique_ptr<models::clocked::RtlSettingsStore> make_rtl_settings_store() {
  return std::make_unique<Store>();
}
std::unique_ptr<models::clocked::RtlStatisticsDatabase> make_rtl_statistics_database() {
  return std::make_unique<Database>();
}
std::unique_ptr<models::clocked::RtlAnalysisBlock> make_rtl_analysis_block(int lanes) {
  return make_rtl_block<models::clocked::RtlAnalysisBlock, Analysis>(lanes);
}

}  // namespace anzan::sim
