// Event counts against an interpreter that walks each instruction and counts one by one what it does, and
// against the textbook's number of multiplications of a convolution.
#include "models/event_counts.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "models/timing.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::models::event_counts_test {
namespace {

int bytes_of(isa::Format format) {
  return format == isa::Format::kInt8 ? 1 : format == isa::Format::kInt16 ? 2 : 4;
}
bool integer(isa::Format format) { return format != isa::Format::kFp32; }

// Calls f for each iteration of the loops [first, last).
void walk(const std::array<std::uint16_t, isa::kLoops>& loops, int first, int last,
          const std::function<void()>& f) {
  if (first == last) return f();
  for (int k = 0; k < loops[static_cast<std::size_t>(first)]; ++k) walk(loops, first + 1, last, f);
}

// Counts by walking, after models/README.md and models/energy.md.
class Walker {
 public:
  Walker(int lanes, bool stochastic) : lanes_(lanes), stochastic_(stochastic) {}
  EventCounts counts;

  void run(const isa::Tensor& t) {
    for (int slot = 0; slot < 3; ++slot) ++counts[Event::kSettingRead];
    const int outer = isa::kLoops - t.reduce;
    walk(t.loops, 0, outer, [&] {
      start(t);
      walk(t.loops, outer, isa::kLoops, [&] { step(t); });
      for (int i = t.row_first; i < t.row_first + t.row_count; ++i) drain_row(t);
    });
    if (t.analyse != 0 && t.spill == 0) merge();
    fetch(isa::kTensorWords);
  }

  void run(const isa::Vector& v) {
    ++counts[Event::kSettingRead];
    for (const isa::Operand* o : used(v)) counts[Event::kSettingRead] += o == nullptr ? 0 : 1;
    const int outer = isa::kLoops - v.reduce;
    walk(v.loops, 0, outer, [&] {
      bool first = true;
      walk(v.loops, outer, isa::kLoops, [&] {
        for (const isa::Operand* o : used(v)) read(o, v.mask);
        for (int j = 0; j < lanes_; ++j) {
          if (!unmasked(v.mask, j)) continue;
          ++counts[Event::kVectorLane];
          operate(v.op);
          if (first || v.reduction == isa::Reduction::kNone) continue;
          ++counts[v.reduction == isa::Reduction::kAdd ? Event::kVectorAdd : Event::kVectorCompare];
        }
        first = false;
      });
      write_row(v.mask, v.out_format, v.relu != 0, v.analyse != 0);
    });
    if (v.analyse != 0) merge();
    fetch(isa::kVectorWords);
  }

  void run(const isa::Copy& c) {
    walk(c.loops, 0, isa::kLoops, [&] {
      for (int byte = 0; byte < lanes_ * bytes_of(c.element); ++byte) {
        ++counts[Event::kDmaByte];
        if (c.src_space != isa::Space::kHbm) ++counts[Event::kScratchpadRead];
        if (c.dst_space != isa::Space::kHbm) ++counts[Event::kScratchpadWrite];
      }
    });
    fetch(isa::kCopyWords);
  }

  void run(const isa::Put& p) {
    walk(p.loops, 0, isa::kLoops, [&] {
      for (int byte = 0; byte < lanes_ * bytes_of(p.element); ++byte)
        for (const Event event : {Event::kNetworkByte, Event::kScratchpadRead, Event::kScratchpadWrite})
          ++counts[event];
    });
    fetch(isa::kPutWords);
  }

  void run(const isa::Transpose& t) {
    walk(t.loops, 0, isa::kLoops, [&] {
      for (int row = 0; row < t.src_rows; ++row)
        counts[Event::kScratchpadRead] += lanes_ * bytes_of(t.element);
      for (int row = 0; row < t.dst_rows; ++row)
        counts[Event::kScratchpadWrite] += lanes_ * bytes_of(t.element);
      for (int row = 0; row < t.src_rows + t.dst_rows; ++row)
        counts[Event::kTransposeByte] += lanes_ * bytes_of(t.element);
    });
    fetch(isa::kTransposeWords);
  }

 private:
  static bool unmasked(const isa::Mask& mask, int lane) {
    return lane >= mask.lane_first && lane < mask.lane_first + mask.lane_count;
  }
  bool works(const isa::Tensor& t, int lane) const { return t.spill != 0 || unmasked(t.mask, lane); }

