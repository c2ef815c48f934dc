// Which program this is.
#pragma once

namespace anzan::sim {

// "0.1.0+" and twelve digits of the hash of all sources that results depend on, so that builds of different
// sources tell themselves apart.
const char* program_version();
// "0.1.0": what runs are compatible by.
const char* release_version();

}  // namespace anzan::sim
