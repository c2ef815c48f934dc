// Counting is multiplication: loop counts times what one iteration does. Nothing walks a nest.
#include "models/event_counts.hpp"

#include <optional>
#include <variant>

#include "models/counter_moves.hpp"
#include "models/number_format.hpp"
#include "models/timing.hpp"
#include "models/vector_unit.hpp"

namespace anzan::models {
namespace {

constexpr std::array<const char*, kComponents> kComponentNames{"tensor",
                                                               "vector",
                                                               "write_back",
                                                               "analysis_block",
                                                               "statistics_database",
                                                               "settings_store",
                                                               "settings_optimiser",
                                                               "scratchpad",
                                                               "transposer",
                                                               "dma",
                                                               "sequencer",
                                                               "hbm",
                                                               "network",
                                                               "links",
                                                               "static"};

using C = Component;
constexpr std::array<EventInfo, kEvents> kEventTable{{
    {Event::kProductInt8, "product_int8", C::kTensor, "product of 8-bit integers"},
    {Event::kProductInt16, "product_int16", C::kTensor, "product of 16-bit integers"},
    {Event::kAccumulateInt8, "accumulate_int8", C::kTensor, "word of 4 products added to an accumulator"},
    {Event::kAccumulateInt16, "accumulate_int16", C::kTensor, "word of 2 products added to an accumulator"},
    {Event::kFmaFp32, "fma_fp32", C::kTensor, "FP32 product added to an accumulator"},
    {Event::kAccumulatorMove, "accumulator_move", C::kTensor, "accumulator loaded, or read to be drained"},
    {Event::kBiasConversion, "bias_conversion", C::kTensor, "FP32 bias made an integer"},
    {Event::kVectorLane, "vector_lane", C::kVector, "element that goes through the pipeline"},
    {Event::kVectorAdd, "vector_add", C::kVector, "FP32 addition"},
    {Event::kVectorMultiply, "vector_multiply", C::kVector, "FP32 multiplication"},
    {Event::kVectorFma, "vector_fma", C::kVector, "FP32 fused multiply-add"},
    {Event::kVectorCompare, "vector_compare", C::kVector, "FP32 comparison"},
    {Event::kVectorInteger, "vector_integer", C::kVector, "32-bit integer operation"},
    {Event::kVectorConversion, "vector_conversion", C::kVector, "FP32 to int32 or back"},
    {Event::kVectorRandom, "vector_random", C::kVector, "random number"},
    {Event::kOperandConversion, "operand_conversion", C::kVector, "integer element made FP32"},
    {Event::kRelu, "relu", C::kWriteBack, "value through ReLU"},
    {Event::kConvert, "convert", C::kWriteBack, "integer accumulator made FP32"},
    {Event::kQuantise, "quantise", C::kWriteBack, "value shifted, rounded and saturated"},
    {Event::kRandomWord, "random_word", C::kWriteBack, "random word for stochastic rounding"},
    {Event::kPackByte, "pack_byte", C::kWriteBack, "byte packed for the scratchpad"},
    {Event::kAnalyse, "analyse", C::kAnalysisBlock, "value looked at"},
    {Event::kDatabaseRead, "database_read", C::kStatisticsDatabase, "line of counters read", Store::kDatabase,
     kDatabaseLineBytes},
    {Event::kDatabaseWrite, "database_write", C::kStatisticsDatabase, "line of counters written",
     Store::kDatabase, kDatabaseLineBytes},
    {Event::kSettingRead, "setting_read", C::kSettingsStore, "word looked up", Store::kSettings, 4},
    {Event::kSettingWrite, "setting_write", C::kSettingsStore, "word written", Store::kSettings, 4},
    {Event::kOptimiserBin, "optimiser_bin", C::kSettingsOptimiser, "histogram bin looked at"},
    {Event::kOptimiserDecision, "optimiser_decision", C::kSettingsOptimiser, "binary point decided"},
    {Event::kOptimiserSetting, "optimiser_setting", C::kSettingsOptimiser, "word of an entry read or written",
     Store::kSettings, 4},
    {Event::kScratchpadRead, "scratchpad_read", C::kScratchpad, "byte read", Store::kScratchpad, 1},
    {Event::kScratchpadWrite, "scratchpad_write", C::kScratchpad, "byte written", Store::kScratchpad, 1},
    {Event::kTransposeByte, "transpose_byte", C::kTransposer, "byte into or out of the block buffer"},
    {Event::kDmaByte, "dma_byte", C::kDma, "byte copied"},
    {Event::kProgramRead, "program_read", C::kSequencer, "byte of program memory read", Store::kProgram, 1},
    {Event::kQueueWord, "queue_word", C::kSequencer, "word through a unit's queue"},
    {Event::kHbmRead, "hbm_read", C::kHbm, "byte read"},
    {Event::kHbmWrite, "hbm_write", C::kHbm, "byte written"},
    {Event::kHbmActivation, "hbm_activation", C::kHbm, "row opened"},
    {Event::kHbmRefresh, "hbm_refresh", C::kHbm, "refresh of all banks of a pseudo-channel"},
    {Event::kNetworkByte, "network_byte", C::kNetwork, "byte put"},
    {Event::kLinkByte, "link_byte", C::kLinks, "byte over one link between chips"},
}};
constexpr bool table_is_in_order() {
  std::size_t number = 0;
  for (const EventInfo& entry : kEventTable) {
    if (static_cast<std::size_t>(entry.event) != number++) return false;
  }
  return number == kEvents;
}
static_assert(table_is_in_order(), "one entry an event, in the order of the enum");

// Sets of counters of a slot.
constexpr int kCounterSets = isa::kCounterSetInfo.size;

class Counter {
 public:
  Counter(int lanes, bool stochastic) : lanes_(lanes), stochastic_(stochastic) {}