  void fetch(int words) {
    for (int word = 0; word < words; ++word) {
      ++counts[Event::kQueueWord];
      if (word % lanes_ == 0) counts[Event::kProgramRead] += 4 * lanes_;
    }
  }

  // 69 counters, eight in a line, in the window and in the total.
  void merge() {
    for (int set = 0; set < 2; ++set)
      for (int counter = 0; counter < 64 + 5; ++counter)
        if (counter % 8 == 0) ++counts[Event::kDatabaseRead], ++counts[Event::kDatabaseWrite];
  }

  void start(const isa::Tensor& t) {
    if (t.init == isa::Init::kZero) return;
    if (t.init == isa::Init::kBias) counts[Event::kScratchpadRead] += 4 * lanes_;
    for (int i = t.row_first; i < t.row_first + t.row_count; ++i) {
      if (t.init == isa::Init::kSpill)
        counts[Event::kScratchpadRead] += 4 * lanes_ * (integer(t.format) ? 2 : 1);
      if (t.init == isa::Init::kBias && integer(t.format)) ++counts[Event::kBiasConversion];
      for (int j = 0; j < lanes_; ++j) counts[Event::kAccumulatorMove] += works(t, j) ? 1 : 0;
    }
  }

  void step(const isa::Tensor& t) {
    counts[Event::kScratchpadRead] += 4 * lanes_ + 4 * lanes_;
    for (int i = t.row_first; i < t.row_first + t.row_count; ++i)
      for (int j = 0; j < lanes_; ++j) {
        if (!works(t, j)) continue;
        for (int e = 0; e < 4 / bytes_of(t.format); ++e) {
          if (t.format == isa::Format::kInt8) ++counts[Event::kProductInt8];
          if (t.format == isa::Format::kInt16) ++counts[Event::kProductInt16];
        }
        ++counts[t.format == isa::Format::kInt8    ? Event::kAccumulateInt8
                 : t.format == isa::Format::kInt16 ? Event::kAccumulateInt16
                                                   : Event::kFmaFp32];
      }
  }

  void drain_row(const isa::Tensor& t) {
    for (int j = 0; j < lanes_; ++j) {
      if (!works(t, j)) continue;
      ++counts[Event::kAccumulatorMove];
      if (t.spill == 0 && integer(t.format) && t.out_format == isa::Format::kFp32) ++counts[Event::kConvert];
    }
    if (t.spill == 0) return write_row(t.mask, t.out_format, t.relu != 0, t.analyse != 0);
    for (int line = 0; line < (integer(t.format) ? 2 : 1); ++line)
      for (const Event event : {Event::kPackByte, Event::kScratchpadWrite}) counts[event] += 4 * lanes_;
  }

  void write_row(const isa::Mask& mask, isa::Format format, bool relu, bool analyse) {
    for (int j = 0; j < lanes_; ++j) {
      counts[Event::kScratchpadWrite] += bytes_of(format);
      if (!unmasked(mask, j)) continue;
      counts[Event::kPackByte] += bytes_of(format);
      if (relu) ++counts[Event::kRelu];
      if (analyse) ++counts[Event::kAnalyse];
      if (integer(format)) ++counts[Event::kQuantise];
      if (integer(format) && stochastic_) ++counts[Event::kRandomWord];
    }
  }

  static std::array<const isa::Operand*, 3> used(const isa::Vector& v) {
    const std::set<isa::VectorOp> one{isa::VectorOp::kCopy, isa::VectorOp::kF2i, isa::VectorOp::kI2f};
    const std::set<isa::VectorOp> three{isa::VectorOp::kFma, isa::VectorOp::kFnma, isa::VectorOp::kSelectEq,
                                        isa::VectorOp::kSelectGt};
    if (v.op == isa::VectorOp::kRandom) return {};
    return {&v.a, one.count(v.op) != 0 ? nullptr : &v.b, three.count(v.op) != 0 ? &v.c : nullptr};
  }

  void read(const isa::Operand* o, const isa::Mask& mask) {
    if (o == nullptr || o->kind == isa::OperandKind::kScalar) return;
    if (o->kind == isa::OperandKind::kBroadcast) {
      counts[Event::kScratchpadRead] += bytes_of(o->format);
      counts[Event::kOperandConversion] += integer(o->format) ? 1 : 0;
      return;
    }
    for (int j = 0; j < lanes_; ++j) {
      counts[Event::kScratchpadRead] += bytes_of(o->format);
      counts[Event::kOperandConversion] += integer(o->format) && unmasked(mask, j) ? 1 : 0;
    }
  }

