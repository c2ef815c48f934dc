// Sizes as people write them: 1048576, 1e6, 8MiB, 0.5 GB.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace anzan::sim {

inline constexpr const char* kSizeSyntax = "bytes, such as 1000000, 1e6, 64KiB, 8MiB or 2GB";

// A decimal number and perhaps a unit: B; kB, MB, GB, TB (powers of 1000); KiB, MiB, GiB, TiB (of 1024).
// Letters may be small. None: not that, not whole bytes, or beyond 2^63 - 1.
std::optional<std::int64_t> parse_size(const std::string& text);

}  // namespace anzan::sim
