// What an instruction reads and what it writes lies in different halves of the lines it works on, so that no
// tile or iteration reads what another of the same instruction writes; copies carry results back to where
// they are read.
#include "sim/verify/random_program.hpp"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/schedule/dependencies.hpp"
#include "compiler/schedule/semaphores.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"
#include "sim/verify/random_draw.hpp"

namespace anzan::sim {
namespace {

using Loops = std::array<std::uint16_t, isa::kLoops>;

constexpr std::int64_t kPutLines = 32;  // the last that a program works on
// The last of them take INT8 from several at once, each of which has a byte of the words to itself, so that
// none waits for another and ports meet in a line: puts, what arrives, other units. Nobody reads them.
constexpr std::int64_t kSharedLines = 2;
enum class Share { kPut, kArrival, kCopy, kRest };
// Before them, where another core puts to: so many lines for each put, which raises a semaphore of its own.
constexpr int kMails = isa::kSemaphores - static_cast<int>(compiler::kOwnSemaphores);
constexpr std::int64_t kMailLines = 8;

class Maker {
 public:
  Maker(std::uint64_t seed, const RandomProgramShape& shape)
      : d_(seed),
        s_(shape),
        shared_(shape.first_line + shape.lines - kSharedLines),
        puts_(shape.first_line + shape.lines - kPutLines),
        mails_(puts_ - (shape.profile == Profile::kTwoCores ? kMails * kMailLines : 0)),
        reads_(shape.first_line),
        half_((mails_ - reads_) / 2),
        writes_(reads_ + half_) {}

  // Often one kind comes so often in a row that its unit's queue is full.
  void add_to(isa::Program& program) {
    if (--run_ < 0) {
      kind_ = d_.between(0, kKinds - 1);
      run_ = d_.chance(7) ? 11 : 0;
    }
    long_ = s_.profile == Profile::kLong && longs_ < kMostLong && d_.chance(65);
    constexpr int kCopy = 4;
    switch (long_ && kind_ <= 1 ? kCopy : kind_) {  // what has no loops is not long
      case 0:
      case 10:
        program.emplace_back(isa::Update{0, 0, slot()});
        return;
      case 1:
        if (d_.chance(50)) {
          program.emplace_back(isa::Update{0, 0, slot()});
        } else {
          program.emplace_back(isa::Settle{0, 0, slot()});
        }
        return;
      case 15:
        program.emplace_back(isa::Take{0, 0, slot(), counter_line(writes_)});
        return;
      case 16:
        program.emplace_back(isa::Give{0, 0, slot(), counter_line(d_.chance(50) ? reads_ : writes_)});
        return;
      case 2:
        program.emplace_back(transpose());
        return;
      case 3:
        program.emplace_back(put());
        if (d_.chance(40)) add_meeting(program);
        return;
      case 4:
      case 5:
        program.emplace_back(copy());
        return;
      case 6:
      case 7:
      case 8:
        program.emplace_back(vector());
        return;
      case 9:
        add_spill_and_resume(program);
        return;
      default:
        program.emplace_back(tensor());
    }
  }