  void operate(isa::VectorOp op) {
    const std::string text = isa::name(op);
    if (text == "copy") return;
    const auto is = [&](std::initializer_list<const char*> names) {
      return std::any_of(names.begin(), names.end(), [&](const char* n) { return text == n; });
    };
    ++counts[is({"add", "sub"})                                     ? Event::kVectorAdd
             : is({"mul"})                                          ? Event::kVectorMultiply
             : is({"fma", "fnma"})                                  ? Event::kVectorFma
             : is({"max", "min", "select_eq", "select_gt"})         ? Event::kVectorCompare
             : is({"f2i", "i2f"})                                   ? Event::kVectorConversion
             : is({"iadd", "isub", "iand", "ishl", "ishr", "uadd"}) ? Event::kVectorInteger
             : is({"random"})                                       ? Event::kVectorRandom
                                                                    : Event::kLinkByte];
  }

  int lanes_;
  bool stochastic_;
};

std::string different(const EventCounts& found, const EventCounts& expected) {
  std::string text;
  for (std::size_t k = 0; k < kEvents; ++k) {
    const auto event = static_cast<Event>(k);
    if (found[event] != expected[event])
      text += std::string(info(event).name) + ": found " + std::to_string(found[event]) + ", counted " +
              std::to_string(expected[event]) + "; ";
  }
  return text;
}

class EventCountsTest : public ::testing::TestWithParam<int> {
 protected:
  template <class I>
  void check(const I& instruction, const std::string& what) {
    for (const bool stochastic : {false, true}) {
      Walker walker(GetParam(), stochastic);
      walker.run(instruction);
      EXPECT_EQ(different(count_events(instruction, GetParam(), stochastic), walker.counts), "") << what;
      seen_ += walker.counts;
    }
  }
  EventCounts seen_;
};
INSTANTIATE_TEST_SUITE_P(Lanes, EventCountsTest, ::testing::ValuesIn(isa::kLanes));

TEST_P(EventCountsTest, AreWhatAWalkCounts) {
  for (std::uint64_t seed = 1; seed <= 400 && !HasFailure(); ++seed) {
    reference::CaseMaker cases(seed, GetParam());
    const std::string what = "seed " + std::to_string(seed) + ", lanes " + std::to_string(GetParam());
    check(cases.tensor(), what + ", tensor");
    check(cases.vector(), what + ", vector");
    const isa::Copy copy = cases.copy();
    check(copy, what + ", copy");
    isa::Put put;
    put.element = copy.element;
    put.loops = copy.loops;
    check(put, what + ", put");
    check(cases.transpose(), what + ", transpose");
  }
  // Every event of these instructions has occurred.
  for (std::size_t k = 0; k < kEvents; ++k) {
    const auto event = static_cast<Event>(k);
    const Component part = info(event).component;
    const bool elsewhere = part == Component::kHbm || part == Component::kLinks ||
                           part == Component::kSettingsOptimiser || event == Event::kSettingWrite;
    EXPECT_EQ(seen_[event] == 0, elsewhere) << info(event).name;
  }
}

TEST(EventCounts, ConvolutionMultipliesAsOftenAsTheTextbookSays) {
  // 32 images of 8 channels, 16 output channels, 5 x 5 taps, 7 x 6 outputs; two channel groups of 4 in a
  // word.
  constexpr int kImages = 32, kIn = 8, kOut = 16, kTaps = 5, kHeight = 7, kWidth = 6;
  isa::Tensor t;
  t.format = isa::Format::kInt8;
  t.reduce = 3;
  t.loops = {1, 1, kHeight, kWidth, kImages / 16, kIn / 4, kTaps, kTaps};
  t.row_count = kOut;
  t.mask = {0, 16};
  std::int64_t textbook = 0;
  for (int n = 0; n < kImages; ++n)
    for (int o = 0; o < kOut; ++o)
      for (int position = 0; position < kHeight * kWidth; ++position) textbook += kIn * kTaps * kTaps;
  EXPECT_EQ(count_events(t, 16)[Event::kProductInt8], textbook);

  t.format = isa::Format::kInt16;
  t.loops[5] = kIn / 2;
  EXPECT_EQ(count_events(t, 16)[Event::kProductInt16], textbook);
  t.format = isa::Format::kFp32;
  t.loops[5] = kIn;
  EXPECT_EQ(count_events(t, 16)[Event::kFmaFp32], textbook);

  // Three of sixteen output channels and five of sixteen images: what is masked rests.
  t.row_first = 2, t.row_count = 3;
  t.mask = {1, 5};
  EXPECT_EQ(count_events(t, 16)[Event::kFmaFp32] * 16 * 16, textbook * 3 * 5);
}

TEST(EventCounts, SettingsInstructions) {
  EventCounts update;
  update[Event::kProgramRead] = 16;  // two words, in a line of four
  update[Event::kQueueWord] = isa::kUpdateWords;
  update[Event::kDatabaseRead] = 9;
  update[Event::kDatabaseWrite] = 9;
  update[Event::kOptimiserBin] = 64;
  update[Event::kOptimiserDecision] = 1;
  update[Event::kOptimiserSetting] = 20;
  ASSERT_LE(isa::kUpdateWords, 4);
  EXPECT_EQ(different(count_events(isa::Update{}, 4), update), "");

  EventCounts settle;
  settle[Event::kProgramRead] = 16;
  settle[Event::kQueueWord] = isa::kSettleWords;
  settle[Event::kSettingRead] = settle[Event::kSettingWrite] = 1;
  EXPECT_EQ(different(count_events(isa::Settle{}, 4), settle), "");

  EventCounts take;
  take[Event::kProgramRead] = 32;  // five words
  take[Event::kQueueWord] = isa::kTakeWords;
  take[Event::kDatabaseRead] = take[Event::kDatabaseWrite] = 18;
  EventCounts give = take;
  take[Event::kScratchpadWrite] = give[Event::kScratchpadRead] = 4 * 72;
  EXPECT_EQ(different(count_events(isa::Take{}, 4), take), "");
  EXPECT_EQ(different(count_events(isa::Give{}, 4), give), "");

  EventCounts end;  // is fetched, but goes into no queue
  end[Event::kProgramRead] = 16;
  EXPECT_EQ(different(count_events(isa::End{}, 4), end), "");
}

TEST(EventCounts, ProgramsAskTheSettingsForTheRounding) {
  isa::Vector v;
  v.op = isa::VectorOp::kCopy;
  v.a.kind = isa::OperandKind::kRows;
  v.out_format = isa::Format::kInt8;
  v.loops[7] = 10;
  v.mask = {0, 8};
  v.slot_o = 5;
  isa::Vector w = v;
  w.slot_o = 6;
  isa::Tensor spill;  // has no output slot
  spill.row_count = 1;
  spill.mask = {0, 8};
  spill.spill = 1;
  spill.slot_o = 6;
  SettingsStore settings;
  settings.slot(6).rounding = isa::Rounding::kStochastic;
  const EventCounts counts = count_events(isa::Program{v, w, spill, w, isa::End{}}, 8, settings);
  EXPECT_EQ(counts[Event::kQuantise], 240);
  EXPECT_EQ(counts[Event::kRandomWord], 160);
  const EventCounts sum = count_events(v, 8, false) + count_events(w, 8) * 2 + count_events(spill, 8) +
                          count_events(isa::End{}, 8);
  EXPECT_EQ(different(counts, sum), "");
}

TEST(EventCounts, HbmCountersBecomeEvents) {
  HbmCounters hbm;
  hbm.read_bytes = 1, hbm.written_bytes = 20, hbm.activations = 300, hbm.refreshes = 4000;
  EventCounts expected;
  expected[Event::kHbmRead] = 1, expected[Event::kHbmWrite] = 20;
  expected[Event::kHbmActivation] = 300, expected[Event::kHbmRefresh] = 4000;
  EXPECT_EQ(different(count_events(hbm), expected), "");
}

TEST(EventCounts, NamesAreUnique) {
  std::set<std::string> names, components;
  for (std::size_t k = 0; k < kEvents; ++k) names.insert(info(static_cast<Event>(k)).name);
  for (std::size_t k = 0; k < kComponents; ++k) components.insert(name(static_cast<Component>(k)));
  EXPECT_EQ(names.size(), kEvents);
  EXPECT_EQ(components.size(), kComponents);
}

}  // namespace
}  // namespace anzan::models::event_counts_test
