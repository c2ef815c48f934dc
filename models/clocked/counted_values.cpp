// Everything has its cycle: settings are looked up after the start, rows counted so that the last falls on
// the last write, counters merged line by line after the grant.
#include "models/clocked/counted_values.hpp"

#include <algorithm>
#include <stdexcept>

#include "models/clocked/model_faces.hpp"
#include "models/timing.hpp"

namespace anzan::models::clocked {

void CountedValues::restart(const isa::Program& program, const Surroundings& surroundings,
                            MeaningOnCore& meaning) {
  program_ = &program;
  around_ = surroundings;
  meaning_ = &meaning;
  line_ = kDatabaseLines;
  rows_.clear();
  next_row_ = 0;
  executed_ = true;
}

void CountedValues::started(const Job& job) {
  job_ = &job;
  started_ = clock_.cycle();
  executed_ = false;
  slots_.clear();
  scalars_.clear();
  settings_.clear();
  const isa::Instruction& instruction = program_->at(job.index);
  if (const auto* t = std::get_if<isa::Tensor>(&instruction)) slots_ = {t->slot_a, t->slot_b, t->slot_o};
  if (const auto* v = std::get_if<isa::Vector>(&instruction)) {
    for (const isa::Operand* operand : {&v->a, &v->b, &v->c}) {
      if (operand->kind == isa::OperandKind::kScalar)
        scalars_.push_back(static_cast<int>(operand->at.base));
      else if (operand->kind != isa::OperandKind::kNone)
        slots_.push_back(operand->slot);
    }
    slots_.push_back(v->slot_o);
  }
  if (analysis_ != nullptr && job.merges) analysis_->clear();
  pins_.call(*this, started_ + 1);
}

void CountedValues::granted() {
  line_ = 0;
  pins_.call(*this, clock_.cycle());
}

void CountedValues::pins(std::int64_t now) {
  if (!executed_) look_up(now - started_ - 1);
  if (executed_ && next_row_ < rows_.size()) count_row(now);
  if (line_ < kDatabaseLines) merge_line(now);
}

// In S + 1 + number; each answer is there a cycle after the question.
void CountedValues::look_up(std::int64_t number) {
  const auto k = static_cast<std::size_t>(number);
  const std::size_t last = std::max(slots_.size(), scalars_.size());
  if (k > 0 && k <= slots_.size()) settings_.add(slots_[k - 1], around_.settings->looked_up(port_));
  if (k > 0 && k <= scalars_.size()) settings_.add_scalar(scalars_[k - 1], around_.settings->scalar());
  if (k == last) return execute();
  if (k < slots_.size()) around_.settings->look_up(port_, slots_[k]);
  if (k < scalars_.size()) around_.settings->look_up_scalar(scalars_[k]);
  pins_.call(*this, started_ + 2 + number);
}

void CountedValues::execute() {
  executed_ = true;
  rows_.clear();
  next_row_ = 0;
  // What it adds to nothing is what it adds.
  SlotStatistics& window = around_.core->statistics.window(job_->slot);
  SlotStatistics& total = around_.core->statistics.total(job_->slot);
  const SlotStatistics window_before = window, total_before = total;
  window = total = {};
  settings_.during(around_.core->settings, *around_.settings, [&] {
    if (analysis_ != nullptr)
      meaning_->execute(job_->index, rows_);
    else
      meaning_->execute(job_->index);
  });
  counted_ = window;
  window = window_before;
  total = total_before;
  if (rows_.empty()) return;
  if (static_cast<std::int64_t>(rows_.size()) > started_ + job_->work_cycles - clock_.cycle())
    throw std::logic_error("analysis block: more rows than cycles");
  // The last row in the cycle of the last write.
  pins_.call(*this, started_ + job_->work_cycles - static_cast<std::int64_t>(rows_.size()) + 1);
}

void CountedValues::count_row(std::int64_t now) {
  analysis_->count(rows_[next_row_++]);
  if (next_row_ < rows_.size()) pins_.call(*this, now + 1);
}

void CountedValues::merge_line(std::int64_t now) {
  const CounterLine counts = analysis_ != nullptr ? analysis_->line(line_) : line_of(counted_, line_);
  around_.statistics->add(port_, job_->slot, line_, counts);
  if (++line_ < kDatabaseLines) pins_.call(*this, now + 1);
}

}  // namespace anzan::models::clocked
