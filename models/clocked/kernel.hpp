// A SystemC kernel of its own for each thing that is simulated, so that a process can simulate several, one
// after the other in each call.
#pragma once
#include <sysc/tracing/sc_tracing_ids.h>

#include <memory>
#include <systemc>

namespace anzan::models::clocked {

class Kernel {
 public:
  Kernel() : context_(std::make_unique<sc_core::sc_simcontext>()) {
    select();
    sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
    sc_core::sc_report_handler::set_actions(sc_core::SC_ID_TRACING_TIMESCALE_UNIT_, sc_core::SC_DO_NOTHING);
  }
  // Before modules are made, run or destroyed that live in this kernel.
  void select() const {
    sc_core::sc_curr_simcontext = context_.get();
    sc_core::sc_default_global_context = context_.get();
  }

 private:
  std::unique_ptr<sc_core::sc_simcontext> context_;
};

}  // namespace anzan::models::clocked
