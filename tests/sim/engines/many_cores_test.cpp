// Data-parallel training on many cores: sums over cores against plain sums, and training against one core.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/schedule/schedule.hpp"
#include "models/number_format.hpp"
#include "sim/data/dataset.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/tensor_memory.hpp"
#include "sim/training/trainer.hpp"
#include "tests/sim/stored_numbers.hpp"
#include "tests/sim/synthetic_data.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::many_cores_test {
namespace {

using compiler::Listing;

struct SumCase {
  int cores;
  std::vector<compiler::Dimension> dimensions;
  isa::Format format;
};

std::ostream& operator<<(std::ostream& out, const SumCase& c) {
  out << c.cores << " cores, ";
  for (const compiler::Dimension& d : c.dimensions) out << d.size << " every " << d.stride << ", ";
  return out << isa::name(c.format);
}

// All cores, the first dimension through neighbours.
SumCase all_cores(std::vector<int> sizes, isa::Format format) {
  compiler::SystemParameters system;
  system.exchange.dimensions = std::move(sizes);
  return {system.cores(), system.exchange.grid(), format};
}

class SumOverCores : public ::testing::TestWithParam<SumCase> {
 protected:
  static constexpr int kLanes = 4, kSlot = 3;
  static constexpr std::int64_t kLines = 192;  // of each of two buffers; their arrivals lie behind

  static int cores() { return GetParam().cores; }
  static isa::Format format() { return GetParam().format; }
  static std::int64_t elements(std::int64_t lines) {
    return lines * kLanes * (4 / models::element_bytes(format()));
  }

  static compiler::SumBuffer buffer(std::int64_t k) {
    return {2 * k * kLines, (2 * k + 1) * kLines, kLines, format(), kSlot};
  }

  // The cores that differ from this one in nothing but coordinates of the dimensions.
  static std::vector<int> company(int core) {
    const auto rest = [](int c) {
      int left = c;
      for (const compiler::Dimension& d : GetParam().dimensions) left -= c / d.stride % d.size * d.stride;
      return left;
    };
    std::vector<int> result;
    for (int c = 0; c < cores(); ++c) {
      if (rest(c) == rest(core)) result.push_back(c);
    }
    return result;
  }

  // Numbers whose sums stay inside eight bits.
  SumOverCores() : cores_(cores(), {kLanes, (4 * kLines * 16 + 1023) / 1024}, 2 * kLines, 1) {
    std::mt19937 random(static_cast<unsigned>(cores()));
    for (int c = 0; c < cores(); ++c) {
      cores_.core(c).settings.slot(kSlot).width = format() == isa::Format::kInt8 ? 8 : 16;
      first.emplace_back(2);
      for (std::int64_t k = 0; k < 2; ++k) {
        for (std::int64_t e = 0; e < elements(kLines); ++e) {
          const int n = static_cast<int>(random() % 13) - 6;
          first.back()[static_cast<std::size_t>(k)].push_back(n);
          testing::store_number(cores_.core(c).scratchpad() + place(buffer(k).line, e), format(), n);
        }
      }
    }
  }

  static std::int64_t place(std::int64_t line, std::int64_t e) {
    return line * 4 * kLanes + e * models::element_bytes(format());
  }

  static int element(const std::uint8_t* memory, std::int64_t line, std::int64_t e) {
    return testing::stored_number(memory + place(line, e), format());
  }

  static std::int32_t add(Listing& to, const isa::Instruction& i, compiler::Exchanged e) {
    to.program.push_back(i);
    to.region_of.push_back(0);
    to.exchanged.push_back(std::make_shared<const compiler::Exchanged>(std::move(e)));
    return static_cast<std::int32_t>(to.program.size()) - 1;
  }

  // Returns the last put.
  static std::int32_t add(Listing& to, std::vector<compiler::Round> rounds) {
    std::int32_t put = -1;
    for (compiler::Round& round : rounds) {
      for (compiler::Round::Part& part : round.parts) {
        if (part.follows_put) part.exchanged.cause = put;
        const std::int32_t number = add(to, part.instruction, part.exchanged);
        if (std::holds_alternative<isa::Put>(part.instruction)) put = number;
      }
    }
    return put;
  }

