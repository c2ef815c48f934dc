// Stages and micro-batches: nothing is read before it is there, nothing that is alive shares memory, and a
// stage that goes back in turn keeps few micro-batches.
#include "compiler/parallel/partition.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "compiler/input/network_json.hpp"
#include "compiler/memory/training_graph.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::partition_test {
namespace {

constexpr int kLanes = 4;
constexpr std::int64_t kGroups = 8;

Input divided_input(const Network& network, int stages, int micro_batches, PipelineSchedule schedule) {
  Input in;
  in.network = network;
  in.precision = testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kNearestEven);
  in.chip.lanes = kLanes;
  in.training.batch = kLanes * kGroups;
  in.system.mapping.pipeline = {stages, 1};
  in.system.mapping.micro_batches = micro_batches;
  in.system.mapping.schedule = schedule;
  in.memory.slack_percent = 0;
  return in;
}

Partition parts_of(const Input& in) { return partition(training_graph(in), 7); }

bool of_the_compiler(const Graph& g, int t) {
  return g.tensor(t).layout == TensorInfo::Layout::kImages && t != g.data && t != g.label;
}

// Every batch group of an image that an operation reads has been written in its stage, and no other.
void expect_written_before_read(const Partition& parts) {
  std::set<std::tuple<int, int, std::int64_t>> written;  // stage, tensor, batch group
  for (const Op& op : parts.ops) {
    const Graph& g = parts.stages[static_cast<std::size_t>(op.stage)];
    const std::int64_t end = op.groups > 0 ? op.first_group + op.groups : kGroups;
    for (std::int64_t group = op.first_group; group < end; ++group) {
      for (const int t : op.inputs) {
        if (!of_the_compiler(g, t)) continue;
        ASSERT_EQ(written.count({op.stage, t, group}), 1u) << name(op.kind) << ": " << g.tensor(t).name;
      }
      for (const int t : op.outputs)
        written.insert({op.kind == OpKind::kTransfer ? op.receiver : op.stage, t, group});
    }
  }
}

void expect_places(const Partition& parts) {
  for (const Graph& g : parts.stages) {
    const std::vector<Lifetime> life = lifetimes(g);
    for (std::size_t a = 0; a < g.tensors.size(); ++a) {
      const TensorInfo& t = g.tensors[a];
      if (life[a].end < life[a].begin) continue;
      EXPECT_GE(t.hbm_line, 7) << t.name;
      EXPECT_LE(t.hbm_line + t.lines, parts.memory.lines) << t.name;
      for (std::size_t b = 0; b < a; ++b) {
        const TensorInfo& u = g.tensors[b];
        const bool together =
            life[b].begin <= life[b].end &&
            (t.persistent || u.persistent || (life[a].begin <= life[b].end && life[b].begin <= life[a].end));
        if (!together) continue;
        EXPECT_TRUE(t.hbm_line + t.lines <= u.hbm_line || u.hbm_line + u.lines <= t.hbm_line)
            << t.name << " and " << u.name;
      }
    }
  }
}

// Most micro-batches of one activation that a stage has at once; of those that are apart.
int most_at_once(const Graph& g) {
  const std::vector<Lifetime> life = lifetimes(g);
  std::map<std::string, std::vector<Lifetime>> parts;  // by tensor
  for (std::size_t t = 0; t < g.tensors.size(); ++t) {
    const TensorInfo& info = g.tensors[t];
    if (info.kind == TensorClass::kActivation && info.part_rows > 0 && life[t].begin <= life[t].end)
      parts[info.name.substr(0, info.name.rfind(".part"))].push_back(life[t]);
  }
  int most = 0;
  for (const auto& [tensor, lives] : parts) {
    for (const Lifetime& now : lives)
      most =
          std::max(most, static_cast<int>(std::count_if(lives.begin(), lives.end(), [&](const Lifetime& l) {
                     return l.begin <= now.begin && now.begin <= l.end;
                   })));
  }
  return most;
}

