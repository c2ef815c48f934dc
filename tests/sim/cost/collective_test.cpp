// Collectives: what every core ends with against plain loops over all buffers, in the functional engine.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <numeric>
#include <random>

#include "compiler/collective/program.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/lowering/parameter_walk.hpp"
#include "models/number_format.hpp"
#include "sim/cost/waiting.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "tests/sim/random_order.hpp"
#include "tests/sim/stored_numbers.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::collective_test {
namespace {

using compiler::CollectiveKind;
using compiler::CollectiveParameters;
using compiler::CollectiveProgram;

constexpr int kSlot = 5;

struct Shape {
  std::vector<int> dimensions;
  int ways = 1, fixed = 0;
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
  for (const int d : s.dimensions) out << d << ' ';
  return out << "ways " << s.ways;
}

CollectiveParameters parameters(CollectiveKind kind, const Shape& shape, std::int64_t bytes) {
  CollectiveParameters p;
  p.kind = kind;
  p.bytes = bytes;
  p.slot = kSlot;
  p.exchange.dimensions = shape.dimensions;
  p.exchange.ways = shape.ways;
  p.exchange.fixed_dimensions = shape.fixed;
  p.chip.lanes = 4;
  return p;
}

// A system whose buffers hold small numbers, so that their sums fit eight bits.
class Values {
 public:
  Values(const CollectiveParameters& p, std::mt19937& random)
      : p_(p),
        program_(compiler::collective_program(p)),
        number_(compiler::SystemParameters{p.exchange, {}}.cores()),
        elements_(program_.lines * p.chip.lanes * 4 / models::element_bytes(p.format)),
        cores_(number_, p.chip, program_.hbm_lines, 1) {
    const int most = std::max(1, 120 / number_);
    for (int c = 0; c < number_; ++c) {
      cores_.core(c).settings.slot(kSlot).width = p.format == isa::Format::kInt8 ? 8 : 16;
      auto& values = first_.emplace_back();
      for (std::int64_t e = 0; e < elements_; ++e) {
        values.push_back(static_cast<int>(random() % (2 * static_cast<unsigned>(most) + 1)) - most);
        write(c, e, values.back());
      }
    }
  }

  void run(Engine&& engine) {
    std::vector<LoadedProgram> programs;
    for (int c = 0; c < number_; ++c)
      programs.push_back(cores_.executor(c).load(isa::encode(program_.in_core(c))));
    engine.run(programs, cores_);
    for (int c = 0; c < number_; ++c)
      for (const std::uint32_t semaphore : cores_.core(c).semaphores) ASSERT_EQ(semaphore, 0u);
  }

  void run_at_random(std::mt19937& random) {
    testing::run_at_random(
        cores_, [&](int core) { return isa::encode(program_.in_core(core)); }, random);
  }

  void check() const {
    const std::int64_t piece = elements_ / number_;
    for (int c = 0; c < number_; ++c) {
      for (std::int64_t e = 0; e < elements_; ++e) {
        const auto owner = static_cast<int>(e / piece);
        if (p_.kind == CollectiveKind::kReduceScatter && owner != c) continue;
        ASSERT_EQ(read(c, e), expected(c, owner, e, piece))
            << "core " << c << ", element " << e << " of " << elements_;
      }
    }
  }

  const CollectiveProgram& program() const { return program_; }

 private:
  int first(int core, std::int64_t e) const {
    return first_[static_cast<std::size_t>(core)][static_cast<std::size_t>(e)];
  }
  int expected(int core, int owner, std::int64_t e, std::int64_t piece) const {
    int sum = 0;
    switch (p_.kind) {
      case CollectiveKind::kAllGather:
        return first(owner, e);
      case CollectiveKind::kBroadcast:
        return first(0, e);
      case CollectiveKind::kAllToAll:
        return first(owner, core * piece + e % piece);
      default:
        for (int c = 0; c < number_; ++c) sum += first(c, e);
        return sum;
    }
  }