  static void add_store(Listing& to, std::int64_t k, std::uint32_t arrivals, std::int32_t cause) {
    isa::Copy store;
    store.element = isa::Format::kFp32;
    store.dst_space = isa::Space::kHbm;
    store.src.base = static_cast<std::uint32_t>(buffer(k).line);
    store.dst.base = static_cast<std::uint32_t>(k * kLines);
    store.src.stride.back() = store.dst.stride.back() = 1;
    store.loops.back() = static_cast<std::uint16_t>(kLines);
    compiler::Exchanged e;
    e.touches = compiler::accesses(store, kLanes);
    if (arrivals != 0) e.touches.push_back(compiler::taking(arrivals));
    e.arrivals = arrivals;
    e.cause = cause;
    add(to, store, std::move(e));
  }

  void run(Listing listing) {
    listing.program.emplace_back(isa::End{});
    listing.region_of.push_back(0);
    listing = compiler::schedule(std::move(listing), kLanes).front();
    std::vector<LoadedProgram> programs;
    for (int c = 0; c < cores(); ++c)
      programs.push_back(cores_.executor(c).load(isa::encode(listing.in_core(c))));
    FunctionalEngine().run(programs, cores_);
  }

  int sum(int core, std::int64_t k, std::int64_t e) const {
    int result = 0;
    for (const int c : company(core))
      result += first[static_cast<std::size_t>(c)][static_cast<std::size_t>(k)][static_cast<std::size_t>(e)];
    return result;
  }

