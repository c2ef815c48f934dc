// In the first dimension, chunks come from HBM when their sums arrive, go on, and, as sums, to HBM again.
#include "compiler/collective/streams.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "compiler/instructions/ranges.hpp"
#include "compiler/schedule/schedule.hpp"

namespace anzan::compiler {
namespace {

// Chunks that are loaded, summed and sent in turn. Copies are of two, since each waits for HBM; the next two
// are loaded while the one before is sent.
constexpr std::int64_t kLocals = 3, kArrivals = kStreamArrivals;

class StreamWriter {
 public:
  explicit StreamWriter(const Stream& stream)
      : s_(stream), ring_(s_.way.front()), rest_(s_.way.begin() + 1, s_.way.end()), rounds_(ring_.size - 1) {}

  std::vector<SegmentPart> write() {
    if (s_.kind != CollectiveKind::kAllGather) scatter();
    if (s_.kind == CollectiveKind::kReduceScatter) {
      other_dimensions();
      copy_own(false, {last_});
      return std::move(parts_);
    }
    if (s_.kind == CollectiveKind::kAllGather) last_ = copy_own(true, {});
    other_dimensions();
    gather();
    return std::move(parts_);
  }

 private:
  // Of the place: where chunks are summed, where they arrive, and where what other dimensions sum does.
  std::int64_t line(std::int64_t chunk) const { return s_.line + chunk * s_.chunk; }
  std::int64_t local(std::int64_t round) const { return line(round % kLocals); }
  std::int64_t own() const { return local(rounds_); }
  std::int64_t arrival(std::int64_t message) const { return line(kLocals + message % kArrivals); }
  Access touching_chunk(std::int64_t line, bool write) const { return touching(line, s_.chunk, write); }

  std::size_t add(isa::Instruction instruction, Exchanged exchanged, std::vector<std::size_t> after,
                  std::size_t cause = kNoTask) {
    SegmentPart part{std::move(instruction), std::move(exchanged), std::move(after), cause};
    if (cause != kNoTask) part.after.push_back(cause);
    parts_.push_back(std::move(part));
    return parts_.size() - 1;
  }
  std::size_t add(Exchanged exchanged, std::vector<std::size_t> after, std::size_t cause = kNoTask) {
    isa::Instruction in_core_0 = exchanged.in_core(0);
    return add(std::move(in_core_0), std::move(exchanged), std::move(after), cause);
  }

  // Round m: the sum of the chunk m + 1 places behind goes on, that of the one behind it arrives; so the
  // core's own comes last. What is loaded for round t is sent in it, or, after the last, is the core's own.
  void scatter() {
    std::size_t loaded = load(0, {}), put = kNoTask;
    last_ = loaded;
    for (std::int64_t m = 0; m < rounds_; ++m) {
      if (m % 2 == 0) credit_ = give_credit(m, std::min(m + 2, rounds_));
      put = message(local(m), {last_});
      const std::size_t before = loaded;
      if (m % 2 == 0 && m + 2 <= rounds_) loaded = load(m + 2, {put});
      last_ = sum(m, {messages_.back(), m % 2 == 0 ? before : loaded});
      used_.push_back({last_});
    }
  }

  // From the core's own chunk on, each goes on when it has arrived, and to HBM.
  void gather() {
    const auto first = static_cast<std::int64_t>(messages_.size()), end = first + rounds_;
    copy({own()}, 0, false, {last_});
    for (std::int64_t m = first; m < end; ++m) {
      const bool begins = (m - first) % 2 == 0;
      if (begins) credit_ = give_credit(m, std::min(m + 2, end));
      const std::size_t put = message(m == first ? own() : arrival(m - 1), {last_});
      last_ = messages_.back();
      if (m > first) used_[static_cast<std::size_t>(m - 1)].push_back(put);
      used_.emplace_back();
      if (begins && m + 1 < end) continue;
      std::vector<std::int64_t> lines{arrival(m)};
      if (!begins) lines.insert(lines.begin(), arrival(m - 1));
      const std::int64_t oldest = begins ? m : m - 1;
      const std::size_t stored = copy(lines, first - oldest - 1, false, {last_});
      for (std::int64_t k = oldest; k <= m; ++k) used_[static_cast<std::size_t>(k)].push_back(stored);
    }
  }

