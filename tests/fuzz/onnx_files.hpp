// ONNX files of drawn networks, and changes of them.
#pragma once
#include <string>

#include "tests/fuzz/grammar.hpp"

namespace anzan::fuzz {

// A network of a configuration, as drawn_configuration() makes them, as an ONNX file; values are drawn.
// Throws InputError where that is no network.
std::string onnx_file(Draw& draw, const Json& network);

// One to three changes within a model, written as protobuf writes it: operators, names, attributes, shapes
// and values of any size, nodes that are lost or stand elsewhere or a hundred thousand times.
std::string changed_onnx(Draw& draw, const std::string& bytes);

}  // namespace anzan::fuzz
