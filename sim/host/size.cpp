// Digits are kept as a whole number and a power of ten, so that no size is rounded.
#include "sim/host/size.hpp"

#include <array>
#include <cctype>
#include <limits>
#include <string_view>

namespace anzan::sim {
namespace {

__extension__ using Wide = unsigned __int128;
constexpr Wide kMostBytes = std::numeric_limits<std::int64_t>::max();

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 10> kSizeUnits{{{"", 1},
                                               {"b", 1},
                                               {"kb", 1'000},
                                               {"mb", 1'000'000},
                                               {"gb", 1'000'000'000},
                                               {"tb", 1'000'000'000'000},
                                               {"kib", 1ULL << 10},
                                               {"mib", 1ULL << 20},
                                               {"gib", 1ULL << 30},
                                               {"tib", 1ULL << 40}}};

bool digit(char c) { return c >= '0' && c <= '9'; }

// number · 10^power, read from the front of the text.
struct Decimal {
  Wide number = 0;
  int power = 0;
};

std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal d;
  bool any = false, point = false;
  for (; !text.empty() && (digit(text.front()) || (text.front() == '.' && !point)); text.remove_prefix(1)) {
    if (text.front() == '.') {
      point = true;
      continue;
    }
    any = true;
    d.number = d.number * 10 + static_cast<Wide>(text.front() - '0');
    d.power -= point ? 1 : 0;
    if (d.number > kMostBytes * 1000) return {};
  }
  if (!any) return {};
  if (text.size() < 2 || (text.front() != 'e' && text.front() != 'E')) return d;
  std::string_view rest = text.substr(1);
  const bool minus = rest.front() == '-';
  if (minus || rest.front() == '+') rest.remove_prefix(1);
  if (rest.empty() || !digit(rest.front())) return d;
  int exponent = 0;
  for (; !rest.empty() && digit(rest.front()); rest.remove_prefix(1))
    if (exponent < 1000) exponent = exponent * 10 + (rest.front() - '0');
  d.power += minus ? -exponent : exponent;
  text = rest;
  return d;
}

std::optional<std::uint64_t> unit_bytes(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::string small;
  for (const char c : text) small += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const SizeUnit& unit : kSizeUnits)
    if (unit.name == small) return unit.bytes;
  return {};
}

}  // namespace

std::optional<std::int64_t> parse_size(const std::string& written) {
  std::string_view text = written;
  const std::optional<Decimal> decimal = take_decimal(text);
  const std::optional<std::uint64_t> unit = unit_bytes(text);
  if (!decimal || !unit) return {};
  Wide bytes = decimal->number * *unit;
  for (int p = decimal->power; p > 0 && bytes > 0; --p)
    if ((bytes *= 10) > kMostBytes) return {};
  for (int p = decimal->power; p < 0 && bytes > 0; ++p, bytes /= 10)
    if (bytes % 10 != 0) return {};
  if (bytes > kMostBytes) return {};
  return static_cast<std::int64_t>(bytes);
}

}  // namespace anzan::sim