  // Beyond the semaphores that order the program, some that no order needs: raised by some instructions, also
  // by puts where they arrive, and taken by as many later ones, of any units at once. `taken` are not free.
  void add_semaphores_to(isa::Program& program, std::uint32_t taken) {
    const auto last = static_cast<std::int64_t>(program.size()) - 2;
    for (const isa::Instruction& instruction : program) taken |= isa::signal(instruction);
    for (int s = 0; s < isa::kSemaphores && last > 0; ++s) {
      const std::uint32_t bit = std::uint32_t{1} << s;
      if ((taken & bit) != 0 || d_.chance(70)) continue;
      const std::int64_t middle = d_.between(1, last);
      const std::int64_t most = s_.profile == Profile::kMany ? last : d_.chance(20) ? 16 : 4;
      for (std::int64_t n = d_.between(1, most); n > 0; --n) {
        auto& raiser = program[static_cast<std::size_t>(d_.between(0, middle - 1))];
        auto& taker = program[static_cast<std::size_t>(d_.between(middle, last))];
        auto* const put = std::get_if<isa::Put>(&raiser);
        std::uint32_t& raised = put != nullptr && put->core == s_.core && d_.chance(50) ? put->remote_signal
                                                                                        : isa::signal(raiser);
        std::uint32_t& wait = isa::wait(taker);
        if ((raised & bit) != 0 || (wait & bit) != 0) continue;
        raised |= bit;
        wait |= bit;
      }
    }
  }
  // Some semaphores stay above zero: raised after the last who takes them has started, by his unit.
  void leave_semaphores_of(isa::Program& program) {
    const auto last = static_cast<std::int64_t>(program.size()) - 2;
    for (int s = 0; s < isa::kSemaphores && last >= 0; ++s) {
      const std::uint32_t bit = std::uint32_t{1} << s;
      if (d_.chance(60)) continue;
      std::int64_t taker = last;
      while (taker >= 0 && (isa::wait(program[static_cast<std::size_t>(taker)]) & bit) == 0) --taker;
      const std::int64_t raiser = d_.between(0, last);
      auto& instruction = program[static_cast<std::size_t>(raiser)];
      if (taker >= 0 &&
          (raiser <= taker || isa::unit(instruction) != isa::unit(program[static_cast<std::size_t>(taker)])))
        continue;
      isa::signal(instruction) |= bit;
    }
  }

  // Instructions of a unit that are to raise a semaphore, so many that a counter of 8 to 16 bits would be at
  // zero again when the one after them takes it.
  void add_raisers_to(isa::Program& program) {
    const std::int64_t raisers = std::int64_t{1} << (d_.chance(40) ? 16 : d_.between(8, 13));
    program.insert(program.end(), static_cast<std::size_t>(raisers + 1), isa::Settle{0, 0, slot()});
  }

  // A put of some rows to the other core, there to lines that nobody else writes, and what it does with them.
  isa::Put mail(int number) {
    isa::Put p;
    p.element = format();
    p.core = static_cast<std::uint16_t>(1 - s_.core);
    p.remote_signal = mail_semaphore(number);
    const std::int64_t in_line = models::elements_per_word(p.element), rows = kMailLines * in_line;
    loops(p.loops, 0, isa::kLoops, d_.chance(50) ? rows : 4);
    p.src = read_rows(p.loops, p.element);
    p.dst = address(p.loops, isa::kLoops, mail_line(number) * in_line, rows);
    return p;
  }
  // Rows to where other units of the other core write at the same time.
  isa::Put storm() {
    isa::Put p;
    p.element = isa::Format::kInt8;
    p.core = static_cast<std::uint16_t>(1 - s_.core);
    loops(p.loops, 0, isa::kLoops, d_.chance(50) ? 300 : 30);
    p.src = read_rows(p.loops, p.element);
    p.dst = shared_rows(p.loops, isa::kLoops, Share::kArrival);
    return p;
  }
  isa::Copy take(int number) {
    isa::Copy c;
    c.element = d_.chance(60) ? models::kRawWords : format();
    const std::int64_t in_line = models::elements_per_word(c.element), rows = kMailLines * in_line;
    loops(c.loops, 0, isa::kLoops, rows);
    c.src = address(c.loops, isa::kLoops, mail_line(number) * in_line, rows);
    c.dst = read_rows(c.loops, c.element);
    return c;
  }
  static std::uint32_t mail_semaphore(int number) {
    return std::uint32_t{1} << (static_cast<int>(compiler::kOwnSemaphores) + number);
  }
  bool chance(int percent) { return d_.chance(percent); }

 private:
  static constexpr std::int64_t kKinds = 17;

