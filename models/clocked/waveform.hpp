// A VCD file of what a kernel simulates: in picoseconds where the clock allows it, else in femtoseconds.
#pragma once
#include <cstdint>
#include <string>
#include <systemc>

namespace anzan::models::clocked {

class Waveform {
 public:
  // FILE.vcd, of the kernel that is selected; that must be so at the end, too.
  Waveform(const std::string& file, std::int64_t clock_period_fs)
      : file_(sc_core::sc_create_vcd_trace_file(file.c_str())) {
    file_->set_time_unit(1, clock_period_fs % 1000 == 0 ? sc_core::SC_PS : sc_core::SC_FS);
  }
  ~Waveform() { sc_core::sc_close_vcd_trace_file(file_); }
  Waveform(const Waveform&) = delete;
  Waveform& operator=(const Waveform&) = delete;

  sc_core::sc_trace_file* file() const { return file_; }

 private:
  sc_core::sc_trace_file* file_;
};

}  // namespace anzan::models::clocked
