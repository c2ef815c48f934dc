// Chooses the largest unit in which the rounded value is at least one.
#include "sim/host/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace anzan::sim {
namespace {

constexpr std::array<const char*, 10> kPrefixes{"f", "p", "n", "u", "m", "", "k", "M", "G", "T"};
constexpr int kNone = 5;  // number of the prefix of the unit itself

double in_prefix(double value, int prefix) { return value * std::pow(1000.0, kNone - prefix); }

// To four digits, all of those before the point.
std::string four_digits(double value) {
  const int before = value < 9.9995 ? 1 : value < 99.995 ? 2 : value < 999.95 ? 3 : 4;
  return fmt::format("{:.{}f}", value, 4 - before);
}

std::string quantity(double value, const char* unit, int least, int most) {
  if (value == 0 || !std::isfinite(value)) return fmt::format("{:.0f} {}", value, unit);
  const double size = std::abs(value);
  int prefix = most;
  while (prefix > least && in_prefix(size, prefix) < 0.99995) --prefix;
  if (prefix < most && in_prefix(size, prefix) >= 999.95) ++prefix;
  return fmt::format("{}{} {}{}", value < 0 ? "-" : "", four_digits(in_prefix(size, prefix)),
                     kPrefixes[static_cast<std::size_t>(prefix)], unit);
}

}  // namespace

std::string seconds_text(double seconds) { return quantity(seconds, "s", 0, kNone); }

std::string bytes_text(double bytes) {
  return std::abs(bytes) < 1000 ? fmt::format("{:.0f} B", bytes) : quantity(bytes, "B", kNone, 9);
}

std::string joules_text(double joules) { return quantity(joules, "J", 0, kNone); }

}  // namespace anzan::sim
