// One TLM transaction for each copy from or to HBM; the memory answers with the time it takes.
#include "models/clocked/dma.hpp"

#include <stdexcept>

#include "models/affine.hpp"

namespace anzan::models::clocked {

Dma::Dma(const sc_core::sc_module_name& name, const Clock& clock, int outstanding, int lanes)
    : TimedUnit(name, clock), memory("memory"), line_bytes_(4 * lanes) {
  walk_.outstanding = outstanding;
  payload_.set_extension(&walk_);
}

Dma::~Dma() { payload_.clear_extension(&walk_); }

void Dma::begin(const Job& job, std::int64_t now) {
  if (!job.reads_hbm && !job.writes_hbm) return at(now + job.work_cycles);
  // Reading the scratchpad takes a cycle before the first line can go out.
  walk_.first_cycle = now + 1 + isa::kDmaSetupCycles + (job.writes_hbm ? 1 : 0);
  walk_.job = &job;
  payload_.set_command(job.reads_hbm ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
  payload_.set_address(static_cast<sc_dt::uint64>((job.rows.base >> job.rows_per_line_log2) * line_bytes_));
  payload_.set_data_ptr(nullptr);  // values are the meaning's business
  payload_.set_data_length(static_cast<unsigned>(line_bytes_));
  payload_.set_streaming_width(static_cast<unsigned>(line_bytes_));
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  memory->b_transport(payload_, delay);
  if (payload_.is_response_error()) throw std::logic_error("memory: " + payload_.get_response_string());
  at(walk_.last_cycle);
}

void Dma::happen(std::int64_t) {
  work_done();
  end();
}

}  // namespace anzan::models::clocked
