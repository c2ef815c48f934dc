// Many cores that train together: how many, how the network is divided among them, and how they exchange
// what they have computed.
#pragma once
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "isa/isa_generated.hpp"

namespace anzan::compiler {

struct ExchangeParameters {
  // An exchange goes through these dimensions one after the other, a ring in each: {64} is one ring, {2, 2,
  // 2, 2} is recursive halving and doubling, {8, 8} a torus, {16, 4} goes through the cores of a chip and
  // then between chips. Place d of the data axis has coordinate (d / product of the sizes before) mod size in
  // each; the product of all is the size of that axis.
  std::vector<int> dimensions{1};
  std::optional<isa::Format> format;  // of gradients on the wire; none: as the precision says
  std::int64_t segment_bytes = 32 * 1024;
  // Each can be switched off, so that its worth can be measured.
  bool hide_in_backward = true;  // gradients leave while other gradients are being computed
  bool hide_in_forward = true;   // the next step begins before the last weights are there
  bool pipelined = true;         // several segments are under way at once
  // What the scheduler expects of the network; decides nothing but the order of instructions.
  std::int64_t expected_latency_cycles = 500;
  double expected_bytes_per_cycle = 12.5;
};

// Cores along one axis of a mapping: core c has place (c / stride) mod size.
struct MeshAxis {
  int size = 1, stride = 1;
  int place(int core) const { return core / stride % size; }
  // The core `distance` places on, around the axis.
  int neighbour(int core, int distance) const {
    const int p = place(core);
    return core + ((p + distance) % size + size) % size * stride - p * stride;
  }
};

// How a network is divided: the cores of a system are the product of three axes. Cores along `tensor` share
// the channels of each layer; those along `pipeline` have each a stage, some of the layers one after the
// other; those along the data axis, whose size is that of the exchange, have other images.
struct Mapping {
  MeshAxis tensor, pipeline;
  int data_stride = 1;
  int micro_batches = 1;                 // parts of a core's batch that go through the stages one by one
  std::vector<std::string> stage_begin;  // the first layer of each stage but the first; none: by cost
  std::map<std::string, bool> split;     // whether a layer's channels are shared; others: where they divide
};

struct SystemParameters {
  ExchangeParameters exchange;
  Mapping mapping;
  int data_cores() const {
    return std::accumulate(exchange.dimensions.begin(), exchange.dimensions.end(), 1,
                           [](int product, int size) { return product * size; });
  }
  int cores() const { return data_cores() * mapping.tensor.size * mapping.pipeline.size; }
  // Cores work on parts of the network, or on parts of their images one after the other.
  bool divided() const {
    return mapping.tensor.size > 1 || mapping.pipeline.size > 1 || mapping.micro_batches > 1;
  }
  MeshAxis data_axis() const { return {data_cores(), mapping.data_stride}; }
};

}  // namespace anzan::compiler
