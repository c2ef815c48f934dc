// Translates transactions into walks of the memory model.
#include "models/clocked/hbm_target.hpp"

namespace anzan::models::clocked {
namespace {

// Lines of a job's rows, one a call, in loop order.
class Lines {
 public:
  explicit Lines(const Job& job) : nest_(job.nest), shift_(job.rows_per_line_log2), row_(job.rows.base) {
    for (int k = 0; k < nest_.depth; ++k) {
      left_[k] = nest_.count[k];
      // from the end of loop k's run back to its start, and one step of the loop around it
      carry_[k] = job.rows.stride[k];
      for (int inner = k + 1; inner < nest_.depth; ++inner)
        carry_[k] -= job.rows.stride[inner] * (nest_.count[inner] - 1);
    }
  }

  std::int64_t operator()() {
    const std::int64_t line = row_ >> shift_;
    int k = nest_.depth - 1;
    while (--left_[k] == 0 && k > 0) {
      left_[k] = nest_.count[k];
      --k;
    }
    row_ += carry_[k];
    return line;
  }

 private:
  kernels::Nest nest_;
  int shift_;
  std::int64_t row_;
  std::int64_t left_[isa::kLoops]{}, carry_[isa::kLoops]{};
};

std::int64_t iterations_of(const kernels::Nest& nest) {
  std::int64_t n = 1;
  for (int k = 0; k < nest.depth; ++k) n *= nest.count[k];
  return n;
}

}  // namespace

HbmTarget::HbmTarget(const sc_core::sc_module_name& name, const Clock& clock, const HbmParameters& parameters,
                     int lanes)
    : sc_core::sc_module(name), socket("socket"), clock_(clock), hbm_(parameters, lanes, clock.period_fs()) {
  socket.register_b_transport(this, &HbmTarget::transport);
}

void HbmTarget::transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  MemoryWalk* walk = nullptr;
  payload.get_extension(walk);
  if (walk == nullptr || walk->job == nullptr) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  LineWalk lines;
  lines.first_cycle = walk->first_cycle;
  lines.outstanding = static_cast<int>(walk->outstanding);
  lines.write = payload.is_write();
  walk->last_cycle = hbm_.run(lines, iterations_of(walk->job->nest), Lines(*walk->job));
  delay += clock_.cycles(walk->last_cycle - clock_.cycle());
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace anzan::models::clocked
