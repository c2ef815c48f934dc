// Configurations to start from: small ones, drawn ones and those that are shipped.
#pragma once
#include "tests/fuzz/grammar.hpp"

namespace anzan::fuzz {

// A network of any layers with one input, precisions, a chip and perhaps several: mostly one that compiles
// and trains in little time. Its data set has the four files that data_files() makes.
Json drawn_configuration(Draw& draw);
// LeNet or AlexNet as workloads/ has them, with their network inside.
Json shipped_configuration(Draw& draw);
// Either of these, or the small one of the tests.
Json any_configuration(Draw& draw);

// Names and contents of a data set of random images that fit the network of a configuration from above.
using Files = std::vector<std::pair<std::string, std::string>>;
Files data_files(Draw& draw, const Json& configuration);
// The configuration's key `dataset` with these files.
Json dataset();

}  // namespace anzan::fuzz
