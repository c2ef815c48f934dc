// Every bin is there from the start with no hits, so that a missed one has a name. Each note_… counts one
// kind of thing.
#include "sim/verify/functional_coverage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <variant>

#include "compiler/schedule/semaphores.hpp"
#include "isa/units.hpp"
#include "models/number_format.hpp"

namespace anzan::sim {
namespace {

constexpr int kFormats = isa::kFormatInfo.size, kRoundings = isa::kRoundingInfo.size;

template <class Enum>
std::string text(Enum value) {
  return std::string(isa::name(value));
}
template <class Enum>
std::string text_of(int value) {
  return text(static_cast<Enum>(value));
}

std::string copy_bin(isa::Space from, isa::Space to, isa::Format f) {
  return fmt::format("copy {} to {}, {}", text(from), text(to), text(f));
}
std::string tensor_bin(isa::Format f, isa::Format out) {
  return fmt::format("tensor {} to {}", text(f), text(out));
}
std::string rounding_bin(const char* unit, isa::Format out, isa::Rounding rounding) {
  return fmt::format("{} rounds to {}, {}", unit, text(out), text(rounding));
}
std::string start_bin(isa::Init init, isa::Format f) {
  return fmt::format("tensor starts from {}, {}", text(init), text(f));
}
std::string operation_bin(isa::VectorOp op, isa::Format out) {
  return fmt::format("vector {} to {}", text(op), text(out));
}
std::string operand_bin(isa::OperandKind kind, isa::Format f) {
  return fmt::format("vector operand {}, {}", text(kind), text(f));
}
std::string fold_bin(isa::Reduction reduction, isa::Format out) {
  return fmt::format("vector folds by {} to {}", text(reduction), text(out));
}
std::string width_bin(int width) { return fmt::format("writes a slot of {} bits", width); }
std::string semaphore_bin(std::size_t from, std::size_t to) {
  return fmt::format("semaphore from {} to {}", text_of<isa::Unit>(static_cast<int>(from) + 1),
                     text_of<isa::Unit>(static_cast<int>(to) + 1));
}
std::string side_by_side_bin(std::size_t a, std::size_t b) {
  return fmt::format("{} and {} at once", text_of<isa::Unit>(static_cast<int>(std::min(a, b)) + 1),
                     text_of<isa::Unit>(static_cast<int>(std::max(a, b)) + 1));
}
std::string queue_bin(std::size_t unit, const char* what) {
  return fmt::format("queue of {} {}", text_of<isa::Unit>(static_cast<int>(unit) + 1), what);
}
std::string policy_bin(isa::Policy policy, const char* decision) {
  return fmt::format("update by {}: {}", text(policy), decision);
}

constexpr const char* kDecisions[] = {"coarser", "finer", "stays", "does not act"};
constexpr const char* kQueue[] = {"full", "passed in a cycle"};
constexpr const char* kCounts[] = {"zeros", "saturated high", "saturated low", "underflows"};
constexpr const char* kOthers[] = {
    "tensor relu",          "tensor spills",        "tensor from a later row",      "tensor of some lanes",
    "vector relu",          "vector of some lanes", "semaphore taken by two units", "semaphore by a put",
    "settle moves a point", "settle moves none",    "counter stops at its largest", "database is waited for",
    "take counters",        "give counters"};

// What programs reach that are larger, longer or fuller than usual.
constexpr const char* kExtremes[] = {"scratchpad line above 100,000",
                                     "HBM line above 2^20",
                                     "HBM line above 2^24",
                                     "HBM line above 2^26",
                                     "stride above 2^16",
                                     "stride below -2^16",
                                     "stride of a loop without a second iteration",
                                     "semaphore above 7",
                                     "semaphore above 255",
                                     "semaphore of 2^16",
                                     "semaphore left above zero",
                                     "program of more than 2^10 lines",
                                     "program of more than 2^15 lines",
                                     "program of more than 2^16 lines",
                                     "put to another core",
                                     "wait for another core",
                                     "HBM with a queue of up to 3",
                                     "HBM in order",
                                     "HBM refreshed often",
                                     "HBM of another clock"};
constexpr std::int64_t kLongLoop = 1 << 15, kLongProduct = 1 << 16;

std::string profile_bin(Profile profile) { return fmt::format("profile {}", name(profile)); }
std::string loop_bin(std::size_t loop) { return fmt::format("loop {} of 2^15 iterations or more", loop); }
std::string long_bin(isa::Unit unit) { return fmt::format("{}, more than 2^16 iterations", text(unit)); }

template <class Visit>
void addresses_of(const isa::Instruction& instruction, Visit visit) {
  if (const auto* copy = std::get_if<isa::Copy>(&instruction)) {
    visit(copy->loops, copy->src);
    visit(copy->loops, copy->dst);
  } else if (const auto* put = std::get_if<isa::Put>(&instruction)) {
    visit(put->loops, put->src);
    visit(put->loops, put->dst);
  } else if (const auto* tensor = std::get_if<isa::Tensor>(&instruction)) {
    for (const isa::Address* address : {&tensor->a, &tensor->b, &tensor->o}) visit(tensor->loops, *address);
  } else if (const auto* vector = std::get_if<isa::Vector>(&instruction)) {
    for (const isa::Address* address : {&vector->a.at, &vector->b.at, &vector->c.at, &vector->o})
      visit(vector->loops, *address);
  }
}

std::uint32_t raised_here(const isa::Instruction& instruction) {
  return isa::works(instruction) ? isa::signal(instruction) : 0;
}

}  // namespace

FunctionalCoverage::FunctionalCoverage() {
  for (const char* bin : kOthers) bins_[bin] = 0;
  for (const char* bin : kExtremes) bins_[bin] = 0;
  for (int p = 0; p < kProfiles; ++p) bins_[profile_bin(static_cast<Profile>(p))] = 0;
  for (std::size_t k = 0; k < isa::kLoops; ++k) bins_[loop_bin(k)] = 0;
  for (const isa::Unit unit : {isa::Unit::kDma, isa::Unit::kTensor, isa::Unit::kVector, isa::Unit::kNetwork})
    bins_[long_bin(unit)] = 0;
  for (const char* count : kCounts) bins_[fmt::format("counted {}", count)] = 0;
  for (int f = 0; f < kFormats; ++f) {
    const auto format = static_cast<isa::Format>(f);
    bins_[copy_bin(isa::Space::kHbm, isa::Space::kScratchpad, format)] = 0;
    bins_[copy_bin(isa::Space::kScratchpad, isa::Space::kHbm, format)] = 0;
    bins_[copy_bin(isa::Space::kScratchpad, isa::Space::kScratchpad, format)] = 0;
    bins_[fmt::format("transpose {}", text(format))] = 0;
    bins_[fmt::format("put {}", text(format))] = 0;
    for (int i = 0; i < isa::kInitInfo.size; ++i) bins_[start_bin(static_cast<isa::Init>(i), format)] = 0;
    for (int g = 0; g < kFormats; ++g) bins_[tensor_bin(format, static_cast<isa::Format>(g))] = 0;
    for (int o = 0; o < isa::kVectorOpInfo.size; ++o)
      bins_[operation_bin(static_cast<isa::VectorOp>(o), format)] = 0;
    for (int r = 0; r < isa::kReductionInfo.size; ++r)
      bins_[fold_bin(static_cast<isa::Reduction>(r), format)] = 0;
    for (int k = 1; k < isa::kOperandKindInfo.size; ++k)
      bins_[operand_bin(static_cast<isa::OperandKind>(k), format)] = 0;
    for (int r = 0; r < kRoundings && models::has_binary_point(format); ++r) {
      bins_[rounding_bin("tensor", format, static_cast<isa::Rounding>(r))] = 0;
      bins_[rounding_bin("vector", format, static_cast<isa::Rounding>(r))] = 0;
    }
  }
  for (int width = isa::kWidthMin; width <= isa::kWidthMax; ++width) bins_[width_bin(width)] = 0;
  bins_[policy_bin(isa::Policy::kStatic, "does not act")] = 0;
  for (int p = 1; p < isa::kPolicyInfo.size; ++p) {
    for (const char* decision : kDecisions) bins_[policy_bin(static_cast<isa::Policy>(p), decision)] = 0;
  }
  for (std::size_t a = 0; a < isa::kWorkers; ++a) {
    for (const char* what : kQueue) bins_[queue_bin(a, what)] = 0;
    for (std::size_t b = 0; b < isa::kWorkers; ++b) {
      if (a == b) continue;
      bins_[side_by_side_bin(a, b)] = 0;
      bins_[semaphore_bin(a, b)] = 0;
    }
  }
}

std::vector<std::string> FunctionalCoverage::missed() const {
  std::vector<std::string> names;
  for (const auto& [name, hits] : bins_) {
    if (hits == 0) names.push_back(name);
  }
  return names;
}

void FunctionalCoverage::hit(const std::string& bin) { ++bins_.at(bin); }

void FunctionalCoverage::note(const isa::Program& program, const models::Core& before,
                              const models::Core& after, const models::ProgramTiming& timing,
                              SlotRange slots) {
  for (const isa::Instruction& instruction : program) note_instruction(instruction, before);
  note_semaphores(program);
  note_slots(program, before, after, slots);
  note_time(program, timing);
}

void FunctionalCoverage::note_instruction(const isa::Instruction& instruction, const models::Core& before) {
  if (const auto* copy = std::get_if<isa::Copy>(&instruction)) {
    hit(copy_bin(copy->src_space, copy->dst_space, copy->element));
  } else if (const auto* transpose = std::get_if<isa::Transpose>(&instruction)) {
    hit(fmt::format("transpose {}", text(transpose->element)));
  } else if (const auto* put = std::get_if<isa::Put>(&instruction)) {
    hit(fmt::format("put {}", text(put->element)));
    if (put->remote_signal != 0) hit("semaphore by a put");
  } else if (std::holds_alternative<isa::Take>(instruction)) {
    hit("take counters");
  } else if (std::holds_alternative<isa::Give>(instruction)) {
    hit("give counters");
  } else if (const auto* tensor = std::get_if<isa::Tensor>(&instruction)) {
    note_tensor(*tensor, before);
  } else if (const auto* vector = std::get_if<isa::Vector>(&instruction)) {
    note_vector(*vector, before);
  }
}

void FunctionalCoverage::note_tensor(const isa::Tensor& tensor, const models::Core& before) {
  hit(start_bin(tensor.init, tensor.format));
  if (tensor.row_first > 0) hit("tensor from a later row");
  if (tensor.spill != 0) {
    hit("tensor spills");
    return;
  }
  hit(tensor_bin(tensor.format, tensor.out_format));
  if (tensor.relu != 0) hit("tensor relu");
  if (tensor.mask.lane_count < before.lanes()) hit("tensor of some lanes");
  const models::SlotSettings& slot = before.settings.slot(tensor.slot_o);
  if (!models::has_binary_point(tensor.out_format)) return;
  hit(rounding_bin("tensor", tensor.out_format, slot.rounding));
  hit(width_bin(slot.width));
}

void FunctionalCoverage::note_vector(const isa::Vector& vector, const models::Core& before) {
  hit(operation_bin(vector.op, vector.out_format));
  hit(fold_bin(vector.reduction, vector.out_format));
  for (const isa::Operand& operand : {vector.a, vector.b, vector.c})
    hit(operand_bin(operand.kind, operand.format));
  if (vector.relu != 0) hit("vector relu");
  if (vector.mask.lane_count < before.lanes()) hit("vector of some lanes");
  const models::SlotSettings& slot = before.settings.slot(vector.slot_o);
  if (!models::has_binary_point(vector.out_format)) return;
  hit(rounding_bin("vector", vector.out_format, slot.rounding));
  hit(width_bin(slot.width));
}

// A semaphore between two units is one that only instructions of the first raise.
void FunctionalCoverage::note_semaphores(const isa::Program& program) {
  std::uint32_t raised[isa::kWorkers] = {}, taken[isa::kWorkers] = {};
  for (const isa::Instruction& instruction : program) {
    if (!isa::works(instruction)) continue;
    const std::size_t unit = isa::worker_number(instruction);
    taken[unit] |= isa::wait(instruction);
    raised[unit] |= isa::signal(instruction);
  }
  std::uint32_t seen = 0, twice = 0;
  for (std::size_t to = 0; to < isa::kWorkers; ++to) {
    twice |= seen & taken[to];
    seen |= taken[to];
    for (std::size_t from = 0; from < isa::kWorkers; ++from) {
      std::uint32_t by_others = 0;
      for (std::size_t u = 0; u < isa::kWorkers; ++u) by_others |= u == from ? 0 : raised[u];
      if (from == to) continue;
      const std::uint32_t bit = std::uint32_t{1} << compiler::semaphore_number(from, to);
      if ((taken[to] & raised[from] & ~by_others & bit) != 0) hit(semaphore_bin(from, to));
    }
  }
  if (twice != 0) hit("semaphore taken by two units");
}

// What an update decided is seen where it was its slot's only one.
void FunctionalCoverage::note_slots(const isa::Program& program, const models::Core& before,
                                    const models::Core& after, SlotRange slots) {
  constexpr std::uint32_t kLargest = std::numeric_limits<std::uint32_t>::max();
  std::map<int, int> updates;
  for (const isa::Instruction& instruction : program) {
    if (const auto* update = std::get_if<isa::Update>(&instruction)) ++updates[update->slot];
  }
  for (const isa::Instruction& instruction : program) {
    const auto* settle = std::get_if<isa::Settle>(&instruction);
    if (settle == nullptr || updates.count(settle->slot) != 0) continue;
    const models::SlotSettings& slot = before.settings.slot(settle->slot);
    hit(slot.q_read == slot.q_write ? "settle moves none" : "settle moves a point");
  }
  for (const auto& [number, count] : updates) {
    const models::SlotSettings &was = before.settings.slot(number), &is = after.settings.slot(number);
    if (count != 1) continue;
    const char* decision = is.age != 0                 ? "does not act"
                           : is.q_write < was.q_write  ? "coarser"
                           : is.q_write == was.q_write ? "stays"
                                                       : "finer";
    hit(policy_bin(was.policy, decision));
  }
  for (int s = slots.first; s < slots.first + slots.count; ++s) {
    const models::SlotStatistics &was = before.statistics.total(s), &is = after.statistics.total(s);
    const std::pair<std::uint32_t, std::uint32_t> counts[] = {{was.zeros, is.zeros},
                                                              {was.saturated_high, is.saturated_high},
                                                              {was.saturated_low, is.saturated_low},
                                                              {was.underflows, is.underflows}};
    for (std::size_t k = 0; k < std::size(counts); ++k) {
      if (counts[k].second > counts[k].first) hit(fmt::format("counted {}", kCounts[k]));
      if (counts[k].second > counts[k].first && counts[k].second == kLargest)
        hit("counter stops at its largest");
    }
  }
}

void FunctionalCoverage::note_time(const isa::Program& program, const models::ProgramTiming& timing) {
  constexpr std::size_t kBack = 500;  // those further back have mostly ended
  if (timing.database_wait_cycles > 0) hit("database is waited for");
  const std::size_t count = program.size() - 1;  // without `end`
  for (std::size_t i = 0; i < count; ++i) {
    const models::InstructionTiming& t = timing.instructions[i];
    const std::size_t unit = isa::worker_number(program[i]);
    if (t.started == t.issued + 1) hit(queue_bin(unit, "passed in a cycle"));
    int queued = 1;  // in the cycle after its issue, with those before it that have not started by then
    for (std::size_t k = i - std::min(i, kBack); k < i; ++k) {
      const models::InstructionTiming& other = timing.instructions[k];
      const std::size_t other_unit = isa::worker_number(program[k]);
      if (other_unit == unit) {
        queued += other.started > t.issued ? 1 : 0;
      } else if (other.started <= t.ended && t.started <= other.ended) {
        hit(side_by_side_bin(unit, other_unit));
      }
    }
    if (queued >= kRtlQueueDepth) hit(queue_bin(unit, "full"));
  }
}

void FunctionalCoverage::note(const RandomProgramShape& shape, const isa::Program& program,
                              const models::BlockLog& log) {
  hit(profile_bin(shape.profile));
  std::int64_t lines = 0;
  for (const isa::Instruction& instruction : program) {
    lines += (static_cast<std::int64_t>(isa::encode({instruction}).size()) + shape.lanes - 1) / shape.lanes;
    note_loops(instruction);
  }
  if (lines > 1 << 10) hit("program of more than 2^10 lines");
  if (lines > 1 << 15) hit("program of more than 2^15 lines");
  if (lines > 1 << 16) hit("program of more than 2^16 lines");
  for (const models::HbmRequest& request : log.requests) {
    if (request.line > 1 << 20) hit("HBM line above 2^20");
    if (request.line > 1 << 24) hit("HBM line above 2^24");
    if (request.line > 1 << 26) hit("HBM line above 2^26");
  }
  const models::HbmParameters usual;
  if (shape.hbm.queue_depth <= 3) hit("HBM with a queue of up to 3");
  if (shape.hbm.scheduling == models::HbmScheduling::kInOrder) hit("HBM in order");
  if (shape.hbm.t_refi < usual.t_refi) hit("HBM refreshed often");
  if (shape.hbm.clock_ps != usual.clock_ps) hit("HBM of another clock");
  note_counts(shape, program);
}

void FunctionalCoverage::note_loops(const isa::Instruction& instruction) {
  constexpr std::int32_t kHuge = 1 << 16;
  std::int64_t iterations = 1;
  bool first = true;
  addresses_of(instruction, [&](const auto& loops, const isa::Address& address) {
    for (std::size_t k = 0; k < isa::kLoops; ++k) {
      if (first) iterations *= loops[k];
      if (first && loops[k] >= kLongLoop) hit(loop_bin(k));
      if (loops[k] == 1 && address.stride[k] != 0) hit("stride of a loop without a second iteration");
      if (loops[k] > 1 && address.stride[k] > kHuge) hit("stride above 2^16");
      if (loops[k] > 1 && address.stride[k] < -kHuge) hit("stride below -2^16");
    }
    first = false;
  });
  if (iterations > kLongProduct) hit(long_bin(isa::unit(instruction)));
  const auto* tensor = std::get_if<isa::Tensor>(&instruction);
  if (tensor != nullptr && tensor->a.base > 100'000) hit("scratchpad line above 100,000");
}

// As if instructions ended one after the other.
void FunctionalCoverage::note_counts(const RandomProgramShape& shape, const isa::Program& program) {
  std::array<std::int64_t, isa::kSemaphores> counts{};
  for (const isa::Instruction& instruction : program) {
    const auto* put = std::get_if<isa::Put>(&instruction);
    const bool away = put != nullptr && put->core != shape.core;
    if (away) hit("put to another core");
    for (std::size_t s = 0; s < counts.size(); ++s) {
      const std::uint32_t bit = std::uint32_t{1} << s;
      if (isa::works(instruction) && (isa::wait(instruction) & bit) != 0) --counts[s];
      if (counts[s] < 0) hit("wait for another core");
      counts[s] = std::max<std::int64_t>(counts[s], 0);
      counts[s] += (raised_here(instruction) & bit) != 0 ? 1 : 0;
      if (put != nullptr && !away) counts[s] += (put->remote_signal & bit) != 0 ? 1 : 0;
      if (counts[s] > 7) hit("semaphore above 7");
      if (counts[s] > 255) hit("semaphore above 255");
      if (counts[s] == 1 << 16) hit("semaphore of 2^16");
    }
  }
  if (std::any_of(counts.begin(), counts.end(), [](std::int64_t c) { return c > 0; }))
    hit("semaphore left above zero");
}

}  // namespace anzan::sim