  // Sends it, and takes its equal from the core before. Returns the put.
  std::size_t message(std::int64_t from, std::vector<std::size_t> after) {
    const auto m = static_cast<std::int64_t>(messages_.size());
    const std::uint32_t signal = s_.semaphores->from(0);
    Exchanged e;
    e.touches = {touching_chunk(from, false), touching_chunk(arrival(m), true), raising(signal)};
    const std::size_t credit = std::exchange(credit_, kNoTask);
    if (credit != kNoTask) {
      e.arrivals = s_.credit;
      e.touches.push_back(taking(s_.credit));
    }
    e.in_core = [d = ring_, from, to = arrival(m), lines = s_.chunk, signal](int core) {
      return isa::Instruction(putting_lines(next(d, core), from, to, lines, signal));
    };
    const std::size_t put = add(std::move(e), std::move(after), credit);
    messages_.push_back(collect(signal, {touching_chunk(arrival(m), true)}, put));
    return put;
  }

  // That the places into which messages from `begin` to `end` go are free, to who sends them; if nobody knows
  // that.
  std::size_t give_credit(std::int64_t begin, std::int64_t end) {
    if (s_.fresh && end <= kArrivals) return kNoTask;
    Dimension d = ring_;
    d.reversed = !d.reversed;
    Exchanged e;
    e.in_core = [d, free = s_.free_line, semaphore = s_.credit](int core) {
      return isa::Instruction(putting_lines(next(d, core), free, free, 1, semaphore));
    };
    std::vector<std::size_t> after;
    for (std::int64_t m = begin; m < end; ++m) {
      e.touches.push_back(touching_chunk(arrival(m), true));
      if (m < kArrivals) continue;
      const std::vector<std::size_t>& used = used_[static_cast<std::size_t>(m - kArrivals)];
      after.insert(after.end(), used.begin(), used.end());
    }
    e.touches.push_back(raising(s_.credit));
    const std::size_t credit = add(std::move(e), std::move(after));
    parts_[credit].credit = true;
    return credit;
  }

  // Takes an arrival as soon as it is there, and does nothing else, since slot 0 never changes: so all are
  // taken in the order in which they come, whatever waits for them.
  std::size_t collect(std::uint32_t semaphore, std::vector<Access> touches, std::size_t put) {
    Exchanged e;
    e.touches = std::move(touches);
    e.touches.push_back(taking(semaphore));
    e.arrivals = semaphore;
    return add(isa::Settle{}, std::move(e), {}, put);
  }

  std::size_t load(std::int64_t round, std::vector<std::size_t> after) {
    std::vector<std::int64_t> lines{local(round)};
    if (round < rounds_) lines.push_back(local(round + 1));
    return copy(lines, -round - 1, true, std::move(after));
  }

  // One chunk or two, between these lines and where those lie that are so many places after the core's own,
  // and one before.
  std::size_t copy(const std::vector<std::int64_t>& lines, std::int64_t offset, bool load,
                   std::vector<std::size_t> after) {
    Exchanged e;
    for (const std::int64_t l : lines) e.touches.push_back(touching_chunk(l, load));
    e.in_core = [in_memory = s_.in_memory, levels = s_.levels, shift = load ? 0 : s_.store_shift, lines,
                 offset, load](int core) {
      const std::int64_t first = in_memory(core, offset);
      std::vector<CopyLevel> loops = levels;
      if (lines.size() > 1)
        loops.insert(loops.begin(), {2, in_memory(core, offset - 1) - first, lines[1] - lines[0]});
      return isa::Instruction(loading(first + shift, lines[0], std::move(loops), load));
    };
    return add(std::move(e), std::move(after));
  }

  // The core's own piece of its own chunk.
  std::size_t copy_own(bool load, std::vector<std::size_t> after) {
    Exchanged e;
    e.touches = {touching_chunk(own(), load)};
    e.in_core = [in_memory = s_.own_in_memory, shift = load ? 0 : s_.store_shift, load,
                 buffer = chunk_buffer(), rest = rest_](int core) {
      const Range piece = own_piece(buffer, rest, core);
      return isa::Instruction(loading(in_memory(core) + shift, piece.begin, {{piece.size(), 1, 1}}, load));
    };
    return add(std::move(e), std::move(after));
  }

  // Or what stores, where it is not one that loads.
  static isa::Copy loading(std::int64_t hbm, std::int64_t line, std::vector<CopyLevel> levels, bool load) {
    if (load) return copying_levels(in_hbm(hbm), in_scratchpad(line), levels);
    for (CopyLevel& l : levels) std::swap(l.src, l.dst);
    return copying_levels(in_scratchpad(line), in_hbm(hbm), levels);
  }

  std::size_t sum(std::int64_t m, std::vector<std::size_t> after) {
    Exchanged e;
    e.touches = {touching_chunk(arrival(m), false), touching_chunk(local(m + 1), true),
                 reading_slot(s_.what.slot), writing_slot(s_.what.slot)};
    return add(adding_lines(local(m + 1), arrival(m), s_.chunk, s_.what), std::move(e), std::move(after));
  }

