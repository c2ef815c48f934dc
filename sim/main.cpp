// Entry of the program `anzan`.
#include "sim/command_line.hpp"

int main(int argc, char** argv) { return anzan::sim::command_line(argc, argv); }
