// scratchpad: all thirteen ports at once on few lines, against plain bytes.
#include <Vscratchpad_16.h>
#include <Vscratchpad_16___024root.h>
#include <Vscratchpad_4.h>
#include <Vscratchpad_4___024root.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/cosim/verilated.hpp"
#include "tests/cosim/wide_port.hpp"

namespace anzan::cosim::scratchpad_cosim_test {
namespace {

constexpr std::size_t kLines = 12;

template <class Module>
class Bench {
 public:
  Bench() : line_bytes_(bytes_of(rtl_->dma_r_rdata_o).size()), memory_(kLines * line_bytes_) {
    // the test bench's own way in
    for (std::size_t line = 0; line < kLines; ++line) {
      for (std::size_t k = 0; k < line_bytes_; ++k) at(line)[k] = static_cast<std::uint8_t>(random_());
      set_bytes(rtl_->rootp->scratchpad__DOT__line_q[line], at(line), line_bytes_);
    }
  }

  void run(int cycles) {
    for (int n = 0; n < cycles && !::testing::Test::HasFatalFailure(); ++n) cycle();
    for (std::size_t line = 0; line < kLines; ++line)
      ASSERT_EQ(bytes_of(rtl_->rootp->scratchpad__DOT__line_q[line]), line_at(line)) << line;
  }

 private:
  std::uint8_t* at(std::size_t line) { return memory_.data() + line * line_bytes_; }
  std::vector<std::uint8_t> line_at(std::size_t line) { return {at(line), at(line) + line_bytes_}; }

  // A read keeps its data until the port reads again.
  template <class Data>
  void read(CData& enable, IData& address, Data& data, std::vector<std::uint8_t>& expected) {
    if (!expected.empty()) {
      ASSERT_EQ(bytes_of(data), expected);
    }
    enable = random_() % 4 != 0;
    address = static_cast<IData>(random_() % kLines);
    if (enable != 0) expected = line_at(address);
  }

  template <class Enables, class Data>
  void write(CData& enable, IData& address, Enables& enables, Data& data) {
    enable = random_() % 4 != 0;
    address = static_cast<IData>(random_() % kLines);
    std::vector<std::uint8_t> bits(line_bytes_ / 8), bytes(line_bytes_);
    const bool all = random_() % 8 == 0;
    for (std::uint8_t& b : bits) b = static_cast<std::uint8_t>(all ? 0xff : random_());
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random_());
    set_bytes(enables, bits.data(), bits.size());
    set_bytes(data, bytes.data(), bytes.size());
    if (enable != 0) write_line(at(address), enables, data);
  }

  void cycle() {
    auto& m = rtl_;
    read(m->tensor_a_re_i, m->tensor_a_addr_i, m->tensor_a_rdata_o, expected_[0]);
    read(m->tensor_b_re_i, m->tensor_b_addr_i, m->tensor_b_rdata_o, expected_[1]);
    read(m->tensor_c_re_i, m->tensor_c_addr_i, m->tensor_c_rdata_o, expected_[2]);
    read(m->vector_a_re_i, m->vector_a_addr_i, m->vector_a_rdata_o, expected_[3]);
    read(m->vector_b_re_i, m->vector_b_addr_i, m->vector_b_rdata_o, expected_[4]);
    read(m->vector_c_re_i, m->vector_c_addr_i, m->vector_c_rdata_o, expected_[5]);
    read(m->dma_r_re_i, m->dma_r_addr_i, m->dma_r_rdata_o, expected_[6]);
    read(m->network_r_re_i, m->network_r_addr_i, m->network_r_rdata_o, expected_[7]);
    write(m->tensor_o_we_i, m->tensor_o_addr_i, m->tensor_o_be_i, m->tensor_o_wdata_i);
    write(m->vector_o_we_i, m->vector_o_addr_i, m->vector_o_be_i, m->vector_o_wdata_i);
    write(m->dma_w_we_i, m->dma_w_addr_i, m->dma_w_be_i, m->dma_w_wdata_i);
    write(m->network_w_we_i, m->network_w_addr_i, m->network_w_be_i, m->network_w_wdata_i);
    write(m->arrival_we_i, m->arrival_addr_i, m->arrival_be_i, m->arrival_wdata_i);
    m.cycle();
  }

  Verilated<Module> rtl_;
  std::mt19937 random_{5};
  std::size_t line_bytes_;
  std::vector<std::uint8_t> memory_;
  std::vector<std::uint8_t> expected_[8];
};

TEST(Scratchpad, AllPortsAtOnce4) { Bench<Vscratchpad_4>().run(20000); }
TEST(Scratchpad, AllPortsAtOnce16) { Bench<Vscratchpad_16>().run(10000); }

}  // namespace
}  // namespace anzan::cosim::scratchpad_cosim_test
