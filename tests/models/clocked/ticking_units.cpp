// Pipelines as shift registers, one object an instruction.
#include "tests/models/clocked/ticking_units.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace anzan::reference {
namespace {

std::int64_t count(const std::array<std::uint16_t, isa::kLoops>& loops, int first, int last) {
  std::int64_t n = 1;
  while (first < last) n *= loops[static_cast<std::size_t>(first++)];
  return n;
}

// A token that is put in leaves `length` - 1 cycles later.
class Pipeline {
 public:
  explicit Pipeline(int length) : stages_(static_cast<std::size_t>(length), false) {}
  bool shift(bool in) {
    stages_.push_front(in);
    stages_.pop_back();
    return stages_.back();
  }

 private:
  std::deque<bool> stages_;
};

// Rows that pass one pipeline, one a cycle.
class RowUnit : public TickingUnit {
 public:
  RowUnit(int setup, std::int64_t rows, int stages) : setup_(setup), rows_(rows), pipeline_(stages) {}
  bool tick(std::int64_t) override {
    const bool issue = setup_ == 0 && issued_ < rows_;
    if (setup_ > 0) --setup_;
    issued_ += issue;
    written_ += pipeline_.shift(issue);
    return written_ == rows_;
  }

 private:
  int setup_;
  std::int64_t rows_, issued_ = 0, written_ = 0;
  Pipeline pipeline_;
};

// Blocks that enter one of two buffers and leave it again: tiles of the tensor unit, blocks of the
// transposer.
struct BlockShape {
  int setup;
  std::int64_t blocks, in, out;
  int enter_stages;  // a line asked for in cycle c is in the buffer at the end of cycle c + enter_stages - 1
  int leave_stages;  // a row taken in cycle c is written in cycle c + leave_stages - 1
};

class BlockUnit : public TickingUnit {
 public:
  explicit BlockUnit(const BlockShape& s) : s_(s), enter_(s.enter_stages), leave_(s.leave_stages) {}

  bool tick(std::int64_t) override {
    const bool row = leave_one();
    const bool last_of_block = enter_one();
    entered_ += enter_.shift(last_of_block);  // counts from the next cycle: leave_one() came first
    written_ += leave_.shift(row);
    return written_ == s_.blocks * s_.out;
  }

 private:
  bool leave_one() {
    if (left_ == entered_) return false;
    if (++row_ == s_.out) {
      row_ = 0;
      ++left_;
    }
    return true;
  }

  // The buffer of block n is that of block n - 2: its last row must have been taken when the first line of
  // block n arrives, enter_stages - 1 cycles from now.
  bool buffer_free() const {
    const std::int64_t before = asked_ - 2;
    if (before < left_) return true;
    const std::int64_t rows_left = s_.out - row_;
    return before == left_ && before < entered_ && rows_left <= s_.enter_stages - 2;
  }

  bool enter_one() {
    if (setup_done_ < s_.setup) {
      ++setup_done_;
      return false;
    }
    if (asked_ == s_.blocks || (line_ == 0 && !buffer_free())) return false;
    if (++line_ < s_.in) return false;
    line_ = 0;
    ++asked_;
    return true;
  }

  BlockShape s_;
  Pipeline enter_, leave_;
  int setup_done_ = 0;
  std::int64_t asked_ = 0, line_ = 0;  // blocks asked for completely, lines of the next
  std::int64_t entered_ = 0;           // blocks complete in their buffers
  std::int64_t left_ = 0, row_ = 0;    // blocks taken out completely, rows of the next
  std::int64_t written_ = 0;
};

class Countdown : public TickingUnit {
 public:
  explicit Countdown(int cycles) : left_(cycles) {}
  bool tick(std::int64_t) override { return --left_ == 0; }

 private:
  int left_;
};

// Reads the entry, looks at each bin, decides, writes the entry.
class OptimiserUnit : public TickingUnit {
 public:
  explicit OptimiserUnit(DatabaseLine& database) : database_(database) {}
  bool tick(std::int64_t cycle) override {
    switch (phase_) {
      case 0:
      case 3:
        database_.requested = true;
        ++phase_;
        return false;
      case 1:
        if (database_.requested || cycle < database_.granted_to) return false;
        ++phase_;
        return false;
      case 2:
        if (++thought_ == isa::kHistogramBins + isa::kOptimiserDecisionCycles) ++phase_;
        return false;
      default:
        return !database_.requested && cycle == database_.granted_to;
    }
  }

 private:
  DatabaseLine& database_;
  int phase_ = 0, thought_ = 0;
};

// Reads and clears an entry, then writes its 18 pieces; or reads the pieces, a cycle after their addresses,
// and then adds them to the entry.
class CounterUnit : public TickingUnit {
 public:
  CounterUnit(DatabaseLine& database, bool gives)
      : database_(database), gives_(gives), before_(gives ? 20 : 0) {}
  bool tick(std::int64_t cycle) override {
    if (before_ > 0 && --before_ > 0) return false;
    if (!asked_) {
      database_.requested = asked_ = true;
      return false;
    }
    if (database_.requested || cycle < database_.granted_to) return false;
    return gives_ || after_-- == 0;
  }