  EventCounts count(const isa::Instruction& instruction) {
    const std::int64_t lines = fetch_cycles(instruction, lanes_);
    counts_[Event::kProgramRead] = lines * line_bytes();
    if (isa::unit(instruction) != isa::Unit::kSequencer)
      counts_[Event::kQueueWord] = isa::info(instruction).words;
    std::visit(*this, instruction);
    if (merges(instruction)) {
      counts_[Event::kDatabaseRead] += kCounterSets * kDatabaseLines;
      counts_[Event::kDatabaseWrite] += kCounterSets * kDatabaseLines;
    }
    return counts_;
  }

  void operator()(const isa::End&) {}

  void operator()(const isa::Tensor& t) {
    const TensorTiming timing = tensor_timing(t);
    const std::int64_t tiles = timing.tiles.blocks, rows = t.row_count;
    // A spill takes the accumulators of all lanes, so that none rests.
    const std::int64_t lanes = t.spill != 0 ? lanes_ : t.mask.lane_count;
    const std::int64_t words = tiles * timing.steps * rows * lanes;
    switch (t.format) {
      case isa::Format::kInt8:
        counts_[Event::kProductInt8] = words * elements_per_word(t.format);
        counts_[Event::kAccumulateInt8] = words;
        break;
      case isa::Format::kInt16:
        counts_[Event::kProductInt16] = words * elements_per_word(t.format);
        counts_[Event::kAccumulateInt16] = words;
        break;
      case isa::Format::kFp32:
        counts_[Event::kFmaFp32] = words;
        break;
    }
    const int starts = t.init == isa::Init::kZero ? 0 : 1;
    counts_[Event::kAccumulatorMove] = tiles * rows * lanes * (starts + 1);
    if (t.init == isa::Init::kBias && is_integer(t.format)) counts_[Event::kBiasConversion] = tiles * rows;
    const std::int64_t start_lines = t.init == isa::Init::kBias ? 1 : timing.start;
    counts_[Event::kScratchpadRead] = tiles * (2 * timing.steps + start_lines) * line_bytes();
    counts_[Event::kSettingRead] = 3;
    if (t.spill != 0) {
      const std::int64_t bytes = tiles * timing.tiles.out * line_bytes();
      counts_[Event::kPackByte] = bytes;
      counts_[Event::kScratchpadWrite] = bytes;
      return;
    }
    if (is_integer(t.format) && !is_integer(t.out_format)) counts_[Event::kConvert] = tiles * rows * lanes;
    drain(tiles * rows, t.mask, t.out_format, t.relu != 0, t.analyse != 0);
  }