  std::uint16_t slot() { return static_cast<std::uint16_t>(s_.first_slot + d_.between(0, s_.slots - 1)); }
  // Whose width fits the format.
  std::uint16_t slot_to_write(isa::Format f) {
    if (models::holds_width(f, isa::kWidthMax)) return slot();
    return static_cast<std::uint16_t>(s_.first_slot + d_.between(0, s_.narrow_slots - 1));
  }
  // In the half that begins there; what is given may be what was taken, or any words.
  std::uint32_t counter_line(std::int64_t first) {
    return static_cast<std::uint32_t>(first + d_.between(0, half_ - models::counter_lines(s_.lanes)));
  }
  isa::Format format() { return static_cast<isa::Format>(d_.between(0, isa::kFormatInfo.size - 1)); }

  std::int64_t mail_line(int number) const { return mails_ + number * kMailLines; }

  // Counts of the loops [first, last) whose product is `most` at most; unless `strict`, now and then a longer
  // one, in long programs of more than 2^16 iterations.
  void loops(Loops& counts, int first, int last, std::int64_t most, bool strict = false) {
    if (first < last && !strict && long_) return long_loops(counts, first, last);
    if (s_.profile == Profile::kMany) most = std::min<std::int64_t>(most, 2);
    if (first < last && !strict && s_.profile != Profile::kMany && d_.chance(2)) {
      counts[static_cast<std::size_t>(d_.between(first, last - 1))] =
          static_cast<std::uint16_t>(d_.between(257, d_.chance(20) ? 5000 : 1200));
      return;
    }
    for (int k = first; k < last; ++k) {
      if (most < 2 || d_.chance(50)) continue;
      counts[static_cast<std::size_t>(k)] =
          static_cast<std::uint16_t>(d_.between(2, d_.chance(10) ? most : std::min<std::int64_t>(most, 9)));
      most /= counts[static_cast<std::size_t>(k)];
    }
  }
  void long_loops(Loops& counts, int first, int last) {
    constexpr std::int64_t kMost = 0xffff;
    long_ = false;
    ++longs_;
    const auto any = [&]() -> std::uint16_t& {
      return counts[static_cast<std::size_t>(d_.between(first, last - 1))];
    };
    std::uint16_t& one = any();
    if (std::exchange(longest_, false)) {  // of all loops
      counts[0] = 2;
      counts[static_cast<std::size_t>(d_.between(1, last - 1))] = static_cast<std::uint16_t>(kMost);
      return;
    }
    if (d_.chance(65)) {
      one = static_cast<std::uint16_t>(d_.chance(30) ? kMost : d_.between(kMost / 2 + 1, kMost));
      return;
    }
    one = static_cast<std::uint16_t>(d_.between(257, 1024));
    std::uint16_t& other = any();
    if (&one == &other) {
      one = static_cast<std::uint16_t>(kMost);
    } else {
      other = static_cast<std::uint16_t>(d_.between(kMost + 2, kMost + 9000) / one + 1);
    }
  }