 private:
  DatabaseLine& database_;
  bool gives_, asked_ = false;
  int before_, after_ = 18;
};

// Asks HBM for a line a cycle; lines arrive, or are acknowledged, in order, one a cycle.
class HbmCopyUnit : public TickingUnit {
 public:
  HbmCopyUnit(const isa::Copy& c, models::Hbm& hbm, int outstanding)
      : hbm_(hbm), outstanding_(outstanding), write_(c.dst_space == isa::Space::kHbm) {
    const isa::Address& rows = write_ ? c.dst : c.src;
    const int per_line = c.element == isa::Format::kInt8 ? 4 : c.element == isa::Format::kInt16 ? 2 : 1;
    std::array<std::uint16_t, isa::kLoops> index{};
    for (;;) {
      std::int64_t row = rows.base;
      for (std::size_t k = 0; k < index.size(); ++k) row += std::int64_t{rows.stride[k]} * index[k];
      lines_.push_back(row / per_line);
      int k = isa::kLoops - 1;
      while (k >= 0 && ++index[static_cast<std::size_t>(k)] == c.loops[static_cast<std::size_t>(k)])
        index[static_cast<std::size_t>(k--)] = 0;
      if (k < 0) break;
    }
    setup_ = isa::kDmaSetupCycles + (write_ ? 1 : 0);
    done_.assign(lines_.size(), false);
  }

  bool tick(std::int64_t cycle) override {
    // what has come by now retires in order, one a cycle; the place it frees can be used in the next
    const std::size_t under_way = presented_ - retired_;
    for (const models::HbmCompletion& completion : hbm_.collect(cycle))
      done_.at(static_cast<std::size_t>(completion.id)) = true;
    if (retired_ < presented_ && done_[retired_]) ++retired_;
    if (setup_ > 0) {
      --setup_;
    } else if (presented_ < lines_.size() && under_way < static_cast<std::size_t>(outstanding_) &&
               hbm_.can_accept(cycle, lines_[presented_])) {
      hbm_.present(cycle, lines_[presented_], write_, static_cast<std::int64_t>(presented_));
      ++presented_;
    }
    return retired_ == lines_.size();
  }

 private:
  models::Hbm& hbm_;
  int outstanding_;
  bool write_;
  int setup_;
  std::vector<std::int64_t> lines_;
  std::vector<bool> done_;
  std::size_t presented_ = 0, retired_ = 0;
};

struct Maker {
  models::Hbm& hbm;
  int outstanding, lanes;
  DatabaseLine& database;
  using Made = std::unique_ptr<TickingUnit>;

  Made operator()(const isa::End&) const { return nullptr; }
  Made operator()(const isa::Update&) const { return std::make_unique<OptimiserUnit>(database); }
  Made operator()(const isa::Settle&) const { return std::make_unique<Countdown>(2); }
  Made operator()(const isa::Take&) const { return std::make_unique<CounterUnit>(database, false); }
  Made operator()(const isa::Give&) const { return std::make_unique<CounterUnit>(database, true); }
  Made operator()(const isa::Put& p) const { return rows(count(p.loops, 0, isa::kLoops)); }
  Made operator()(const isa::Copy& c) const {
    if (c.src_space == isa::Space::kHbm || c.dst_space == isa::Space::kHbm)
      return std::make_unique<HbmCopyUnit>(c, hbm, outstanding);
    return rows(count(c.loops, 0, isa::kLoops));
  }
  Made operator()(const isa::Transpose& t) const {
    return std::make_unique<BlockUnit>(
        BlockShape{isa::kDmaSetupCycles, count(t.loops, 0, isa::kLoops), t.src_rows, t.dst_rows, 2, 1});
  }
  Made operator()(const isa::Vector& v) const {
    return std::make_unique<RowUnit>(isa::kSetupCycles, count(v.loops, 0, isa::kLoops),
                                     isa::kVectorPipelineCycles + isa::kWriteBackCycles);
  }
  Made operator()(const isa::Tensor& t) const {
    const int outer = isa::kLoops - t.reduce, lines = t.format == isa::Format::kFp32 ? 1 : 2;
    const std::int64_t start = t.init == isa::Init::kSpill ? lines * t.row_count : 0;
    const std::int64_t in = start + count(t.loops, outer, isa::kLoops);
    return std::make_unique<BlockUnit>(BlockShape{
        isa::kSetupCycles, count(t.loops, 0, outer), in < 2 ? 2 : in,
        t.spill == 1 ? lines * t.row_count : t.row_count, isa::kTensorPipelineCycles, isa::kWriteBackCycles});
  }

 private:
  // address, read, write
  static Made rows(std::int64_t n) { return std::make_unique<RowUnit>(isa::kDmaSetupCycles, n, 3); }
};

}  // namespace

std::unique_ptr<TickingUnit> ticking_unit(const isa::Instruction& instruction, models::Hbm& hbm,
                                          int outstanding, int lanes, DatabaseLine& database) {
  return std::visit(Maker{hbm, outstanding, lanes, database}, instruction);
}

}  // namespace anzan::reference
