// The pen of all lowerings: where instructions go, and the scratchpad that operations take turns in.
#include "compiler/lowering/lowering.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "compiler/input/scratchpad.hpp"
#include "compiler/instructions/narrow.hpp"
#include "compiler/instructions/splitting.hpp"
#include "models/number_format.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

// How long one instruction may keep its unit from more urgent ones; shorter ones cost more than they gain.
constexpr std::int64_t kMostCycles = 4096;

ScratchpadShares shares_of(const Graph& graph, std::int64_t lines) {
  return scratchpad_shares(lines, graph.system.data_cores() > 1, graph.divided);
}

// Of an image tensor: channels of all cores that share them.
std::int64_t channels_of_all(const Graph& graph, const TensorInfo& t) {
  return t.shape[1] * (t.shared_out ? graph.system.mapping.tensor.size : 1);
}

// Random words belong to the elements of the whole tensor, whichever core writes them: to those of all
// images, and of all channels. What is yet to be summed over cores has elements in each of them. What all
// cores compute alike they round alike.
std::shared_ptr<const IndexShift> index_shift(const Graph& graph, const SlotInfo& info,
                                              const TensorInfo* owner) {
  if (info.words_of >= 0) owner = &graph.tensors[static_cast<std::size_t>(info.words_of)];
  if (owner == nullptr) return nullptr;
  const bool images = owner->layout == TensorInfo::Layout::kImages;
  const bool differ = images || info.kind == TensorClass::kWeightGradient;
  const Dimension data = graph.system.data_axis(), tensor = graph.system.mapping.tensor;
  std::int64_t data_step = 0, tensor_step = 0, all = owner->size();
  if (owner->shared_out) {
    tensor_step = images ? all / owner->shape[0] : all;
    all *= tensor.size;
  } else if (info.differs) {
    tensor_step = all * data.size;
  }
  if (differ) data_step = all;
  if ((data_step == 0 || data.size == 1) && (tensor_step == 0 || tensor.size == 1)) return nullptr;
  return std::make_shared<const IndexShift>([=](int core) {
    return static_cast<std::uint32_t>(data.coordinate(core) * data_step +
                                      tensor.coordinate(core) * tensor_step);
  });
}

std::vector<std::shared_ptr<const IndexShift>> index_shifts(const Graph& graph) {
  std::vector<const TensorInfo*> owners(graph.slots.size());  // the tensors that slots are named after
  for (const TensorInfo& t : graph.tensors) {
    if (t.slot < 0) continue;
    const TensorInfo*& owner = owners[static_cast<std::size_t>(t.slot)];
    if (owner == nullptr && t.name == graph.slot(t.slot).name) owner = &t;
  }
  std::vector<std::shared_ptr<const IndexShift>> shifts;
  for (std::size_t s = 0; s < owners.size(); ++s)
    shifts.push_back(index_shift(graph, graph.slot(static_cast<int>(s)), owners[s]));
  return shifts;
}

// The slot that an instruction writes by; the one of constants if it does not round.
int written_slot(const isa::Instruction& i) {
  if (const auto* t = std::get_if<isa::Tensor>(&i)) return t->slot_o;
  if (const auto* v = std::get_if<isa::Vector>(&i)) return v->slot_o;
  return kConstantSlot;
}

}  // namespace

Lowering::Lowering(const Graph& graph, const Constants& constants, Tables& tables, int stage,
                   models::Watch watch)
    : graph_(graph),
      constants_(constants),
      tables_(tables),
      stage_(stage),
      watch_(watch),
      shares_(shares_of(graph, scratchpad_lines(graph.chip))),
      index_shifts_(index_shifts(graph)) {
  for (std::size_t a = 0; a < kAreas; ++a) {
    areas_[a].lines = area_lines(static_cast<Area>(a), shares_);
    areas_[a].next = areas_[a].lines.begin;
  }
}

void Lowering::begin(const Work& work) {
  work_ = work;
  const auto [found, is_new] =
      tables_.region_numbers.try_emplace({work.region.layer, work.region.phase}, tables_.regions.size());
  region_ = narrow<std::uint16_t>(found->second, "the number of a region");
  if (is_new) tables_.regions.push_back(work.region);
}

void Lowering::begin(const Region& region, Area area, const Range& groups) {
  begin(Work{work_.listing, region, area, groups});
}

void Lowering::end(Listing& listing) {
  work_.listing = &listing;
  emit(isa::End{});
}

Image Lowering::image(int tensor) const { return image(tensor, work_.groups); }

Image Lowering::image(int tensor, const Range& groups) const {
  const TensorInfo& t = graph_.tensor(tensor);
  Image i;
  i.tensor = &t;
  i.n = t.shape[0];
  i.c = t.shape[1];
  i.channels_of_all = channels_of_all(graph_, t);
  i.h = t.shape[2];
  i.w = t.shape[3];
  i.lanes = t.lanes;
  i.groups_there = rows_there(t).size() / (i.h * i.w * t.pitch);
  i.first_group = groups.begin;
  i.batch_groups = groups.size() > 0 ? groups.size() : i.groups_there;
  i.pitch = t.pitch;
  i.base_row = base_row(t);
  i.format = t.format;
  i.slot = t.slot;
  return i;
}

void Lowering::shift_indices(std::size_t first, int slot) {
  const std::shared_ptr<const IndexShift>& shift = index_shifts_.at(static_cast<std::size_t>(slot));
  if (!shift) return;
  listing().index_shift.resize(first);
  listing().index_shift.resize(listing().program.size(), shift);
}

