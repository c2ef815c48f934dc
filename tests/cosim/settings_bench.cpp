// A word of the host is a cycle at its port.
#include "tests/cosim/settings_bench.hpp"

#include <stdexcept>

#include "isa/program.hpp"

namespace anzan::cosim {
void SettingsBench::write_store(std::uint32_t address, std::uint32_t word) {
  rtl_->store_we_i = 1;
  rtl_->store_addr_i = address;
  rtl_->store_wdata_i = word;
  rtl_.cycle();
  rtl_->store_we_i = 0;
}

std::uint32_t SettingsBench::read_store(std::uint32_t address) {
  rtl_->store_re_i = 1;
  rtl_->store_addr_i = address;
  rtl_.cycle();
  rtl_->store_re_i = 0;
  return rtl_->store_rdata_o;
}

void SettingsBench::write_entry(int slot, const EntryWords& words) {
  for (std::size_t w = 0; w < words.size(); ++w) write_store(sim::entry_address(slot, w), words[w]);
}

EntryWords SettingsBench::read_entry(int slot) {
  EntryWords words;
  for (std::size_t w = 0; w < words.size(); ++w) words[w] = read_store(sim::entry_address(slot, w));
  return words;
}

void SettingsBench::write_counters(int slot, Set set, const CounterWords& words) {
  rtl_->database_we_i = 1;
  for (std::size_t c = 0; c < words.size(); ++c) {
    rtl_->database_addr_i = counter_address(slot, set, c);
    rtl_->database_wdata_i = words[c];
    rtl_.cycle();
  }
  rtl_->database_we_i = 0;
}

CounterWords SettingsBench::read_counters(int slot, Set set) {
  CounterWords words;
  rtl_->database_re_i = 1;
  for (std::size_t c = 0; c < words.size(); ++c) {
    rtl_->database_addr_i = counter_address(slot, set, c);
    rtl_.cycle();
    words[c] = rtl_->database_rdata_o;
  }
  rtl_->database_re_i = 0;
  return words;
}

void SettingsBench::present(const isa::Instruction& instruction) {
  const std::vector<std::uint32_t> words = isa::encode({instruction});
  rtl_->start_i = 1;
  for (std::size_t w = 0; w < words.size(); ++w) rtl_->instruction_i[w] = words[w];
}

void SettingsBench::present_counts(int port, const CounterWords& words, int line) {
  constexpr auto kWords = static_cast<std::size_t>(isa::kCountersPerLine);
  for (std::size_t w = 0; w < kWords; ++w)
    rtl_->add_i[static_cast<std::size_t>(port) * kWords + w] =
        words[static_cast<std::size_t>(line) * kWords + w];
}

// The scratchpad, as far as counters go: what is read is there in the next cycle only.
void SettingsBench::move_pieces() {
  constexpr int kWords = 4;
  for (int w = 0; w < kWords; ++w)
    rtl_->r_piece_i[w] = asked_ < 0 ? 0xa5a5a5a5U : moved_.at(static_cast<std::size_t>(kWords * asked_ + w));
  rtl_->eval();
  asked_ = rtl_->r_re_o != 0 ? rtl_->number_o : -1;
  if (rtl_->r_re_o == 0 && rtl_->w_we_o == 0) return;
  moved_line_ = rtl_->line_o;
  for (int w = 0; w < kWords && rtl_->w_we_o != 0; ++w)
    moved_.at(static_cast<std::size_t>(kWords * rtl_->number_o + w)) = rtl_->w_piece_o[w];
}

int SettingsBench::run(const isa::Instruction& instruction) {
  present(instruction);
  for (int cycle = 0; cycle < 1000; ++cycle) {
    move_pieces();
    const bool done = rtl_->done_o != 0;
    rtl_.cycle();
    rtl_->start_i = 0;
    for (std::size_t w = 0; w < 5; ++w) rtl_->instruction_i[w] = 0xdeadbeef;  // valid in S only
    if (done) return cycle;
  }
  throw std::runtime_error("the settings unit does not end");
}

isa::Instruction update_of(int slot) {
  isa::Update update;
  update.slot = static_cast<decltype(update.slot)>(slot);
  return update;
}
isa::Instruction settle_of(int slot) {
  isa::Settle settle;
  settle.slot = static_cast<decltype(settle.slot)>(slot);
  return settle;
}
isa::Instruction take_of(int slot, std::uint32_t line) {
  return isa::Take{0, 0, static_cast<std::uint16_t>(slot), line};
}
isa::Instruction give_of(int slot, std::uint32_t line) {
  return isa::Give{0, 0, static_cast<std::uint16_t>(slot), line};
}

}  // namespace anzan::cosim
