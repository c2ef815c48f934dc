// Names are those that Verilator gives to the signals of rtl/compute_core.sv in a waveform.
#include "sim/verify/save_file.hpp"

#include <fmt/format.h>

#include <vector>

#include "isa/units.hpp"
#include "sim/rtl/core.hpp"

namespace anzan::sim {
namespace {

struct Group {
  const char* title;
  std::vector<std::string> signals;  // of the core
};

}  // namespace

std::string save_file(const std::string& waveform) {
  const int top = static_cast<int>(isa::kWorkers) - 1;
  const std::string units = fmt::format("[{}:0]", top);
  const std::string slot = fmt::format("[{}:0]", slot_bits(rtl_slots()) - 1);
  const Group groups[] = {
      {"clock", {"clk_i", "rst_ni", "begin_i", "program_done_o"}},
      {"program memory", {"pmem_re_o", "pmem_addr_o[31:0]"}},
      {"HBM", {"req_valid_o", "req_ready_i", "req_write_o", "req_line_o[31:0]", "rsp_valid_i"}},
      {"network",
       {"send_valid_o", "send_last_o", "send_line_o[31:0]", "arrival_valid_i", "arrival_last_i",
        "arrival_line_i[31:0]"}},
      {"statistics database",
       {"grant[2:0]", "tensor_entry" + slot, "vector_entry" + slot, "settings_entry" + slot}},
      {"settings store", {"entry_we_numbers", "entry_we_state", "entry_addr" + slot}},
      {"scratchpad",
       {"tensor_o_we", "tensor_o_addr[31:0]", "vector_o_we", "vector_o_addr[31:0]", "dma_w_we",
        "dma_w_addr[31:0]", "network_w_we", "network_w_addr[31:0]"}},
  };
  std::string text = fmt::format("[dumpfile] \"{}\"\n", waveform);
  text += "@200\n-units: dma, tensor, vector, settings, network from bit 0 on\n@28\n";
  for (const char* signal : {"issue_o", "start_o", "done_o"})
    text += fmt::format("TOP.compute_core.{}{}\n", signal, units);
  for (const Group& group : groups) {
    text += fmt::format("@200\n-{}\n@22\n", group.title);
    for (const std::string& signal : group.signals) text += fmt::format("TOP.compute_core.{}\n", signal);
  }
  return text;
}

}  // namespace anzan::sim
