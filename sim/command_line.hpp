// The `anzan` command line.
#pragma once

namespace anzan::sim {

// Returns the exit status: 0 done, 1 the run failed or was interrupted, 2 the input was wrong.
int command_line(int argc, char** argv);

}  // namespace anzan::sim