std::int32_t Lowering::emit(isa::Instruction instruction, Exchanged exchanged) {
  Listing& l = listing();
  const std::size_t number = l.program.size();
  const int slot = written_slot(instruction);
  l.program.push_back(std::move(instruction));
  shift_indices(number, slot);
  l.region_of.push_back(region_);
  l.stage_of.resize(number + 1, narrow<std::uint8_t>(stage_, "the number of a stage"));
  l.exchanged.resize(number + 1);
  l.exchanged[number] = std::make_shared<const Exchanged>(std::move(exchanged));
  return static_cast<std::int32_t>(number);
}

std::int32_t Lowering::emit(Exchanged exchanged) {
  isa::Instruction in_core_0 = exchanged.in_core(0);
  return emit(std::move(in_core_0), std::move(exchanged));
}

void Lowering::all_before(const Access& access) {
  Listing& l = listing();
  l.exchanged.resize(l.program.size());
  for (std::size_t i = 0; i < l.program.size(); ++i) {
    if (l.stage_at(i) != static_cast<std::size_t>(stage_)) continue;
    Exchanged more;
    if (const Exchanged* before = l.exchanged_at(i)) {
      more = *before;
    } else {
      more.touches = accesses(l.program[i], lanes());
    }
    more.touches.push_back(access);
    l.exchanged[i] = std::make_shared<const Exchanged>(std::move(more));
  }
}

void Lowering::emit(const isa::Instruction& instruction) {
  watch_.done(0);
  if (std::holds_alternative<isa::Tensor>(instruction))
    tensor_cycles_ += models::estimated_cycles(instruction);
  Listing& l = listing();
  const std::size_t first = l.program.size();
  append_in_pieces(instruction, kMostCycles, l.program);
  shift_indices(first, written_slot(instruction));
  l.region_of.resize(l.program.size(), region_);
  l.stage_of.resize(l.program.size(), narrow<std::uint8_t>(stage_, "the number of a stage"));
}

void Lowering::take_scratchpad(std::int64_t lines) {
  Ring& r = ring();
  if (lines > r.lines.room.capacity) throw std::logic_error("tile search exceeded the scratchpad");
  if (r.next + lines > r.lines.end) r.next = r.lines.begin;
  cursor_ = r.next;
  if (cursor_ + lines > r.lines.end) cursor_ = 0;  // larger than its area
  taken_end_ = r.next = cursor_ + lines;
}

std::int64_t Lowering::allocate(std::int64_t lines) {
  const std::int64_t line = cursor_;
  cursor_ += lines;
  if (cursor_ > taken_end_) throw std::logic_error("an operation exceeded its scratchpad");
  return line;
}

InputError Lowering::too_small(std::int64_t lines, const std::string& for_what,
                               Range ScratchpadShares::*share) const {
  ChipParameters larger = graph_.chip;
  larger.scratchpad_kib = scratchpad_kib(graph_.chip, lines);
  while ((shares_of(graph_, scratchpad_lines(larger)).*share).size() < lines) ++larger.scratchpad_kib;
  return scratchpad_too_small(graph_.chip, larger.scratchpad_kib, for_what);
}

int Lowering::new_scalar(std::uint32_t bits) {
  if (tables_.scalars.size() == static_cast<std::size_t>(isa::kScalars))
    throw InputError(
        "/network/layers",
        "layers of so many different windows, decays and learning rates that the chip's table of " +
            std::to_string(isa::kScalars) + " scalars is full",
        "fewer different ones");
  tables_.scalars.push_back(bits);
  return static_cast<int>(tables_.scalars.size()) - 1;
}

int Lowering::scalar_bits(std::uint32_t bits) {
  const auto known = tables_.scalar_numbers.find(bits);
  if (known != tables_.scalar_numbers.end()) return known->second;
  return tables_.scalar_numbers[bits] = new_scalar(bits);
}

int Lowering::scalar(float value) { return scalar_bits(models::bits_of_float(value)); }

int Lowering::step_scalar(StepScalar::Kind kind, double multiplier) {
  for (const StepScalar& s : tables_.step_scalars) {
    if (s.kind == kind && s.multiplier == multiplier) return s.scalar;
  }
  tables_.step_scalars.push_back({kind, multiplier, new_scalar(0)});
  return tables_.step_scalars.back().scalar;
}

std::int64_t Lowering::countdown_lines() const { return ceil_div(constants_.countdown + 1, lanes()); }

void Lowering::load_countdown(std::int64_t line) {
  copy(models::kRawWords, in_hbm(constants_.countdown_line), in_scratchpad(line),
       {{countdown_lines(), 1, 1}});
}

std::int64_t Lowering::countdown_at(std::int64_t line, std::int64_t value) const {
  return line * lanes() + constants_.countdown - value;
}

void Lowering::widen(const Rows& from, const Rows& to, int slot, std::int64_t rows_in_all) {
  // integers pass at point 0: the tensor's points for reading and writing may differ
  const int through = models::has_binary_point(to.format) ? kConstantSlot : slot;
  isa::Vector v;
  v.op = isa::VectorOp::kCopy;
  writes_to(v, to.format, through);
  v.mask = lane_mask(0, lanes());
  v.a = rows(from.format, through, from.first);
  v.o = at(to.first);
  emit(v, Nest().loop(rows_in_all, {1, 0, 0, 1}));
}

void Lowering::optimise(int slot) {
  isa::Update u;
  u.slot = narrow<std::uint16_t>(slot, "a slot");
  emit(u);
}

void Lowering::settle(int slot) {
  isa::Settle s;
  s.slot = narrow<std::uint16_t>(slot, "a slot");
  emit(s);
}

}  // namespace anzan::compiler