  // Over the loops [0, depth) it stays in [first, first + size), reaching `reach` beyond each address. What
  // loops without a second iteration would add does not matter.
  isa::Address address(const Loops& counts, int depth, std::int64_t first, std::int64_t size,
                       std::int64_t reach = 0) {
    isa::Address a;
    std::int64_t slack = size - 1 - reach, low = 0;
    for (int k = 0; k < isa::kLoops; ++k) {
      const auto n = static_cast<std::size_t>(k);
      const std::int64_t steps = counts[n] - 1;
      if (steps == 0 && d_.chance(5)) a.stride[n] = static_cast<std::int32_t>(d_.bits());
      if (k >= depth || steps == 0) continue;
      const std::int64_t stride = d_.chance(s_.profile == Profile::kFar ? 30 : 70)
                                      ? std::min<std::int64_t>(1, slack / steps)
                                      : d_.between(0, slack / steps);
      const bool down = d_.chance(20);
      a.stride[n] = static_cast<std::int32_t>(down ? -stride : stride);
      slack -= stride * steps;
      if (down) low += stride * steps;
    }
    a.base = static_cast<std::uint32_t>(first + low + d_.between(0, slack));
    return a;
  }
  isa::Address read_lines(const Loops& l, int depth) { return address(l, depth, reads_, half_); }
  isa::Address read_rows(const Loops& l, isa::Format f, std::int64_t reach = 0) {
    const std::int64_t in_line = models::elements_per_word(f);
    return address(l, isa::kLoops, reads_ * in_line, half_ * in_line, reach);
  }
  isa::Address write_rows(const Loops& l, int depth, isa::Format f, std::int64_t reach = 0) {
    const std::int64_t in_line = models::elements_per_word(f);
    return address(l, depth, writes_ * in_line, half_ * in_line, reach);
  }
  isa::Address shared_rows(const Loops& l, int depth, Share share) {
    const std::uint32_t in_line = 4;
    isa::Address a = address(l, depth, shared_, kSharedLines);
    a.base = a.base * in_line + static_cast<std::uint32_t>(share);
    for (std::int32_t& stride : a.stride)
      stride = static_cast<std::int32_t>(static_cast<std::uint32_t>(stride) * in_line);
    return a;
  }
  bool shares(isa::Format f) { return f == isa::Format::kInt8 && d_.chance(15); }
  isa::Address hbm_rows(const Loops& l, isa::Format f) {
    const std::int64_t in_line = models::elements_per_word(f);
    return address(l, isa::kLoops, s_.first_hbm_line * in_line, s_.worked_hbm_lines * in_line);
  }

  isa::Mask mask() {
    const std::int64_t first = d_.chance(50) ? 0 : d_.between(0, s_.lanes - 1);
    return {static_cast<std::uint8_t>(first),
            static_cast<std::uint8_t>(d_.chance(50) ? s_.lanes - first : d_.between(1, s_.lanes - first))};
  }
  isa::Index index() {
    isa::Index x;
    x.base = d_.bits();
    for (std::int32_t& stride : x.stride) stride = static_cast<std::int32_t>(d_.bits());
    x.row_stride = static_cast<std::int32_t>(d_.bits());
    x.lane_stride = static_cast<std::int32_t>(d_.bits());
    return x;
  }

