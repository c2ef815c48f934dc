// Quantities as people read them: in the unit that fits the value, to four digits.
#pragma once
#include <string>

namespace anzan::sim {

// "869.6 us", "12.26 MB", "1.232 mJ"; powers of 1000. Seconds and joules have no unit above themselves, bytes
// none below. Zero is "0 s"; what is not finite stays as it is.
std::string seconds_text(double seconds);
std::string bytes_text(double bytes);
std::string joules_text(double joules);

}  // namespace anzan::sim