  void write(int core, std::int64_t e, int value) {
    testing::store_number(cores_.core(core).hbm() + e * models::element_bytes(p_.format), p_.format, value);
  }
  int read(int core, std::int64_t e) const {
    const std::uint8_t* result =
        const_cast<Cores&>(cores_).core(core).hbm() + program_.result_line * 4 * p_.chip.lanes;
    return testing::stored_number(result + e * models::element_bytes(p_.format), p_.format);
  }

  CollectiveParameters p_;
  CollectiveProgram program_;
  int number_;  // of cores
  std::int64_t elements_;
  Cores cores_;
  std::vector<std::vector<int>> first_;
};

class Collective : public ::testing::TestWithParam<int> {
 protected:
  CollectiveKind kind() const { return static_cast<CollectiveKind>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Collective, ::testing::Range(0, compiler::kCollectiveKinds),
                         [](const auto& i) {
                           return std::string(compiler::name(static_cast<CollectiveKind>(i.param)));
                         });

const std::vector<Shape> kShapes{{{2}},
                                 {{3}},
                                 {{7}},
                                 {{5}, 2},
                                 {{8}, 2},
                                 {{2, 2}, 2},
                                 {{3, 4}, 4},
                                 {{4, 2, 3}, 3},
                                 {{1, 4}, 2},
                                 {{2, 2, 2, 2}, 1},
                                 {{3, 2, 3}, 2},
                                 {{4, 3}, 2, 1},
                                 {{2, 3, 3}, 4, 1}};

TEST_P(Collective, LeavesTheRightDataInEveryCore) {
  std::mt19937 random(static_cast<unsigned>(GetParam()) + 1);
  for (const Shape& shape : kShapes) {
    for (int run = 0; run < 4; ++run) {
      // from one byte to many times what the scratchpad holds
      const std::int64_t bytes =
          1 + static_cast<std::int64_t>(random() % (std::uint32_t{1} << (2 + 4 * run)));
      CollectiveParameters p = parameters(kind(), shape, bytes);
      p.chip.scratchpad_kib = 4 + random() % 12;
      p.payload_bytes = 16 << random() % 4;
      p.exchange.segment_bytes = 64 << random() % 6;
      p.format = static_cast<isa::Format>(random() % isa::kFormatInfo.size);
      p.direct = p.streamed = run % 2 == 0;
      SCOPED_TRACE(::testing::Message()
                   << shape << ", " << bytes << " bytes in " << isa::name(p.format) << ", scratchpad "
                   << p.chip.scratchpad_kib << " KiB, segments of " << p.exchange.segment_bytes);
      Values values(p, random);
      values.run(FunctionalEngine());
      values.check();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(Collective, LeavesItInEveryOrder) {
  std::mt19937 random(static_cast<unsigned>(GetParam()) + 1000);
  for (int run = 0; run < 60; ++run) {
    const Shape& shape = kShapes[random() % kShapes.size()];
    CollectiveParameters p = parameters(kind(), shape, 1 + static_cast<std::int64_t>(random() % 6000));
    p.chip.scratchpad_kib = 2 + random() % 4;
    p.payload_bytes = 16 << random() % 3;
    p.exchange.segment_bytes = 64 << random() % 4;
    p.direct = p.streamed = random() % 2 == 0;
    SCOPED_TRACE(::testing::Message()
                 << "run " << run << ": " << shape << ", " << p.bytes << " bytes, scratchpad "
                 << p.chip.scratchpad_kib << " KiB" << (p.direct ? ", direct" : ""));
    Values values(p, random);
    values.run_at_random(random);
    if (!HasFatalFailure()) values.check();
    if (HasFatalFailure()) return;
  }
}

// On a network with that many links as dimensions, and on one where all wait for each other in a switch; of
// different speeds, so that arrivals come early and late.
TEST_P(Collective, LeavesItInTimeToo) {
  std::mt19937 random(static_cast<unsigned>(GetParam()) + 100);
  for (const Shape& shape : kShapes) {
    for (const char* kind_of_network : {"torus", "switch"}) {
      SystemOptions options;
      options.parameters.exchange.dimensions = shape.dimensions;
      options.chips = options.parameters.cores();
      options.network.chips.kind = kind_of_network;
      options.network.chips.sizes = shape.dimensions;
      if (kind_of_network == std::string("switch")) options.network.chips.sizes = {options.chips};
      options.packet = {64, static_cast<std::int64_t>(random() % 16)};
      options.network.chips.link = {static_cast<std::int64_t>(1 + random() % 40), 1'000'000,
                                    static_cast<std::int64_t>(1 + random() % 900'000'000), 8};
      CollectiveParameters p = parameters(kind(), shape, 1 + static_cast<std::int64_t>(random() % 20'000));
      p.chip.scratchpad_kib = 4 + random() % 12;
      p.payload_bytes = 64;
      p.exchange.segment_bytes = 64 << random() % 6;
      p.format = static_cast<isa::Format>(random() % isa::kFormatInfo.size);
      p.direct = p.streamed = random() % 2 == 0;
      SCOPED_TRACE(::testing::Message() << shape << ", " << kind_of_network << ", " << p.bytes << " bytes in "
                                        << isa::name(p.format) << (p.direct ? ", direct" : ""));
      models::clocked::CoreParameters core;
      core.lanes = p.chip.lanes;
      Values values(p, random);
      values.run(CycleEngine(core, options));
      values.check();
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Streams, AreTakenWhereTheyFit) {
  for (const Shape& shape : kShapes) {
    CollectiveParameters p = parameters(CollectiveKind::kAllReduce, shape, 20'000);
    p.streamed = true;
    p.chip.scratchpad_kib = 8;
    for (const CollectiveKind kind :
         {CollectiveKind::kReduceScatter, CollectiveKind::kAllGather, CollectiveKind::kAllReduce}) {
      p.kind = kind;
      EXPECT_TRUE(compiler::collective_shape(p).streamed) << shape;
    }
    // of half the scratchpad, one segment of one way at least
    p.chip.scratchpad_kib = 1;
    EXPECT_NO_THROW(compiler::collective_program(p)) << shape;
  }
}

// The exchange of a training step alone: gradients of a network in the HBM of every core become sums.
class Gradients {
 public:
  Gradients(const Configuration& config, std::mt19937& random)
      : model_(compiler::compile(config.input())),
        number_(config.system.cores()),
        cores_(number_, config.chip, model_.hbm_lines, 1) {
    for (const compiler::TensorInfo& t : model_.tensors)
      if (t.kind == compiler::TensorClass::kWeightGradient) tensors_.push_back(&t);
    const int most = 120 / number_;
    for (int c = 0; c < number_; ++c) {
      for (const compiler::TensorInfo* t : tensors_) {
        cores_.core(c).settings.slot(t->slot).width = t->format == isa::Format::kInt8 ? 8 : 16;
        auto& values = first_.emplace_back();
        for (std::int64_t e = 0; e < elements(*t); ++e) {
          values.push_back(static_cast<int>(random() % (2 * static_cast<unsigned>(most) + 1)) - most);
          testing::store_number(at(c, *t, e), t->format, values.back());
        }
      }
    }
  }

  void run_at_random(std::mt19937& random) {
    testing::run_at_random(cores_, model_.exchange_in_core, random);
  }

  void check() {
    for (int c = 0; c < number_; ++c) {
      for (std::size_t k = 0; k < tensors_.size(); ++k) {
        const compiler::TensorInfo& t = *tensors_[k];
        const std::int64_t rows = models::elements_per_word(t.format), line = rows * t.lanes;
        for (std::int64_t e = 0; e < elements(t); ++e) {
          if (!compiler::holds_elements(t, {e / line * rows, (e / line + 1) * rows})) continue;
          int sum = 0;
          for (int other = 0; other < number_; ++other)
            sum += first_[static_cast<std::size_t>(other) * tensors_.size() + k][static_cast<std::size_t>(e)];
          ASSERT_EQ(testing::stored_number(at(c, t, e), t.format), sum)
              << t.name << ", core " << c << ", element " << e << " of " << elements(t) << ", at first "
              << first_[static_cast<std::size_t>(c) * tensors_.size() + k][static_cast<std::size_t>(e)];
        }
      }
    }
  }

 private:
  static std::int64_t elements(const compiler::TensorInfo& t) {
    return t.lines * t.lanes * models::elements_per_word(t.format);
  }
  std::uint8_t* at(int core, const compiler::TensorInfo& t, std::int64_t e) {
    return cores_.core(core).hbm() + t.hbm_line * 4 * t.lanes + e * models::element_bytes(t.format);
  }

  compiler::CompiledModel model_;
  int number_;
  Cores cores_;
  std::vector<const compiler::TensorInfo*> tensors_;
  std::vector<std::vector<int>> first_;  // of each core and tensor
};

// Segments whole or in streams, from less than a line of each core to all of a layer; two cores, odd numbers,
// several dimensions.
TEST(Exchange, SumsGradientsInEveryOrder) {
  std::mt19937 random(17);
  int streamed = 0;
  for (int run = 0; run < 24; ++run) {
    const Shape& shape = kShapes[random() % kShapes.size()];
    nlohmann::json json = testing::small_configuration({{"kind", "mnist"}});
    json["network"] =
        nlohmann::json::parse(R"({"name": "n", "input": {"channels": 3, "height": 6, "width": 5},
      "layers": [{"name": "a", "type": "convolution", "kernel": 3},
                 {"name": "b", "type": "fully_connected"},
                 {"name": "c", "type": "fully_connected", "channels": 5},
                 {"name": "loss", "type": "softmax_cross_entropy"}]})");
    json["network"]["layers"][0]["channels"] = 1 + random() % 20;
    json["network"]["layers"][1]["channels"] = 1 + random() % 90;
    const int cores =
        std::accumulate(shape.dimensions.begin(), shape.dimensions.end(), 1, std::multiplies<>());
    json["precision"] = {{"preset", std::array{"int8", "int16", "fp32"}[random() % 3]}};
    json["training"]["batch"] = 4 * cores;
    json["memory"] = {{"places", "conventional"}};  // all gradients are there at once
    json["chip"] = {{"lanes", 4}, {"scratchpad_kib", 32 << random() % 3}};
    json["system"] = testing::system_of("switch", {cores});
    json["system"]["exchange"] = {{"dimensions", shape.dimensions},
                                  {"ways", shape.ways},
                                  {"segment_kib", 1 + random() % 4},
                                  {"stream_kib", random() % 4}};
    SCOPED_TRACE(::testing::Message() << "run " << run << ": " << json.dump());
    Configuration config;
    try {
      config = parse_configuration(json, ".");
    } catch (const compiler::InputError&) {  // too many ways to stream, or too little room
      json["system"]["exchange"]["ways"] = 1;
      json["system"]["exchange"]["stream_kib"] = 0;
      config = parse_configuration(json, ".");
    }
    streamed += config.system.parameters.exchange.stream_bytes > 0;
    Gradients gradients(config, random);
    gradients.run_at_random(random);
    if (!HasFatalFailure()) gradients.check();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(streamed, 8);
}

TEST(CollectiveNames, AreReadAsTheyAreWritten) {
  for (int k = 0; k < compiler::kCollectiveKinds; ++k)
    EXPECT_EQ(compiler::parse_collective(compiler::name(static_cast<CollectiveKind>(k))),
              static_cast<CollectiveKind>(k));
  EXPECT_FALSE(compiler::parse_collective("gossip"));
}

TEST(CollectiveErrors, AreSaid) {
  EXPECT_THROW(collective_program(parameters(CollectiveKind::kAllReduce, {{4}}, 0)), std::invalid_argument);
  EXPECT_THROW(collective_program(parameters(CollectiveKind::kAllReduce, {{1}}, 10)), std::invalid_argument);
  CollectiveParameters p = parameters(CollectiveKind::kAllToAll, {{64}}, 1 << 20);
  p.chip.scratchpad_kib = 1;
  EXPECT_THROW(collective_program(p), compiler::InputError);
}

}  // namespace
}  // namespace anzan::sim::collective_test