  // From HBM, to HBM, or from the half that is written back to the one that is read.
  isa::Copy copy() {
    isa::Copy c;
    c.element = d_.chance(60) ? models::kRawWords : format();
    const bool local = long_ && d_.chance(80);  // HBM takes several cycles a row
    loops(c.loops, 0, isa::kLoops, d_.chance(10) ? 250 : d_.chance(30) ? 60 : 12);
    switch (local ? 2 : d_.between(0, 2)) {
      case 0:
        c.src_space = isa::Space::kHbm;
        c.src = hbm_rows(c.loops, c.element);
        c.dst = read_rows(c.loops, c.element);
        break;
      case 1:
        c.dst_space = isa::Space::kHbm;
        c.src = write_rows(c.loops, isa::kLoops, c.element);
        c.dst = hbm_rows(c.loops, c.element);
        break;
      default:
        c.src = write_rows(c.loops, isa::kLoops, c.element);
        c.dst = read_rows(c.loops, c.element);
    }
    if (c.dst_space == isa::Space::kScratchpad && shares(c.element))
      c.dst = shared_rows(c.loops, isa::kLoops, Share::kCopy);
    return c;
  }
  isa::Put put() {
    isa::Put p;
    p.element = format();
    loops(p.loops, 0, isa::kLoops, d_.chance(20) ? 60 : 12);
    p.src = d_.chance(50) ? read_rows(p.loops, p.element) : write_rows(p.loops, isa::kLoops, p.element);
    // Lines that only puts write: they count as those of another core, so nothing else is ordered after them.
    p.core = static_cast<std::uint16_t>(s_.core);
    const std::int64_t in_line = models::elements_per_word(p.element);
    p.dst = p.element == isa::Format::kInt8 && d_.chance(50)
                ? shared_rows(p.loops, isa::kLoops, Share::kPut)
                : address(p.loops, isa::kLoops, puts_ * in_line, (kPutLines - kSharedLines) * in_line);
    return p;
  }
  // A put and a copy that write to the shared lines, mostly in the same cycles.
  void add_meeting(isa::Program& program) {
    isa::Put p;
    p.element = isa::Format::kInt8;
    p.core = static_cast<std::uint16_t>(s_.core);
    loops(p.loops, 0, isa::kLoops, 80);
    p.src = read_rows(p.loops, p.element);
    p.dst = shared_rows(p.loops, isa::kLoops, Share::kPut);
    isa::Copy c;
    c.element = p.element;
    c.loops = p.loops;
    c.src = write_rows(c.loops, isa::kLoops, c.element);
    c.dst = shared_rows(c.loops, isa::kLoops, Share::kCopy);
    program.emplace_back(c);
    program.emplace_back(p);
  }
  isa::Transpose transpose() {
    isa::Transpose t;
    t.element = format();
    t.src_rows = d_.small(1, s_.lanes);
    t.src_lanes = d_.small(1, s_.lanes);
    t.dst_rows = d_.small(1, s_.lanes);
    loops(t.loops, 0, isa::kLoops, 8, true);
    t.src = read_rows(t.loops, t.element, t.src_rows - 1);
    t.dst = write_rows(t.loops, isa::kLoops, t.element, t.dst_rows - 1);
    return t;
  }
  isa::Operand operand(const Loops& l) {
    isa::Operand o;
    o.kind = static_cast<isa::OperandKind>(d_.between(1, 3));
    o.format = format();
    o.slot = slot();
    if (o.kind == isa::OperandKind::kScalar) {
      o.at.base = static_cast<std::uint32_t>(d_.between(0, isa::kScalars - 1));
    } else {
      const std::int64_t in_line =
          models::elements_per_word(o.format) * (o.kind == isa::OperandKind::kRows ? 1 : s_.lanes);
      o.at = address(l, isa::kLoops, reads_ * in_line, half_ * in_line);
    }
    return o;
  }
  isa::Vector vector() {
    isa::Vector v;
    v.op = static_cast<isa::VectorOp>(d_.between(0, isa::kVectorOpInfo.size - 1));
    v.reduction = static_cast<isa::Reduction>(d_.between(0, static_cast<int>(isa::Reduction::kArgmax)));
    v.reduce =
        v.reduction == isa::Reduction::kNone ? std::uint8_t{0} : d_.small(0, d_.chance(10) ? isa::kLoops : 4);
    v.relu = d_.small(0, 1);
    v.analyse = d_.small(0, 1);
    v.out_format = format();
    if (long_ && d_.chance(60)) {  // counters of an instruction grow beyond 2^16
      v.reduction = isa::Reduction::kNone;
      v.reduce = 0;
      v.analyse = 1;
    }
    const bool longest = longest_ = long_ && v.reduce > 0 && d_.chance(70);
    if (longest) v.reduce = isa::kLoops;  // one fold of 2^17 rows
    v.slot_o = slot_to_write(v.out_format);
    v.mask = mask();
    loops(v.loops, 0, isa::kLoops, d_.chance(20) ? 100 : 20);
    v.a = operand(v.loops);
    v.b = operand(v.loops);
    v.c = operand(v.loops);
    v.o = shares(v.out_format) ? shared_rows(v.loops, isa::kLoops - v.reduce, Share::kRest)
                               : write_rows(v.loops, isa::kLoops - v.reduce, v.out_format);
    v.x = index();
    if (longest && d_.chance(70)) find_late_maximum(v);
    return v;
  }
  // The words of memories repeat, their sums hardly: the largest of 2^17 stands anywhere among them.
  void find_late_maximum(isa::Vector& v) {
    v.reduction = isa::Reduction::kArgmax;
    v.op = isa::VectorOp::kAdd;
    v.out_format = isa::Format::kFp32;
    v.o = write_rows(v.loops, 0, v.out_format);
    v.b.slot = v.a.slot;
    v.a.format = isa::Format::kInt8;
    v.b.format = isa::Format::kInt16;
    for (isa::Operand* operand : {&v.a, &v.b}) {
      const std::int64_t rows = half_ * models::elements_per_word(operand->format);
      std::int64_t reach = 0;
      operand->kind = isa::OperandKind::kRows;
      operand->at = {};
      operand->at.base = static_cast<std::uint32_t>(reads_ * models::elements_per_word(operand->format));
      for (std::size_t k = isa::kLoops; k-- > 0;) {
        if (v.loops[k] < 2) continue;
        const std::int64_t stride = std::min(reach + 1, (rows - 1 - reach) / (v.loops[k] - 1));
        operand->at.stride[k] = static_cast<std::int32_t>(stride);
        reach += stride * (v.loops[k] - 1);
      }
    }
  }
  isa::Tensor tensor(std::int64_t most_tiles = 8, bool strict = false) {
    isa::Tensor t;
    t.format = format();
    t.reduce = d_.small(0, 4);
    const int outer = isa::kLoops - t.reduce;
    const std::int64_t steps = d_.chance(5) ? 300 : d_.chance(20) ? 60 : 12;
    const bool tiles = long_ && d_.chance(25);  // it is they that are many
    loops(t.loops, 0, outer, long_ && !tiles ? 1 : most_tiles, strict || !tiles);
    loops(t.loops, outer, isa::kLoops, tiles ? 2 : steps, strict || tiles);
    t.init = d_.chance(50) ? isa::Init::kBias : isa::Init::kZero;
    t.spill = d_.chance(15) && !tiles ? 1 : 0;
    t.row_first = d_.chance(60) ? std::uint8_t{0} : d_.small(0, s_.lanes - 1);
    t.row_count = tiles ? std::uint8_t{1} : d_.small(1, s_.lanes - t.row_first);
    t.c = read_lines(t.loops, outer);
    finish(t, writes_, half_);
    return t;
  }
  // All that a tensor instruction may choose of its own when loops, rows and start stand; it writes to
  // lines [first, first + size).
  void finish(isa::Tensor& t, std::int64_t first, std::int64_t size) {
    t.out_format = format();
    t.relu = d_.small(0, 1);
    t.analyse = d_.small(0, 1);
    t.slot_a = slot();
    t.slot_b = slot();
    t.slot_o = slot_to_write(t.out_format);
    t.mask = mask();
    t.a = read_lines(t.loops, isa::kLoops);
    t.b = read_lines(t.loops, isa::kLoops);
    const int outer = isa::kLoops - t.reduce;
    const std::int64_t end = t.row_first + t.row_count, rows = models::elements_per_word(t.out_format);
    const std::int64_t lines = models::accumulator_lines(t.format, 1);
    t.o = t.spill != 0 ? address(t.loops, outer, first, size, lines * end - 1)
                       : address(t.loops, outer, first * rows, size * rows, end - 1);
    if (t.spill == 0 && end == 1 && shares(t.out_format)) t.o = shared_rows(t.loops, outer, Share::kRest);
    t.x = index();
  }
  // Accumulators must be those of a spill: one instruction spills tiles that do not overlap, the next goes on
  // from there.
  void add_spill_and_resume(isa::Program& program) {
    const std::int64_t quarter = half_ / 2;
    isa::Tensor t = tensor(std::min<std::int64_t>(8, quarter / (2 * s_.lanes)), true);
    t.spill = 1;
    finish(t, writes_, quarter);
    t.o = {};
    std::int64_t lines = 2 * s_.lanes;  // up to this loop
    for (auto k = static_cast<std::size_t>(isa::kLoops - t.reduce); k-- > 0;) {
      t.o.stride[k] = t.loops[k] > 1 ? static_cast<std::int32_t>(lines) : 0;
      lines *= t.loops[k];
    }
    t.o.base = static_cast<std::uint32_t>(writes_ + d_.between(0, quarter - lines));
    program.emplace_back(t);
    t.init = isa::Init::kSpill;
    t.c = t.o;
    t.spill = d_.chance(30) ? 1 : 0;
    finish(t, writes_ + quarter, quarter);
    program.emplace_back(t);
  }

