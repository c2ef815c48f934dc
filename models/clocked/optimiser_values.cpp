// Everything has its cycle: the entry is read after the start, the window line by line after the first grant
// of the database, and what has changed is written after the second.
#include "models/clocked/optimiser_values.hpp"

#include "models/clocked/model_faces.hpp"
#include "models/timing.hpp"

namespace anzan::models::clocked {

void OptimiserValues::started(const Job& job) {
  job_ = &job;
  started_ = clock_.cycle();
  grants_ = 0;
  if (job.settings == isa::Opcode::kGive) decayed_ = execute_move({});
  if (job.settings == isa::Opcode::kUpdate || job.settings == isa::Opcode::kSettle)
    pins_.call(*this, started_ + 1);
}

void OptimiserValues::granted() {
  granted_ = clock_.cycle();
  ++grants_;
  pins_.call(*this, granted_);
}

void OptimiserValues::pins(std::int64_t now) {
  if (job_->settings == isa::Opcode::kTake) return take_line(now);
  if (job_->settings == isa::Opcode::kGive) return give_line(now);
  if (now == started_ + 1) {
    around_.settings->read_entry(job_->slot);
    pins_.call(*this, now + 1);
  }
  if (now == started_ + 2) {
    entry_ = around_.settings->entry();
    if (job_->settings == isa::Opcode::kSettle) {  // it ends here
      execute();
      around_.settings->write_entry(job_->slot, entry_, false);
    }
  }
  if (grants_ == 1 && now <= granted_ + kDatabaseLines) read_window(now);
  if (grants_ == 2) write_window(now);
}

void OptimiserValues::read_window(std::int64_t now) {
  const auto line = static_cast<int>(now - granted_);
  if (line > 0) set_line(window_, line - 1, around_.statistics->window());
  if (line == kDatabaseLines) return;
  around_.statistics->read(job_->slot, line);
  pins_.call(*this, now + 1);
}

void OptimiserValues::write_window(std::int64_t now) {
  const auto line = static_cast<int>(now - granted_);
  if (line == 0) execute();
  if (line == kDatabaseLines) return around_.settings->write_entry(job_->slot, entry_, true);
  if (decayed_ != window_) around_.statistics->write(job_->slot, line, line_of(decayed_, line));
  pins_.call(*this, now + 1);
}

void OptimiserValues::take_line(std::int64_t now) {
  const auto line = static_cast<int>(now - granted_);
  if (line > 0) set_line(window_, line - 1, around_.statistics->window());
  if (line == kDatabaseLines) {
    execute_move(window_);
    return;
  }
  around_.statistics->take(job_->slot, line);
  pins_.call(*this, now + 1);
}

void OptimiserValues::give_line(std::int64_t now) {
  const auto line = static_cast<int>(now - granted_);
  around_.statistics->give(job_->slot, line, line_of(decayed_, line));
  if (line + 1 < kDatabaseLines) pins_.call(*this, now + 1);
}

// With these as the slot's total, and no window; returns what the total has then become.
SlotStatistics OptimiserValues::execute_move(const SlotStatistics& counters) {
  SlotStatistics& window = around_.core->statistics.window(job_->slot);
  SlotStatistics& total = around_.core->statistics.total(job_->slot);
  const SlotStatistics window_before = window, total_before = total;
  window = {};
  total = counters;
  meaning_->execute(job_->index);
  const SlotStatistics after = total;
  window = window_before;
  total = total_before;
  return after;
}

// On nothing but what has come through the ports.
void OptimiserValues::execute() {
  SlotSettings& slot = around_.core->settings.slot(job_->slot);
  SlotStatistics& window = around_.core->statistics.window(job_->slot);
  const SlotSettings slot_before = slot;
  const SlotStatistics window_before = window;
  slot = entry_;
  window = window_;
  meaning_->execute(job_->index);
  entry_ = slot;
  decayed_ = window;
  slot = slot_before;
  window = window_before;
}

}  // namespace anzan::models::clocked
