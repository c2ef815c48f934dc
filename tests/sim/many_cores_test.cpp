// Data-parallel training on many cores: sums over cores against plain sums, and training against one core.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "compiler/collective.hpp"
#include "compiler/schedule.hpp"
#include "models/number_format.hpp"
#include "sim/configuration.hpp"
#include "sim/dataset.hpp"
#include "sim/machine.hpp"
#include "sim/system.hpp"
#include "sim/system_engine.hpp"
#include "sim/tensor_memory.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
namespace {

using compiler::Listing;

struct SumCase {
  std::vector<int> dimensions;
  isa::Format format;
};

std::ostream& operator<<(std::ostream& out, const SumCase& c) {
  for (const int d : c.dimensions) out << d << ' ';
  return out << isa::name(c.format);
}

class SumOverCores : public ::testing::TestWithParam<SumCase> {
 protected:
  static constexpr int kLanes = 4, kSlot = 3;

  int cores() const {
    return std::accumulate(GetParam().dimensions.begin(), GetParam().dimensions.end(), 1,
                           std::multiplies<>());
  }

  // Two sums after each other in buffers of their own, scheduled as a whole.
  Listing listing(std::int64_t lines) const {
    const compiler::ArrivalSemaphores semaphores(GetParam().dimensions.size());
    Listing result;
    const auto add = [&](const isa::Instruction& i, compiler::Exchanged e) {
      result.program.push_back(i);
      result.region_of.push_back(0);
      result.exchanged.push_back(std::make_shared<const compiler::Exchanged>(std::move(e)));
      return static_cast<std::int32_t>(result.program.size()) - 1;
    };
    for (std::int64_t k = 0; k < 2; ++k) {
      const compiler::SumBuffer buffer{2 * k * lines, (2 * k + 1) * lines, lines, GetParam().format, kSlot};
      std::int32_t put = -1;
      for (compiler::Round& round : sum_over_cores(buffer, GetParam().dimensions, semaphores, kLanes)) {
        for (compiler::Round::Part& part : round.parts) {
          if (part.follows_put) part.exchanged.cause = put;
          const std::int32_t number = add(part.instruction, part.exchanged);
          if (std::holds_alternative<isa::Put>(part.instruction)) put = number;
        }
      }
      isa::Copy store;
      store.element = isa::Format::kFp32;
      store.dst_space = isa::Space::kHbm;
      store.src.base = static_cast<std::uint32_t>(buffer.line);
      store.dst.base = static_cast<std::uint32_t>(k * lines);
      store.src.stride.back() = store.dst.stride.back() = 1;
      store.loops.back() = static_cast<std::uint16_t>(lines);
      compiler::Exchanged e;
      e.touches = compiler::accesses(store, kLanes);
      e.touches.push_back(in_order(compiler::ExchangeOrder::kComplete));
      e.arrivals = semaphores.complete();
      e.cause = put;
      add(store, std::move(e));
    }
    result.program.emplace_back(isa::End{});
    result.region_of.push_back(0);
    compiler::schedule(result, kLanes);
    return result;
  }
};

TEST_P(SumOverCores, LeavesThePlainSumInEveryCore) {
  const std::int64_t lines = 4 * cores(), rows = 4 / models::element_bytes(GetParam().format),
                     elements = lines * kLanes * rows;
  System system(cores(), {kLanes, (4 * lines * 16 + 1023) / 1024}, 2 * lines, 1);
  std::mt19937 random(static_cast<unsigned>(cores()));
  std::vector<std::vector<double>> sums(2, std::vector<double>(static_cast<std::size_t>(elements)));
  const auto place = [&](std::int64_t buffer_line, std::int64_t e) {
    return buffer_line * 4 * kLanes + e * models::element_bytes(GetParam().format);
  };
  for (int c = 0; c < cores(); ++c) {
    system.core(c).settings.slot(kSlot).width = GetParam().format == isa::Format::kInt8 ? 8 : 16;
    for (std::int64_t k = 0; k < 2; ++k) {
      for (std::int64_t e = 0; e < elements; ++e) {
        const int n = static_cast<int>(random() % 13) - 6;  // sums of integers stay inside eight bits
        sums[static_cast<std::size_t>(k)][static_cast<std::size_t>(e)] += n;
        std::uint8_t* to = system.core(c).scratchpad() + place(2 * k * lines, e);
        const auto value = static_cast<float>(n);
        const std::int32_t wide = n;
        const void* from = GetParam().format == isa::Format::kFp32 ? static_cast<const void*>(&value) : &wide;
        std::memcpy(to, from, static_cast<std::size_t>(models::element_bytes(GetParam().format)));
      }
    }
  }
  const Listing all = listing(lines);
  std::vector<LoadedProgram> programs;
  for (int c = 0; c < cores(); ++c) programs.push_back(system.values(c).load(isa::encode(all.in_core(c))));
  system.run(programs);
  for (int c = 0; c < cores(); ++c) {
    for (std::int64_t k = 0; k < 2; ++k) {
      for (std::int64_t e = 0; e < elements; ++e) {
        const std::uint8_t* at = system.core(c).hbm() + place(k * lines, e);
        double found = 0;
        if (GetParam().format == isa::Format::kFp32) {
          float value;
          std::memcpy(&value, at, sizeof value);
          found = double{value};
        } else if (GetParam().format == isa::Format::kInt8) {
          found = static_cast<std::int8_t>(*at);
        } else {
          std::int16_t value;
          std::memcpy(&value, at, sizeof value);
          found = value;
        }
        ASSERT_EQ(found, sums[static_cast<std::size_t>(k)][static_cast<std::size_t>(e)])
            << "core " << c << ", buffer " << k << ", element " << e;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, SumOverCores,
    ::testing::Values(SumCase{{2}, isa::Format::kFp32}, SumCase{{3}, isa::Format::kInt16},
                      SumCase{{8}, isa::Format::kInt8}, SumCase{{2, 2}, isa::Format::kFp32},
                      SumCase{{4, 3}, isa::Format::kInt16}, SumCase{{3, 1, 2}, isa::Format::kFp32},
                      SumCase{{2, 2, 2, 2}, isa::Format::kInt8}, SumCase{{2, 3, 2}, isa::Format::kFp32},
                      SumCase{{2, 2, 2, 2, 2, 2}, isa::Format::kInt16}));

class ManyCores : public ::testing::Test {
 protected:
  struct Run {
    std::vector<double> losses;
    std::int64_t right = 0;
    std::string digest;
    std::vector<float> weights;
    std::int64_t step_cycles = 0;
  };

  // In time too, if a network is given.
  Run train(const std::vector<int>& dimensions, const std::vector<std::string>& sets, int steps,
            const char* topology = nullptr) {
    testing::ScratchDirectory scratch;
    std::vector<Override> overrides{parse_override("/training/batch=48"), parse_override("/chip/lanes=4")};
    for (const std::string& set : sets) overrides.push_back(parse_override(set));
    Configuration config = parse_configuration(
        testing::small_configuration(testing::write_dataset(scratch.path())), scratch.path(), overrides);
    compiler::SystemParameters system;
    system.exchange.dimensions = dimensions;
    const compiler::CompiledModel model =
        compiler::compile(config.network, config.precision, config.parameters, config.chip, system);
    const Dataset data = load_dataset(config.dataset, config.network);
    std::unique_ptr<SystemEngine> engine;
    if (topology != nullptr) {
      SystemOptions options;
      options.chips = system.cores();
      options.parameters = system;
      options.network.chips.kind = topology;
      options.network.chips.sizes = dimensions;
      options.network.chips.link = models::link_preset("tofu2").link;
      options.packet = models::link_preset("tofu2").packet;
      engine = std::make_unique<SystemEngine>(config.cost.core, options);
    }
    Machine machine(model, config.network, 5, 1, nullptr, engine.get());
    std::vector<std::int64_t> batch(48);
    Run run;
    for (int s = 0; s < steps; ++s) {
      std::iota(batch.begin(), batch.end(), s % 2 * 48);
      if (s == 0) machine.initialise(data.train, batch, 0.05);
      run.losses.push_back(machine.step(data.train, batch, s, 0.05));
    }
    run.right = machine.classify(data.train, batch);
    run.digest = machine.digest_of_state();
    run.step_cycles = machine.cycles().step;
    const compiler::TensorInfo& weight = model.tensor(model.parameters.front().name);
    for (std::int64_t i = 0; i < weight.size(); ++i)
      run.weights.push_back(TensorMemory(machine.core(), weight).value(i));
    return run;
  }
};

TEST_F(ManyCores, Fp32MatchesOneCoreUpToTheOrderOfAdditions) {
  const std::vector<std::string> fp32{"/precision/preset=fp32"};
  const Run one = train({1}, fp32, 12);
  for (const std::vector<int>& dimensions : {std::vector<int>{3}, {4}, {2, 2, 3}, {12}}) {
    const Run many = train(dimensions, fp32, 12);
    for (std::size_t s = 0; s < one.losses.size(); ++s) ASSERT_NEAR(many.losses[s], one.losses[s], 1e-4) << s;
    for (std::size_t i = 0; i < one.weights.size(); ++i) ASSERT_NEAR(many.weights[i], one.weights[i], 1e-4);
    EXPECT_EQ(many.right, one.right);
    EXPECT_NE(many.digest, "");
    EXPECT_EQ(many.digest, train(dimensions, fp32, 12).digest);
  }
  EXPECT_LT(one.losses.back(), 0.8 * one.losses.front());
}

TEST_F(ManyCores, IntegersLearnToo) {
  for (const char* preset : {"int8", "int16"}) {
    const Run many = train({4}, {std::string("/precision/preset=") + preset}, 40);
    EXPECT_LT(many.losses.back(), 0.1 * many.losses.front()) << preset;
  }
}

TEST_F(ManyCores, InTimeTheyLeaveTheSameBits) {
  for (const char* preset : {"int8", "fp32"}) {
    const std::vector<std::string> sets{std::string("/precision/preset=") + preset};
    for (const auto& [topology, dimensions] :
         {std::pair<const char*, std::vector<int>>{"ring", {4}}, {"torus", {3, 2}}, {"torus", {2, 2, 3}}}) {
      const Run plain = train(dimensions, sets, 3), timed = train(dimensions, sets, 3, topology),
                longer = train(dimensions, sets, 5, topology);
      EXPECT_EQ(timed.digest, plain.digest) << preset << ' ' << topology;
      EXPECT_GT(timed.step_cycles, 0);
      EXPECT_EQ(timed.step_cycles * 5, longer.step_cycles * 3);  // every step takes the same time
    }
  }
}

}  // namespace
}  // namespace anzan::sim