  Draw d_;
  RandomProgramShape s_;
  std::int64_t shared_, puts_, mails_, reads_, half_,
      writes_;                       // where each begins; reads_ and writes_ have half_ lines
  std::int64_t kind_ = 0, run_ = 0;  // of that kind, yet to come
  static constexpr int kMostLong = 2;
  bool long_ = false, longest_ = false;  // the next loops are
  int longs_ = 0;
};

constexpr std::uint64_t kSeedOfOtherCore = 0x2545f4914f6cdd1dU;

}  // namespace

isa::Program random_program(std::uint64_t seed, const RandomProgramShape& shape) {
  Maker maker(seed, shape);
  isa::Program program;
  if (shape.profile == Profile::kMany && maker.chance(40)) maker.add_raisers_to(program);
  const std::size_t taker =
      program.size() - std::min<std::size_t>(1, program.size());  // of what those before it raise
  while (program.size() - taker < static_cast<std::size_t>(shape.instructions)) maker.add_to(program);
  program.push_back(isa::End{});
  compiler::add_semaphores(program, compiler::dependencies(program, shape.lanes));
  constexpr std::uint32_t kRaised = std::uint32_t{1} << (isa::kSemaphores - 1);
  if (taker > 0) isa::wait(program[taker]) |= kRaised;
  for (std::size_t n = 0; n < taker; ++n) isa::signal(program[n]) |= kRaised;
  maker.add_semaphores_to(program, taker > 0 ? kRaised : 0);
  maker.leave_semaphores_of(program);
  return program;
}

// Written as if both were executed in this order, so that nobody waits forever.
std::array<isa::Program, 2> random_programs_of_two(std::uint64_t seed, const RandomProgramShape& shape) {
  RandomProgramShape other = shape;
  other.core = 1;
  std::array<Maker, 2> makers{Maker(seed, shape), Maker(seed ^ kSeedOfOtherCore, other)};
  std::array<isa::Program, 2> programs;
  std::array<std::vector<std::pair<std::size_t, int>>, 2> takers;  // which instruction takes which
  std::array<int, 2> sent{}, taken{};
  for (int n = 0; n < shape.instructions; ++n) {
    for (std::size_t c = 0; c < programs.size(); ++c) {
      makers[c].add_to(programs[c]);
      if (sent[c] < kMails && makers[c].chance(40)) programs[c].emplace_back(makers[c].mail(sent[c]++));
      if (makers[c].chance(20)) programs[c].emplace_back(makers[c].storm());
      if (taken[c] == sent[1 - c] || makers[c].chance(60)) continue;
      takers[c].emplace_back(programs[c].size(), taken[c]);
      programs[c].emplace_back(makers[c].take(taken[c]++));
    }
  }
  for (std::size_t c = 0; c < programs.size(); ++c) {
    isa::Program& program = programs[c];
    program.push_back(isa::End{});
    compiler::add_semaphores(program, compiler::dependencies(program, shape.lanes));
    for (const auto& [instruction, number] : takers[c])
      isa::wait(program[instruction]) |= Maker::mail_semaphore(number);
    makers[c].add_semaphores_to(program, ~(Maker::mail_semaphore(0) - 1));
  }
  return programs;
}

}  // namespace anzan::sim