  void operator()(const isa::Vector& v) {
    const int outer = isa::kLoops - v.reduce;
    const std::int64_t rows = iterations(v.loops, 0, outer), all = iterations(v.loops, 0, isa::kLoops);
    const std::int64_t lanes = v.mask.lane_count;
    counts_[Event::kVectorLane] = all * lanes;
    if (const std::optional<Event> event = event_of(v.op)) counts_[*event] += all * lanes;
    if (v.reduction != isa::Reduction::kNone)
      counts_[v.reduction == isa::Reduction::kAdd ? Event::kVectorAdd : Event::kVectorCompare] +=
          (all - rows) * lanes;
    const OperandUse use = operands_of(v.op);
    counts_[Event::kSettingRead] = 1;
    if (use.a) operand(v.a, all, lanes);
    if (use.b) operand(v.b, all, lanes);
    if (use.c) operand(v.c, all, lanes);
    drain(rows, v.mask, v.out_format, v.relu != 0, v.analyse != 0);
  }

  void operator()(const isa::Copy& c) {
    const std::int64_t bytes = moved_bytes(c);
    counts_[Event::kDmaByte] = bytes;
    if (c.src_space == isa::Space::kScratchpad) counts_[Event::kScratchpadRead] = bytes;
    if (c.dst_space == isa::Space::kScratchpad) counts_[Event::kScratchpadWrite] = bytes;
  }

  void operator()(const isa::Put& p) {
    const std::int64_t bytes = moved_bytes(p);
    counts_[Event::kNetworkByte] = bytes;
    counts_[Event::kScratchpadRead] = bytes;
    counts_[Event::kScratchpadWrite] = bytes;  // at the receiver
  }

  void operator()(const isa::Transpose& t) {
    const std::int64_t row = row_bytes(t.element), blocks = iterations(t.loops, 0, isa::kLoops);
    counts_[Event::kScratchpadRead] = blocks * t.src_rows * row;
    counts_[Event::kScratchpadWrite] = blocks * t.dst_rows * row;
    counts_[Event::kTransposeByte] = counts_[Event::kScratchpadRead] + counts_[Event::kScratchpadWrite];
  }

  // Reads the window to decide, then writes it back decayed; the total is left alone.
  void operator()(const isa::Update&) {
    counts_[Event::kDatabaseRead] = kDatabaseLines;
    counts_[Event::kDatabaseWrite] = kDatabaseLines;
    counts_[Event::kOptimiserBin] = isa::kHistogramBins;
    counts_[Event::kOptimiserDecision] = 1;
    counts_[Event::kOptimiserSetting] = 2 * kSettingsEntryWords;
  }

  void operator()(const isa::Settle&) {
    counts_[Event::kSettingRead] = 1;
    counts_[Event::kSettingWrite] = 1;
  }

  // Both sets are read and written back, line by line.
  void operator()(const isa::Take&) {
    move_counters();
    counts_[Event::kScratchpadWrite] = 4 * kCounterWords;
  }
  void operator()(const isa::Give&) {
    move_counters();
    counts_[Event::kScratchpadRead] = 4 * kCounterWords;
  }

 private:
  std::int64_t line_bytes() const { return std::int64_t{4} * lanes_; }
  std::int64_t row_bytes(isa::Format format) const { return std::int64_t{element_bytes(format)} * lanes_; }

  void move_counters() {
    counts_[Event::kDatabaseRead] = kCounterSets * kDatabaseLines;
    counts_[Event::kDatabaseWrite] = kCounterSets * kDatabaseLines;
  }

  template <class Move>
  std::int64_t moved_bytes(const Move& m) const {
    return iterations(m.loops, 0, isa::kLoops) * row_bytes(m.element);
  }

