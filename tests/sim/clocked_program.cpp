// A generator of legal programs, and a core that looks at everything in every cycle.
#include "tests/sim/clocked_program.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "models/timing.hpp"

namespace anzan::sim::testing {
namespace {

class RandomProgram {
 public:
  explicit RandomProgram(std::uint32_t seed) : random_(seed) {}

  isa::Program make(std::size_t size) {
    isa::Program program;
    for (std::size_t i = 0; i < size; ++i) program.push_back(instruction());
    for (std::size_t i = 0; i < size; ++i) connect(program, i);
    program.push_back(isa::End{});
    return program;
  }

 private:
  template <class Int = int>
  Int draw(int low, int high) {
    return static_cast<Int>(std::uniform_int_distribution<int>(low, high)(random_));
  }

  isa::Instruction instruction() {
    isa::Instruction i = isa::make_instruction(draw<std::size_t>(1, 7));
    isa::visit_fields(i, [&](const isa::FieldInfo& field, auto& member) {
      using Member = std::decay_t<decltype(member)>;
      if (field.stem == "loops" && draw(0, 2) == 0) member = static_cast<Member>(draw(1, 4));
      const bool flag = field.name == "analyse" || field.name == "spill";
      if (flag || field.name == "src_space" || field.name == "dst_space")
        member = static_cast<Member>(draw(0, 1));
      if (field.name == "reduce") member = static_cast<Member>(draw(0, 8));
      if (field.kind == isa::FieldKind::kEnum && (field.name == "format" || field.name == "element"))
        member = static_cast<Member>(draw(0, 2));
      if (field.name == "init") member = static_cast<Member>(draw(0, 2));
      const bool extent = field.name == "row_count" || field.name == "lane_count" ||
                          field.name == "src_rows" || field.name == "dst_rows" || field.name == "src_lanes";
      if (extent) member = static_cast<Member>(draw(1, 16));
    });
    return i;
  }

  // A semaphore for an ordered pair of units, or one that all raise for this unit: one unit only takes each,
  // so that the order of raises cannot bring the core to a halt.
  void connect(isa::Program& program, std::size_t waiter) {
    const auto unit = static_cast<std::size_t>(isa::unit(program[waiter])) - 1;
    for (int tries = draw(0, 3); tries > 0 && waiter > 0; --tries) {
      const std::size_t from =
          draw<std::size_t>(std::max(0, static_cast<int>(waiter) - 12), static_cast<int>(waiter) - 1);
      const auto by = static_cast<std::size_t>(isa::unit(program[from])) - 1;
      const std::size_t semaphore = draw(0, 2) == 0 ? 25 + unit : by * 5 + unit;
      const std::uint32_t bit = std::uint32_t{1} << semaphore;
      std::uint32_t& waits = isa::wait(program[waiter]);
      std::uint32_t& signals = isa::signal(program[from]);
      if ((waits & bit) != 0 || (signals & bit) != 0) continue;
      waits |= bit;
      signals |= bit;
    }
  }

  std::mt19937 random_;
};

constexpr std::size_t kQueueDepth = 8;

class TinyCore {
 public:
  TinyCore(isa::Program program, std::uint32_t seed) : random_(seed) {
    result_.program = std::move(program);
    result_.timing.instructions.resize(result_.program.size());
    for (const isa::Instruction& i : result_.program) ++left_[number(i)];
    fetched_ = models::fetch_cycles(result_.program.front(), kFetchLanes);
  }

  ClockedProgram run() {
    for (cycle_ = 1; !tick();) ++cycle_;
    result_.timing.cycles = cycle_;
    return std::move(result_);
  }

 private:
  struct Token {
    std::int64_t cycle;
    std::size_t unit;
  };
  struct Unit {
    std::deque<std::size_t> queue;
    bool busy = false;
    std::size_t current = 0;
    std::int64_t held = 0;  // cycles in which a semaphore was missing
  };

