// Batch normalisation: sums of channels, and what is made of them.
#pragma once
#include "tests/reference/integer_state.hpp"

namespace anzan::reference {

void batch_norm_forward(IntegerState& s, const compiler::Layer& l, const IntegerState::Node& node);
void batch_norm_gradients(IntegerState& s, const compiler::Layer& l,
                          const StoredTensor& dy);  // of the parameters
void batch_norm_data_gradient(IntegerState& s, const compiler::Layer& l, const StoredTensor& dy,
                              const IntegerState::Node& target, const std::string& name);
void update_averages(IntegerState& s, const compiler::Layer& l);  // the running ones

}  // namespace anzan::reference