  // The arithmetic of an operation: `copy` has none.
  static std::optional<Event> event_of(isa::VectorOp op) {
    switch (op) {
      case isa::VectorOp::kCopy:
        return std::nullopt;
      case isa::VectorOp::kAdd:
      case isa::VectorOp::kSub:
        return Event::kVectorAdd;
      case isa::VectorOp::kMul:
        return Event::kVectorMultiply;
      case isa::VectorOp::kFma:
      case isa::VectorOp::kFnma:
        return Event::kVectorFma;
      case isa::VectorOp::kMax:
      case isa::VectorOp::kMin:
      case isa::VectorOp::kSelectEq:
      case isa::VectorOp::kSelectGt:
        return Event::kVectorCompare;
      case isa::VectorOp::kF2i:
      case isa::VectorOp::kI2f:
        return Event::kVectorConversion;
      case isa::VectorOp::kIadd:
      case isa::VectorOp::kIsub:
      case isa::VectorOp::kIand:
      case isa::VectorOp::kIshl:
      case isa::VectorOp::kIshr:
      case isa::VectorOp::kUadd:
        return Event::kVectorInteger;
      case isa::VectorOp::kRandom:
        return Event::kVectorRandom;
    }
    return std::nullopt;
  }

  void operand(const isa::Operand& o, std::int64_t all, std::int64_t lanes) {
    ++counts_[Event::kSettingRead];  // the slot's entry or the scalar
    const bool rows = o.kind == isa::OperandKind::kRows;
    if (!rows && o.kind != isa::OperandKind::kBroadcast) return;
    counts_[Event::kScratchpadRead] += all * (rows ? row_bytes(o.format) : element_bytes(o.format));
    if (is_integer(o.format)) counts_[Event::kOperandConversion] += all * (rows ? lanes : 1);
  }

  void drain(std::int64_t rows, const isa::Mask& mask, isa::Format format, bool relu, bool analyse) {
    const std::int64_t values = rows * mask.lane_count;
    if (relu) counts_[Event::kRelu] = values;
    if (analyse) counts_[Event::kAnalyse] = values;
    if (is_integer(format)) counts_[Event::kQuantise] = values;
    if (is_integer(format) && stochastic_) counts_[Event::kRandomWord] = values;
    counts_[Event::kPackByte] = values * element_bytes(format);
    counts_[Event::kScratchpadWrite] = rows * row_bytes(format);
  }

  EventCounts counts_;
  int lanes_;
  bool stochastic_;
};

// The slot whose rounding an instruction's output follows; -1 for none.
int output_slot(const isa::Instruction& instruction) {
  if (const auto* t = std::get_if<isa::Tensor>(&instruction)) return t->slot_o;
  if (const auto* v = std::get_if<isa::Vector>(&instruction)) return v->slot_o;
  return -1;
}

}  // namespace

const char* name(Component component) { return kComponentNames[static_cast<std::size_t>(component)]; }

const EventInfo& info(Event event) { return kEventTable[static_cast<std::size_t>(event)]; }

EventCounts& EventCounts::operator+=(const EventCounts& other) {
  for (std::size_t k = 0; k < kEvents; ++k) counts[k] += other.counts[k];
  return *this;
}

EventCounts& EventCounts::operator*=(std::int64_t times) {
  for (std::int64_t& count : counts) count *= times;
  return *this;
}

EventCounts count_events(const isa::Instruction& instruction, int lanes, bool stochastic) {
  return Counter(lanes, stochastic).count(instruction);
}

EventCounts count_events(const isa::Program& program, int lanes, const SettingsStore& settings) {
  EventCounts sum;
  for (const isa::Instruction& instruction : program) {
    const int slot = output_slot(instruction);
    const bool stochastic = slot >= 0 && settings.slot(slot).rounding == isa::Rounding::kStochastic;
    sum += count_events(instruction, lanes, stochastic);
  }
  return sum;
}

EventCounts count_events(const HbmCounters& hbm) {
  EventCounts counts;
  counts[Event::kHbmRead] = hbm.read_bytes;
  counts[Event::kHbmWrite] = hbm.written_bytes;
  counts[Event::kHbmActivation] = hbm.activations;
  counts[Event::kHbmRefresh] = hbm.refreshes;
  return counts;
}

}  // namespace anzan::models
