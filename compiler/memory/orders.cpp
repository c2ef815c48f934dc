// Measures are doubles made by operations that IEEE 754 defines to the bit, so that no order depends on a
// library.
#include "compiler/memory/orders.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

namespace anzan::compiler {
namespace {

enum Measure { kSize, kSizeClass, kLength, kArea, kLoad, kPeak, kSections, kStart, kMeasures };
using Measures = std::array<double, kMeasures>;

// A logarithm to the base 2, straight between powers of 2: good enough to weigh, and the same everywhere.
double logarithm(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);  // in [0.5, 1)
  return exponent + 2 * mantissa - 2;
}

std::vector<Measures> measures_of(const std::vector<Buffer>& buffers, const Sections& sections) {
  std::vector<Measures> all(buffers.size());
  const auto peak =
      static_cast<int>(std::max_element(sections.load.begin(), sections.load.end()) - sections.load.begin());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const Buffer& b = buffers[i];
    Measures& m = all[i];
    m[kSize] = static_cast<double>(b.size);
    m[kSizeClass] = std::floor(2 * logarithm(m[kSize]));
    m[kLength] = static_cast<double>(b.upper) - static_cast<double>(b.lower);
    m[kArea] = m[kSize] * m[kLength];
    m[kPeak] = sections.first[i] <= peak && peak < sections.last[i] ? 1 : 0;
    m[kSections] = sections.last[i] - sections.first[i];
    m[kStart] = -static_cast<double>(b.lower);
  }
  return all;
}

// The greatest load that each buffer is part of: a table of the greatest of 2^k sections from each on.
void add_loads(const Sections& sections, std::vector<Measures>& all) {
  std::vector<std::vector<std::int64_t>> greatest{sections.load};
  for (std::size_t step = 1; 2 * step <= sections.load.size(); step *= 2) {
    const std::vector<std::int64_t>& below = greatest.back();
    std::vector<std::int64_t> row(below.size() - step);
    for (std::size_t s = 0; s < row.size(); ++s) row[s] = std::max(below[s], below[s + step]);
    greatest.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto length = static_cast<std::size_t>(sections.last[i] - sections.first[i]);
    std::size_t k = 0;
    while ((std::size_t{2} << k) <= length) ++k;
    const auto& row = greatest[k];
    all[i][kLoad] = static_cast<double>(std::max(
        row[sections.first[i]], row[static_cast<std::size_t>(sections.last[i]) - (std::size_t{1} << k)]));
  }
}

// By the first measure, then the second, then the third, the greatest first. The last is for many buffers:
// those of about one size are stacked as they begin, which would waste nothing if they were of one size.
constexpr std::array<std::array<Measure, 3>, 8> kOrders{{{kLoad, kLength, kArea},
                                                         {kLoad, kArea, kLength},
                                                         {kSections, kSize, kLoad},
                                                         {kLength, kArea, kLoad},
                                                         {kArea, kLength, kLoad},
                                                         {kSize, kLength, kLoad},
                                                         {kStart, kSize, kLength},
                                                         {kSizeClass, kPeak, kStart}}};

// What is part of a load close to the greatest is hard to place; what is part of many such loads stays in the
// way.
constexpr double kClose = 0.98;
// Of the logarithms of length, size and number of sections; of being part of a close load; of the logarithm
// of one more than the number of close loads. Around these points searches have been found to end soon.
using OrderWeights = std::array<double, 5>;
constexpr std::array<OrderWeights, 3> kCentres{
    {{0.36, 1.15, 2.65, 3.3, -1.1}, {0.4, 0.4, 0.3, 7, -2}, {1, 1, 1, 1, 0}}};
constexpr double kSpread = 0.15;

// Nearly normal: a sum of uniform numbers of SplitMix64.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}
  double normal() {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(next() >> 11) * 0x1p-53;
    return sum;
  }

 private:
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }
  std::uint64_t state_;
};

template <class Key>
std::vector<int> sorted_by(const std::vector<Key>& keys) {
  std::vector<int> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] > keys[b]; });
  return order;
}

}  // namespace

int fixed_orders() { return order_of_many(); }
int order_of_many() { return static_cast<int>(kOrders.size()) - 1; }

std::vector<int> fixed_order(int number, const std::vector<Buffer>& buffers, const Sections& sections) {
  std::vector<Measures> all = measures_of(buffers, sections);
  add_loads(sections, all);
  std::vector<std::tuple<double, double, double>> keys;
  keys.reserve(all.size());
  const auto& [first, second, third] = kOrders[number];
  for (const Measures& m : all) keys.emplace_back(m[first], m[second], m[third]);
  return sorted_by(keys);
}

std::vector<int> drawn_order(std::uint64_t seed, const std::vector<Buffer>& buffers,
                             const Sections& sections) {
  std::vector<Measures> all = measures_of(buffers, sections);
  add_loads(sections, all);
  const double close = kClose * static_cast<double>(greatest_load(sections));
  std::vector<int> close_before(sections.load.size() + 1);  // sections whose load is close to the greatest
  for (std::size_t s = 0; s < sections.load.size(); ++s)
    close_before[s + 1] = close_before[s] + (static_cast<double>(sections.load[s]) > close ? 1 : 0);
  Draw draw(seed);
  OrderWeights weights = kCentres[seed % kCentres.size()];
  for (double& weight : weights) weight += kSpread * draw.normal();
  std::vector<double> keys;
  keys.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Measures& m = all[i];
    const int count = close_before[sections.last[i]] - close_before[sections.first[i]];
    keys.push_back(weights[0] * logarithm(m[kLength]) + weights[1] * logarithm(m[kSize]) +
                   weights[2] * logarithm(m[kSections]) + (count > 0 ? weights[3] : 0) +
                   weights[4] * logarithm(1.0 + count));
  }
  return sorted_by(keys);
}

std::vector<int> ranks_of(const std::vector<int>& order) {
  std::vector<int> ranks(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) ranks[order[k]] = static_cast<int>(k);
  return ranks;
}

}  // namespace anzan::compiler
