// Many cores that train together: how many, how the network is divided among them, and how they exchange
// what they have computed.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/input/remote_semaphores.hpp"
#include "isa/isa_generated.hpp"

namespace anzan::compiler {

// Cores that lie `stride` apart, `size` of them: core c has the coordinate c / stride mod size. Messages go
// to the next higher coordinate, or, reversed, to the next lower one.
struct Dimension {
  int size = 1, stride = 1;
  bool reversed = false;
  int coordinate(int core) const { return core / stride % size; }
  // The core `distance` places on, around the dimension.
  int neighbour(int core, int distance) const {
    const int p = coordinate(core);
    return core + (((p + distance) % size + size) % size - p) * stride;
  }
};

// The core to which this one sends.
inline int next(const Dimension& d, int core) { return d.neighbour(core, d.reversed ? -1 : 1); }

// The dimensions that a collective goes through, in this order.
using Way = std::vector<Dimension>;

struct ExchangeParameters {
  // An exchange goes through these dimensions one after the other, a ring in each: {64} is one ring, {2, 2,
  // 2, 2} is recursive halving and doubling, {8, 8} a torus, {16, 4} goes through the cores of a chip and
  // then between chips. Neighbours in the first lie `stride` apart, in each other one the product of that and
  // the sizes before; the product of all sizes is the number of cores that exchange.
  std::vector<int> dimensions{1};
  int stride = 1;
  // Segments take turns to go so many ways (all_ways of compiler/collective/ways.hpp), that more links are
  // busy at once. The first `fixed_dimensions` come first on each.
  int ways = 1;
  int fixed_dimensions = 0;
  int first_dimension = 0;  // of those after the fixed ones: the first on the first way
  std::size_t semaphores = RemoteSemaphores::kAll;  // that other cores may raise for it
  std::optional<isa::Format> format;                // of gradients on the wire; none: as the precision says
  std::int64_t segment_bytes = 32 * 1024;
  // Of segments that stream (compiler/collective/streams.hpp), as long as the scratchpad has room for
  // several; 0: none do. None: a collective chooses, and an exchange streams nothing.
  std::optional<std::int64_t> stream_bytes;
  // Each can be switched off, so that its worth can be measured.
  bool hide_in_backward = true;  // gradients leave while other gradients are being computed
  bool hide_in_forward = true;   // the next step begins before the last weights are there
  bool pipelined = true;         // several segments are under way at once, otherwise one, the first way
  // What the scheduler expects of the network; decides nothing but the order of instructions.
  std::int64_t expected_latency_cycles = 500;
  double expected_bytes_per_cycle = 12.5;
  std::int64_t payload_bytes = 2048, header_bytes = 0;  // of a packet
  int buffer_packets = 0;  // that a link takes before the first of them is answered; 0: any number
  std::int64_t packets(std::int64_t bytes) const { return (bytes + payload_bytes - 1) / payload_bytes; }
  // So many bytes on a link; and from the end of the put that sends them until they have arrived.
  std::int64_t link_cycles(std::int64_t bytes) const {
    return static_cast<std::int64_t>(static_cast<double>(bytes + packets(bytes) * header_bytes) /
                                     expected_bytes_per_cycle);
  }
  std::int64_t arrival_cycles(std::int64_t bytes) const {
    return expected_latency_cycles + link_cycles(bytes);
  }

  Way grid() const {
    Way result;
    int next = stride;
    for (const int size : dimensions) {
      result.push_back({size, next});
      next *= size;
    }
    return result;
  }
};

// In which order a stage takes the micro-batches; values do not depend on it.
enum class PipelineSchedule {
  kGpipe,                  // all forward, then all back
  kOneForwardOneBackward,  // as few forward as keep the stages behind busy, then one back for each forward
};
inline constexpr std::array<std::string_view, 2> kPipelineSchedules{"gpipe", "1f1b"};

// How a network is divided: the cores of a system are the product of three axes. Cores along `tensor` share
// the channels of each layer; those along `pipeline` have each a stage, some of the layers one after the
// other; those along the data axis, whose size is that of the exchange, have other images.
struct Mapping {
  Dimension tensor, pipeline;
  int micro_batches = 1;  // parts of a core's batch that go through the stages one by one
  PipelineSchedule schedule = PipelineSchedule::kGpipe;
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
  // Sizes of all dimensions, that of neighbouring numbers first.
  std::vector<int> sizes() const {
    std::vector<Dimension> all = exchange.grid();
    all.push_back(mapping.tensor);
    all.push_back(mapping.pipeline);
    std::stable_sort(all.begin(), all.end(),
                     [](const Dimension& a, const Dimension& b) { return a.stride < b.stride; });
    std::vector<int> result;
    for (const Dimension& d : all) result.push_back(d.size);
    return result;
  }
  // Whether cores `distance` apart do the same with other images.
  bool same_part(int distance) const {
    const auto same = [&](const Dimension& d) { return distance % (d.stride * d.size) == 0 || d.size == 1; };
    return same(mapping.tensor) && same(mapping.pipeline);
  }
  RemoteSemaphores semaphores() const { return RemoteSemaphores::of(divided()); }
  Dimension data_axis() const { return {data_cores(), exchange.stride}; }
};

}  // namespace anzan::compiler