  static std::size_t number(const isa::Instruction& i) { return static_cast<std::size_t>(isa::unit(i)); }
  std::int64_t draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  bool tick() {
    std::array<std::size_t, kAllUnits> length{};
    for (std::size_t u = 1; u < kAllUnits; ++u) length[u] = units_[u].queue.size();
    std::vector<std::pair<int, Token>> raised;
    const bool fetched = next_ < result_.program.size() - 1 && cycle_ >= fetched_;
    const std::size_t full =
        fetched && length[number(result_.program[next_])] >= kQueueDepth ? number(result_.program[next_]) : 0;
    bool all_idle = true;
    for (std::size_t u = 1; u < kAllUnits; ++u) {
      if (units_[u].busy || left_[u] > 0) all_idle = false;
      work(u, full, raised);
    }
    if (!all_idle && next_ < result_.program.size() - 1) issue(length);
    for (const auto& [semaphore, token] : raised)
      tokens_[static_cast<std::size_t>(semaphore)].push_back(token);
    if (all_idle) result_.timing.instructions.back().issued = cycle_;
    return all_idle;
  }

  // `full`: the unit before whose queue the sequencer stands in this cycle; 0: none.
  void work(std::size_t u, std::size_t full, std::vector<std::pair<int, Token>>& raised) {
    Unit& unit = units_[u];
    auto& seen = result_.seen[u];
    if (unit.busy) {
      ++seen["busy"];
      if (result_.timing.instructions[unit.current].ended != cycle_) return;
      unit.busy = false;
      const std::uint32_t mask = isa::signal(result_.program[unit.current]);
      for (int s = 0; s < 32; ++s)
        if ((mask >> s & 1) != 0) raised.push_back({s, {cycle_, u}});
    } else if (left_[u] == 0) {
      ++seen["end"];
    } else if (unit.queue.empty()) {
      ++seen[full == 0 ? "dispatch" : std::string("queue of ") + isa::name(static_cast<isa::Unit>(full))];
    } else {
      start(u);
    }
  }

  void start(std::size_t u) {
    Unit& unit = units_[u];
    const std::size_t i = unit.queue.front();
    const std::uint32_t mask = isa::wait(result_.program[i]);
    Token last{-1, 0};
    for (std::size_t s = 0; s < 32; ++s)
      if ((mask >> s & 1) != 0 && tokens_[s].empty()) {
        ++unit.held;
        return;
      }
    for (std::size_t s = 0; s < 32; ++s)
      if ((mask >> s & 1) != 0) {
        const Token token = tokens_[s].front();
        tokens_[s].pop_front();
        if (token.cycle > last.cycle || (token.cycle == last.cycle && token.unit < last.unit)) last = token;
      }
    if (unit.held > 0) result_.seen[u][isa::name(static_cast<isa::Unit>(last.unit))] += unit.held;
    unit.held = 0;
    ++result_.seen[u]["start"];
    unit.queue.pop_front();
    unit.busy = true;
    unit.current = i;
    --left_[u];
    models::InstructionTiming& t = result_.timing.instructions[i];
    const isa::Instruction& instruction = result_.program[i];
    t.started = cycle_;
    t.worked = cycle_ + models::work_cycles(instruction) + (models::uses_hbm(instruction) ? draw(5, 40) : 0);
    t.ended = t.worked + (models::merges(instruction) ? models::kMergeCycles + draw(0, 20) : 0);
  }

  void issue(const std::array<std::size_t, kAllUnits>& length) {
    if (cycle_ < fetched_) return;
    const std::size_t u = number(result_.program[next_]);
    if (length[u] >= kQueueDepth) return;
    units_[u].queue.push_back(next_);
    result_.timing.instructions[next_].issued = cycle_;
    ++next_;
    fetched_ = cycle_ + 1 + models::fetch_cycles(result_.program[next_], kFetchLanes);
  }

  std::mt19937 random_;
  ClockedProgram result_;
  std::array<int, kAllUnits> left_{};
  std::array<Unit, kAllUnits> units_;
  std::array<std::deque<Token>, 32> tokens_;
  std::int64_t cycle_ = 1, fetched_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

ClockedProgram random_clocked_program(std::uint32_t seed, std::size_t size) {
  return TinyCore(RandomProgram(seed).make(size), seed).run();
}

}  // namespace anzan::sim::testing