TEST(Partition, RandomNetworksInBothSchedules) {
  int most_in_first = 0;
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    reference::RandomNetworkLimits limits;
    limits.batch_norms = false;
    const Network network = reference::random_network(seed, limits);
    const auto weighted = static_cast<int>(std::count_if(network.layers.begin(), network.layers.end(),
                                                         [](const Layer& l) { return has(l, kHasWeights); }));
    const int stages = std::min(weighted, 1 + static_cast<int>(seed % 5)), micro_batches = 1 << seed / 5 % 4;
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(stages) + " stages, " +
                 std::to_string(micro_batches) + " micro-batches");
    std::map<PipelineSchedule, std::map<std::tuple<OpKind, int, std::int64_t>, int>> done;
    for (const PipelineSchedule schedule :
         {PipelineSchedule::kGpipe, PipelineSchedule::kOneForwardOneBackward}) {
      const Partition parts = parts_of(divided_input(network, stages, micro_batches, schedule));
      expect_written_before_read(parts);
      expect_places(parts);
      for (const Op& op : parts.ops) {
        if (op.phase != Phase::kWeightGradient && op.kind != OpKind::kTransfer)
          ++done[schedule][{op.kind, op.layer, op.first_group}];
      }
      if (schedule == PipelineSchedule::kGpipe) continue;
      for (int s = 0; s < stages; ++s)
        EXPECT_LE(most_at_once(parts.stages[static_cast<std::size_t>(s)]), stages - s) << "stage " << s;
      most_in_first = std::max(most_in_first, most_at_once(parts.stages[0]));
    }
    EXPECT_EQ(done[PipelineSchedule::kGpipe], done[PipelineSchedule::kOneForwardOneBackward]);
  }
  EXPECT_GT(most_in_first, 2);
}

// Small convolutions of large images; then a layer of many weights, whose gradient waits for the last images.
Network wide_network() {
  std::string layers;
  for (int i = 0; i < 8; ++i)
    layers += R"({"name": "conv)" + std::to_string(i) +
              R"(", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
                 {"name": "relu)" +
              std::to_string(i) + R"(", "type": "leaky_relu"},)";
  return parse_network(
      nlohmann::json::parse(R"({"input": {"channels": 8, "height": 32, "width": 32}, "layers": [)" + layers +
                            R"({"name": "pool", "type": "max_pool", "kernel": 4, "stride": 4},
         {"name": "fc", "type": "fully_connected", "channels": 512},
         {"name": "classes", "type": "fully_connected", "channels": 10},
         {"name": "loss", "type": "softmax_cross_entropy"}]})"));
}

TEST(Partition, BackInTurnTheFullestStageNeedsLess) {
  const auto planned = [](PipelineSchedule schedule, int micro_batches) {
    Input in = divided_input(wide_network(), 4, micro_batches, schedule);
    in.training.batch = kLanes * 16;
    const Partition parts = parts_of(in);
    std::int64_t most = 0;
    for (const MemoryPlan& plan : parts.plans) most = std::max(most, plan.planned_bytes);
    EXPECT_EQ(parts.memory.report.planned_bytes, most);
    return static_cast<double>(most);
  };
  using Schedule = PipelineSchedule;
  EXPECT_LT(planned(Schedule::kOneForwardOneBackward, 8), 0.6 * planned(Schedule::kGpipe, 8));
  EXPECT_LT(planned(Schedule::kOneForwardOneBackward, 16), 0.4 * planned(Schedule::kGpipe, 16));
}

TEST(Partition, GradientsOfManyWeightsWaitForTheLastImages) {
  const Input in = divided_input(wide_network(), 4, 8, PipelineSchedule::kOneForwardOneBackward);
  std::map<std::string, int> sums;
  for (const Op& op : parts_of(in).ops)
    sums[in.network.layers[static_cast<std::size_t>(op.layer)].name] += op.kind == OpKind::kSumForWeights;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(sums["conv" + std::to_string(i)], 7) << i;
  EXPECT_EQ(sums["fc"], 0);
}

}  // namespace
}  // namespace anzan::compiler::partition_test