  SumBuffer chunk_buffer() const {
    return {own(), line(kLocals + kArrivals), s_.chunk, s_.what.format, s_.what.slot, s_.what.op};
  }

  void other_dimensions() {
    if (rest_.empty()) return;
    const ArrivalSemaphores semaphores = s_.semaphores->without_first();
    const SumBuffer b = chunk_buffer();
    std::vector<Round> rounds =
        s_.kind == CollectiveKind::kReduceScatter ? reduce_scatter(b, rest_, semaphores, s_.what.lanes)
        : s_.kind == CollectiveKind::kAllGather   ? all_gather(b, rest_, semaphores)
                                                  : sum_over_cores(b, rest_, semaphores, s_.what.lanes);
    const std::size_t first = parts_.size();
    std::size_t last_put = kNoTask;
    for (SegmentPart& part : one_by_one(std::move(rounds))) {
      const bool is_put = std::holds_alternative<isa::Put>(part.instruction);
      last_ = add(std::move(part.instruction), std::move(part.exchanged), {last_},
                  part.cause == kNoTask ? kNoTask : first + part.cause);
      if (is_put) last_put = last_;
    }
    if (s_.kind == CollectiveKind::kReduceScatter) return;  // the last addition has taken the last arrival
    last_ = collect(semaphores.complete(),
                    {touching_chunk(own(), true), touching_chunk(b.arrival_line, true)}, last_put);
  }

  const Stream& s_;
  Dimension ring_;
  Way rest_;
  std::int64_t rounds_;  // of a half
  std::vector<SegmentPart> parts_;
  std::vector<std::size_t> messages_;              // what has taken them
  std::vector<std::vector<std::size_t>> used_;     // of each message, after what its place is free again
  std::size_t last_ = kNoTask, credit_ = kNoTask;  // of the next message
};

}  // namespace

std::int64_t stream_chunks(const Way& way) { return kLocals + kArrivals + (way.size() > 1 ? 1 : 0); }

std::int64_t ring_position(const Dimension& ring, int core, std::int64_t offset) {
  const std::int64_t own = ring.coordinate(core), at = ring.reversed ? ring.size - 1 - own : own;
  return (at + offset + 2 * ring.size) % ring.size;
}

std::vector<SegmentPart> stream_parts(const Stream& stream) { return StreamWriter(stream).write(); }

std::vector<SegmentPart> one_by_one(std::vector<Round> rounds) {
  std::vector<SegmentPart> parts;
  std::size_t last_put = kNoTask;
  for (Round& round : rounds) {
    for (Round::Part& part : round.parts) {
      const std::size_t number = parts.size();
      const bool is_put = std::holds_alternative<isa::Put>(part.instruction);
      parts.push_back({std::move(part.instruction), std::move(part.exchanged), {}});
      if (number > 0) parts.back().after.push_back(number - 1);
      if (part.follows_put) parts.back().cause = last_put;
      if (is_put) last_put = number;
    }
  }
  return parts;
}

std::vector<PlanTask> segment_tasks(const std::vector<SegmentPart>& parts, const ExchangeParameters& exchange,
                                    std::int64_t line_bytes) {
  std::vector<PlanTask> tasks;
  for (const SegmentPart& part : parts) {
    PlanTask& task = tasks.emplace_back();
    task.busy_cycles = expected_cycles(part.instruction);
    task.after = part.after;
    if (const auto* put = std::get_if<isa::Put>(&part.instruction)) {
      const std::int64_t lines = put->loops.back();
      task.link = put->core;
      task.lead_cycles = task.busy_cycles + lines;
      task.busy_cycles = exchange.link_cycles(lines * line_bytes);
      task.packets = exchange.packets(lines * line_bytes);
      task.more_cycles = exchange.expected_latency_cycles;
    } else if (std::holds_alternative<isa::Copy>(part.instruction)) {
      task.link = PlanTask::kMemory;
    } else if (std::holds_alternative<isa::Vector>(part.instruction)) {
      task.link = PlanTask::kVector;
    }
    if (part.cause == kNoTask || !parts[part.cause].credit) continue;
    task.credit = part.cause;
    task.credit_semaphore = part.exchanged.arrivals;
  }
  return tasks;
}

Way long_only(const Way& way) {
  Way result;
  std::copy_if(way.begin(), way.end(), std::back_inserter(result),
               [](const Dimension& d) { return d.size > 1; });
  return result;
}

std::size_t stream_semaphores(const std::vector<Way>& ways) {
  return ArrivalSemaphores::needed(ways) + senders(ways);
}

}  // namespace anzan::compiler