  Cores cores_;
  std::vector<std::vector<std::vector<int>>> first;  // of each core and buffer: what it holds at first
};

// Two sums after each other in buffers of their own, scheduled as a whole.
TEST_P(SumOverCores, LeavesThePlainSumInEveryCore) {
  const compiler::ArrivalSemaphores semaphores(GetParam().dimensions);
  Listing listing;
  for (std::int64_t k = 0; k < 2; ++k)
    add_store(listing, k, semaphores.complete(),
              add(listing, sum_over_cores(buffer(k), GetParam().dimensions, semaphores, kLanes)));
  run(std::move(listing));
  for (int c = 0; c < cores(); ++c) {
    for (std::int64_t k = 0; k < 2; ++k) {
      for (std::int64_t e = 0; e < elements(kLines); ++e)
        ASSERT_EQ(element(cores_.core(c).hbm(), k * kLines, e), sum(c, k, e))
            << "core " << c << ", buffer " << k << ", element " << e;
    }
  }
}

// The sums of its own piece from one buffer, the others' own pieces to another.
TEST_P(SumOverCores, CanBeHadInHalves) {
  const auto& dimensions = GetParam().dimensions;
  const compiler::ArrivalSemaphores semaphores(dimensions);
  Listing scatter, gather;
  add(scatter, reduce_scatter(buffer(0), dimensions, semaphores, kLanes));
  add_store(scatter, 0, 0, -1);
  run(std::move(scatter));
  add_store(gather, 1, semaphores.complete(), add(gather, all_gather(buffer(1), dimensions, semaphores)));
  run(std::move(gather));
  for (int c = 0; c < cores(); ++c) {
    const compiler::Range own = own_piece(buffer(0), dimensions, c);
    for (std::int64_t e = elements(own.begin); e < elements(own.end); ++e)
      ASSERT_EQ(element(cores_.core(c).hbm(), 0, e), sum(c, 0, e)) << "core " << c << ", element " << e;
    std::int64_t gathered = 0;
    for (const int from : company(c)) {
      const compiler::Range theirs = own_piece({0, 0, kLines, format(), kSlot}, dimensions, from);
      for (std::int64_t e = elements(theirs.begin); e < elements(theirs.end); ++e, ++gathered)
        ASSERT_EQ(element(cores_.core(c).hbm(), kLines, e),
                  first[static_cast<std::size_t>(from)][1][static_cast<std::size_t>(e)])
            << "core " << c << ", from core " << from << ", element " << e;
    }
    ASSERT_EQ(gathered, elements(kLines));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, SumOverCores,
    ::testing::Values(all_cores({2}, isa::Format::kFp32), all_cores({3}, isa::Format::kInt16),
                      all_cores({8}, isa::Format::kInt8), all_cores({2, 2}, isa::Format::kFp32),
                      all_cores({4, 3}, isa::Format::kInt16), all_cores({3, 1, 2}, isa::Format::kFp32),
                      all_cores({2, 2, 2, 2}, isa::Format::kInt8), all_cores({2, 3, 2}, isa::Format::kFp32),
                      all_cores({2, 2, 2, 2, 2, 2}, isa::Format::kInt16),
                      // not through neighbours, in another order, and not over all cores
                      SumCase{12, {{4, 3}, {3, 1}}, isa::Format::kFp32},
                      SumCase{8, {{2, 4}, {2, 1}, {2, 2}}, isa::Format::kInt16},
                      SumCase{12, {{3, 4}}, isa::Format::kFp32},
                      SumCase{16, {{2, 2}, {4, 4}}, isa::Format::kInt8},
                      SumCase{12, {{3, 2}}, isa::Format::kInt16}));

class ManyCores : public ::testing::Test {
 protected:
  struct Run {
    std::vector<double> losses;
    std::int64_t right = 0;
    std::string digest;
    std::vector<float> weights;
    std::int64_t step_cycles = 0;
  };

  // All ways; in time too, if a network is given.
  Run train(const std::vector<int>& dimensions, const std::vector<std::string>& sets, int steps,
            const char* topology = nullptr) {
    testing::ScratchDirectory scratch;
    std::vector<std::string> all{"/training/batch=48", "/chip/lanes=4"};
    all.insert(all.end(), sets.begin(), sets.end());
    const Configuration config = testing::small_configuration_with(scratch, all);
    compiler::SystemParameters system;
    system.exchange.dimensions = dimensions;
    system.exchange.segment_bytes = 4096;
    system.exchange.ways =
        static_cast<int>(all_ways(system.exchange.grid(), 0, system.exchange.semaphores).size());
    const compiler::CompiledModel model =
        compiler::compile({config.network, config.precision, config.parameters, config.chip, system});
    const Dataset data = load_dataset(config.dataset, config.network);
    std::unique_ptr<Engine> engine = std::make_unique<FunctionalEngine>();
    if (topology != nullptr) {
      SystemOptions options;
      options.chips = system.cores();
      options.parameters = system;
      options.network.chips.kind = topology;
      options.network.chips.sizes = dimensions;
      options.network.chips.link = models::link_preset("tofu2").link;
      options.packet = models::link_preset("tofu2").packet;
      engine = std::make_unique<CycleEngine>(config.cost.core, options);
    }
    Trainer trainer(model, config.network, 5, 1, *engine);
    std::vector<std::int64_t> batch(48);
    Run run;
    for (int s = 0; s < steps; ++s) {
      std::iota(batch.begin(), batch.end(), s % 2 * 48);
      if (s == 0) trainer.initialise(data.train, batch, 0.05);
      run.losses.push_back(trainer.step(data.train, batch, s, 0.05));
    }
    run.right = trainer.classify(data.train, batch);
    run.digest = trainer.digest_of_state();
    run.step_cycles = trainer.cycles()[compiler::ProgramKind::kStep];
    const compiler::TensorInfo& weight = model.tensor(model.parameters.front().name);
    for (std::int64_t i = 0; i < weight.size(); ++i)
      run.weights.push_back(TensorMemory(trainer.core(), weight).value(i));
    return run;
  }

  // In FP32, as one core but for the order of additions. The loss falls to this share of the first, or less.
  void match_one_core(std::vector<std::string> fp32, double share) {
    fp32.emplace_back("/precision/preset=fp32");
    const Run one = train({1}, fp32, 12);
    for (const std::vector<int>& dimensions : {std::vector<int>{3}, {4}, {2, 2, 3}, {12}}) {
      const Run many = train(dimensions, fp32, 12);
      for (std::size_t s = 0; s < one.losses.size(); ++s)
        ASSERT_NEAR(many.losses[s], one.losses[s], 1e-4) << s;
      for (std::size_t i = 0; i < one.weights.size(); ++i) ASSERT_NEAR(many.weights[i], one.weights[i], 1e-4);
      EXPECT_EQ(many.right, one.right);
      EXPECT_NE(many.digest, "");
      EXPECT_EQ(many.digest, train(dimensions, fp32, 12).digest);
    }
    EXPECT_LT(one.losses.back(), share * one.losses.front());
  }
};

TEST_F(ManyCores, Fp32MatchesOneCoreUpToTheOrderOfAdditions) { match_one_core({}, 0.8); }

TEST_F(ManyCores, Fp32MatchesOneCoreWhereEachPixelHasALabel) {
  match_one_core({R"(/dataset={"kind": "synthetic"})",
                  R"(/network/layers=[{"name": "c", "type": "convolution", "channels": 6, "kernel": 3},
                                      {"name": "r", "type": "relu"},
                                      {"name": "d", "type": "convolution", "channels": 4, "kernel": 1},
                                      {"name": "loss", "type": "softmax_cross_entropy"}])"},
                 0.97);
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
}  // namespace anzan::sim::many_cores_test
