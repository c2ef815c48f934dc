// One small function a policy, in a table indexed by the policy's number.
#include "models/settings_optimiser.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "models/analysis_block.hpp"

namespace anzan::models {
namespace {

__extension__ using Wide = unsigned __int128;

// What a policy may look at. `largest` is P, the position of the highest bin that is not empty.
struct View {
  const SlotSettings& settings;
  const SlotStatistics& window;
  int largest;
};

// The finest point at which a value at position p fits the slot's width.
int point_for(const View& view, int p) { return view.settings.width - 2 - p; }

// rate(q) <= r_max, exactly.
bool within_rate(const View& view, int q) {
  Wide over = 0;
  for (int bin = 0; bin < isa::kHistogramBins; ++bin) {
    if (bin_position(bin) > point_for(view, q)) over += view.window.histogram[static_cast<std::size_t>(bin)];
  }
  return over << 32 <= Wide{view.settings.r_max} * view.window.values;
}

// The last min(window, history) positions, oldest first; never none, since P has just been pushed.
struct Recent {
  const std::int8_t* first;
  int count;
};
Recent recent(const SlotSettings& s) {
  const int count = std::clamp<int>(s.window, 1, s.history_count);
  return {s.history.data() + s.history_count - count, count};
}

int keep(const View& view) { return view.settings.q_write; }

constexpr int kUnlimited = 1 << 20;  // a target finer than any limit, whatever the guard

int max_target(const View& view) {
  const Recent r = recent(view.settings);
  return point_for(view, *std::max_element(r.first, r.first + r.count));
}

int overflow_rate_target(const View& view) {
  // rate(q) never falls as q grows: zero at the point of the largest position, and at `all_over` every
  // value that is not zero is over.
  const int all_over = point_for(view, isa::kHistogramOrigin) + 1;
  if (within_rate(view, all_over)) return kUnlimited;
  int q = point_for(view, view.largest);
  while (within_rate(view, q + 1)) ++q;
  return q;
}

int step_target(const View& view) {
  const int q = view.settings.q_write;
  if (!within_rate(view, q)) return q - 1;
  return within_rate(view, q + 1) ? q + 1 : q;
}

// Cost of one value at position p stored with point q, in the unit of models/README.md.
Wide cost_of_value(int width, int k) {
  if (k >= width - 1) {  // clipped at 2^(width−1)
    const Wide excess = (Wide{3} << (k - (width - 1))) - 2;
    return ((Wide{3} << 16) << (2 * (width - 1))) * excess * excess;
  }
  if (k >= -1) return Wide{1} << 16;              // rounding error, uniform over a step
  return k >= -8 ? Wide{27} << (16 + 2 * k) : 0;  // rounded to zero: 12 · (1.5 · 2^k)²
}

int min_error_target(const View& view) {
  constexpr int kCandidates = 9;
  const int first = point_for(view, view.largest);
  int best = first;
  Wide least = ~Wide{0};
  for (int i = 0; i < kCandidates; ++i) {
    Wide cost = 0;
    for (int bin = 0; bin < isa::kHistogramBins; ++bin) {
      const std::uint32_t count = view.window.histogram[static_cast<std::size_t>(bin)];
      if (count != 0) cost += cost_of_value(view.settings.width, bin_position(bin) + first + i) * count;
    }
    cost <<= 2 * (kCandidates - 1 - i);  // · 4^(−q), up to a common factor; below 2^120
    if (cost < least) {
      least = cost;
      best = first + i;
    }
  }
  return best;
}

int predictive_target(const View& view) {
  const Recent r = recent(view.settings);
  int sum = 0;
  for (int i = 0; i < r.count; ++i) sum += r.first[i];
  int scatter = 0;  // n² · D
  for (int i = 0; i < r.count; ++i) scatter += std::abs(r.count * r.first[i] - sum);
  const int numerator = r.count * sum + 2 * scatter;  // n² · (M + 2 D)
  const int square = r.count * r.count;
  const int ceiling =
      numerator / square + (numerator % square > 0 ? 1 : 0);  // division truncates towards zero
  const int last = r.first[r.count - 1];
  const int trend = r.count > 1 ? std::max(0, last - r.first[r.count - 2]) : 0;
  return point_for(view, std::max(last, ceiling) + trend);
}

struct PolicyRule {
  isa::Policy policy;
  int (*target)(const View&);
  bool guarded;            // the target is lowered by `guard`
  bool finds_first_point;  // from one update, whatever the point was before
};

constexpr PolicyRule kPolicies[] = {
    {isa::Policy::kStatic, keep, false, false},
    {isa::Policy::kMax, max_target, true, true},
    {isa::Policy::kOverflowRate, overflow_rate_target, true, true},
    {isa::Policy::kStep, step_target, false, false},
    {isa::Policy::kMinError, min_error_target, true, true},
    {isa::Policy::kPredictive, predictive_target, true, false},
};
constexpr bool table_is_in_order() {
  std::size_t number = 0;
  for (const PolicyRule& rule : kPolicies) {
    if (static_cast<std::size_t>(rule.policy) != number++) return false;
  }
  return number == static_cast<std::size_t>(isa::kPolicyInfo.size);
}
static_assert(table_is_in_order(), "one rule a policy, in the order of isa.json");

void count_up(std::uint32_t& counter) {
  if (counter != std::numeric_limits<std::uint32_t>::max()) ++counter;
}

int highest_bin(const SlotStatistics& window) {
  int bin = isa::kHistogramBins - 1;
  while (bin >= 0 && window.histogram[static_cast<std::size_t>(bin)] == 0) --bin;
  return bin;
}

const PolicyRule& rule_of(isa::Policy policy) { return kPolicies[static_cast<std::size_t>(policy)]; }

}  // namespace

bool finds_first_point(isa::Policy policy) { return rule_of(policy).finds_first_point; }

bool update(SlotSettings& settings, SlotStatistics& window) {
  count_up(settings.updates);
  count_up(settings.age);
  const bool due = settings.updates <= settings.warmup || settings.age >= settings.interval;
  const int bin = highest_bin(window);
  if (!due || settings.policy == isa::Policy::kStatic || bin < 0) return false;

  const int largest = bin_position(bin);
  push_history(settings, largest);
  const PolicyRule& rule = rule_of(settings.policy);
  const int wanted = rule.target({settings, window, largest}) - (rule.guarded ? settings.guard : 0);
  const int target = std::max<int>(settings.q_min, std::min<int>(settings.q_max, wanted));

  const int before = settings.q_write;
  if (target < before || target - before > settings.hysteresis)
    settings.q_write = static_cast<std::int8_t>(target);
  settings.age = 0;
  window.decay(settings.decay);
  return settings.q_write != before;
}

}  // namespace anzan::models
