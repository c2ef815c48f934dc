// What all lowerings share: see lowering.hpp.
#include "compiler/lowering/lowering.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "compiler/instructions/splitting.hpp"
#include "models/number_format.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

// How long one instruction may keep its unit from more urgent ones; shorter ones cost more than they gain.
constexpr std::int64_t kMostCycles = 4096;

}  // namespace

Lowering::Lowering(const Graph& graph, const Constants& constants, Tables& tables, int stage)
    : graph_(graph),
      constants_(constants),
      tables_(tables),
      stage_(stage),
      capacity_(graph.chip.scratchpad_kib * 1024 / (graph.chip.lanes * (isa::kWordBits / 8))) {
  // where other cores write nothing else may ever be: they can be ahead of this one by much
  const std::int64_t for_others = capacity_ / 8;
  const auto reserve = [&] {
    capacity_ -= for_others;
    return Range{capacity_, capacity_ + for_others};
  };
  const bool alone = graph.system.data_cores() == 1;
  const Range exchange = alone ? Range{0, 0} : reserve();
  if (graph.divided) roads_ = reserve();
  // forward there is nothing else to do; backward, gradients of weights fill the gaps of those of the inputs
  const std::int64_t parts = alone ? 8 : 7, part = capacity_ / parts;
  const std::int64_t beside_updates = alone ? capacity_ : (parts - 1) * part;
  const auto ring = [&](std::int64_t first, std::int64_t end, std::int64_t neighbours) {
    return Ring{first * part,
                end * part,
                first * part,
                {capacity_, beside_updates, (end - first) * part, (end - first) * part / neighbours}};
  };
  areas_ = {ring(0, parts - 1, 2), ring(0, 3, 2), ring(3, parts - 1, 2), ring(parts - 1, parts, 1),
            Ring{exchange.begin,
                 exchange.end,
                 exchange.begin,
                 {exchange.size(), exchange.size(), exchange.size(), exchange.size()}}};
}

Image Lowering::image(int tensor) const {
  const TensorInfo& t = graph_.tensors[static_cast<std::size_t>(tensor)];
  Image i;
  i.tensor = &t;
  i.n = t.shape[0];
  i.c = t.shape[1];
  i.h = t.shape[2];
  i.w = t.shape[3];
  i.lanes = t.lanes;
  i.groups_of_tensor = ceil_div(i.n, i.lanes);
  i.first_group = groups_.begin;
  i.batch_groups = groups_.size() > 0 ? groups_.size() : i.groups_of_tensor;
  i.pitch = t.pitch;
  i.base_row = base_row(t);
  i.format = t.format;
  i.slot = t.slot;
  return i;
}

void Lowering::enter(const std::string& layer, const std::string& phase, Area area) {
  area_ = area;
  const auto same = [&](const Region& r) { return r.layer == layer && r.phase == phase; };
  const auto found = std::find_if(tables_.regions.begin(), tables_.regions.end(), same);
  region_ = static_cast<std::uint16_t>(found - tables_.regions.begin());
  if (found == tables_.regions.end()) tables_.regions.push_back({layer, phase});
}

void Lowering::begin(const Op& op, const std::string& phase, Area area, bool analysing) {
  enter(graph_.layer(op).name, phase, area);
  work_on(op.first_group, op.groups);
  analysing_ = analysing;
}

std::int32_t Lowering::emit(isa::Instruction instruction, Exchanged exchanged) {
  const std::size_t number = listing_->program.size();
  listing_->program.push_back(std::move(instruction));
  listing_->region_of.push_back(region_);
  listing_->stage_of.resize(number + 1, static_cast<std::uint8_t>(stage_));
  listing_->exchanged.resize(number + 1);
  listing_->exchanged[number] = std::make_shared<const Exchanged>(std::move(exchanged));
  return static_cast<std::int32_t>(number);
}

void Lowering::all_before(const Access& access) {
  listing_->exchanged.resize(listing_->program.size());
  for (std::size_t i = 0; i < listing_->program.size(); ++i) {
    if (listing_->stage_at(i) != static_cast<std::size_t>(stage_)) continue;
    Exchanged more;
    if (const Exchanged* before = listing_->exchanged_at(i)) {
      more = *before;
    } else {
      more.touches = accesses(listing_->program[i], lanes());
    }
    more.touches.push_back(access);
    listing_->exchanged[i] = std::make_shared<const Exchanged>(std::move(more));
  }
}

void Lowering::emit(isa::Instruction instruction) {
  if (std::holds_alternative<isa::Tensor>(instruction))
    tensor_cycles_ += models::estimated_cycles(instruction);
  append_in_pieces(instruction, kMostCycles, listing_->program);
  listing_->region_of.resize(listing_->program.size(), region_);
  listing_->stage_of.resize(listing_->program.size(), static_cast<std::uint8_t>(stage_));
}

void Lowering::take_scratchpad(std::int64_t lines) {
  Ring& ring = areas_[static_cast<std::size_t>(area_)];
  if (lines > ring.room.capacity) throw std::logic_error("tile search exceeded the scratchpad");
  if (ring.next + lines > ring.end) ring.next = ring.begin;
  cursor_ = ring.next;
  if (cursor_ + lines > ring.end) cursor_ = 0;  // larger than its area
  taken_end_ = ring.next = cursor_ + lines;
}

std::int64_t Lowering::allocate(std::int64_t lines) {
  const std::int64_t line = cursor_;
  cursor_ += lines;
  if (cursor_ > taken_end_) throw std::logic_error("an operation exceeded its scratchpad");
  return line;
}

int Lowering::scalar_bits(std::uint32_t bits) {
  const auto [it, added] = tables_.scalar_numbers.emplace(bits, static_cast<int>(tables_.scalars.size()));
  if (added) tables_.scalars.push_back(bits);
  if (tables_.scalars.size() > static_cast<std::size_t>(isa::kScalars))
    throw std::length_error("scalar table is full");
  return it->second;
}

int Lowering::scalar(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return scalar_bits(bits);
}

int Lowering::learning_rate(double multiplier) {
  for (const auto& [number, m] : tables_.learning_rates) {
    if (m == multiplier) return number;
  }
  tables_.scalars.push_back(0);
  if (tables_.scalars.size() > static_cast<std::size_t>(isa::kScalars))
    throw std::length_error("scalar table is full");
  tables_.learning_rates.emplace_back(static_cast<int>(tables_.scalars.size()) - 1, multiplier);
  return tables_.learning_rates.back().first;
}

isa::Copy Lowering::copying(isa::Format format, isa::Space src_space, std::int64_t src, isa::Space dst_space,
                            std::int64_t dst, const std::vector<Walk>& walks) {
  Nest nest;
  for (const Walk& w : walks) nest.loop(w.count, {w.src, w.dst, 0, 0, 0});
  nest.merge();
  const std::int64_t per_line = models::elements_per_word(format);
  std::vector<Nest::Level>& levels = nest.loops();
  bool lines = per_line > 1 && !levels.empty() && levels.back().stride[0] == 1 &&
               levels.back().stride[1] == 1 && levels.back().count % per_line == 0 && src % per_line == 0 &&
               dst % per_line == 0;
  for (std::size_t i = 0; lines && i + 1 < levels.size(); ++i) {
    lines = levels[i].stride[0] % per_line == 0 && levels[i].stride[1] % per_line == 0;
  }
  isa::Copy c;
  c.element = format;
  if (lines) {
    c.element = isa::Format::kFp32;
    src /= per_line;
    dst /= per_line;
    for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
      levels[i].stride[0] /= per_line;
      levels[i].stride[1] /= per_line;
    }
    levels.back().count /= per_line;
  }
  c.src_space = src_space;
  c.dst_space = dst_space;
  c.src = at(src);
  c.dst = at(dst);
  nest.finish(c);
  return c;
}

void Lowering::copy(isa::Format format, isa::Space src_space, std::int64_t src, isa::Space dst_space,
                    std::int64_t dst, const std::vector<Walk>& walks) {
  emit(copying(format, src_space, src, dst_space, dst, walks));
}

void Lowering::load(const Image& image, const Tile& t) {
  // whole lines: the pad rows of the last channels come along
  const std::int64_t channels = image.pitch % kChannelAlignment == 0 ? t.pitch : t.c.size();
  copy(image.format, isa::Space::kHbm, image.row(t.y.begin, t.x.begin, t.bg.begin, t.c.begin),
       isa::Space::kScratchpad, t.base_row,
       {{t.y.size(), image.y_stride(), t.y_stride()},
        {t.x.size(), image.x_stride(), t.x_stride()},
        {t.bg.size(), image.pitch, t.bg_stride()},
        {std::min(channels, image.pitch - t.c.begin), 1, 1}});
}

isa::Copy Lowering::storing(const Image& image, const Tile& t, std::int64_t first, std::int64_t end) {
  if (end == image.c) end = image.pitch;
  return copying(image.format, isa::Space::kScratchpad, t.row(t.y.begin, t.x.begin, t.bg.begin, first),
                 isa::Space::kHbm, image.row(t.y.begin, t.x.begin, t.bg.begin, first),
                 {{t.y.size(), t.y_stride(), image.y_stride()},
                  {t.x.size(), t.x_stride(), image.x_stride()},
                  {t.bg.size(), t.bg_stride(), image.pitch},
                  {end - first, 1, 1}});
}

void Lowering::store(const Image& image, const Tile& t, std::int64_t first, std::int64_t end) {
  emit(storing(image, t, first, end));
}

void Lowering::widen(std::int64_t src_row, isa::Format from, std::int64_t dst_row, isa::Format to, int slot,
                     std::int64_t rows) {
  // integers pass at point 0: the tensor's points for reading and writing may differ
  const int through = models::has_binary_point(to) ? kConstantSlot : slot;
  // one instruction for each full and partial run of 16-bit loop counts
  constexpr std::int64_t kRun = 32768;
  for (const Range& r : pieces(rows, kRun)) {
    isa::Vector v;
    v.op = isa::VectorOp::kCopy;
    v.out_format = to;
    v.slot_o = static_cast<std::uint16_t>(through);
    v.mask = lane_mask(0, lanes());
    v.a.kind = isa::OperandKind::kRows;
    v.a.format = from;
    v.a.slot = static_cast<std::uint16_t>(through);
    v.a.at = at(src_row + r.begin);
    v.o = at(dst_row + r.begin);
    Nest().loop(r.size(), {1, 0, 0, 1, 0}).finish(v);
    emit(v);
  }
}

void Lowering::optimise(int slot) {
  isa::Update u;
  u.slot = static_cast<std::uint16_t>(slot);
  emit(u);
}

void Lowering::settle(int slot) {
  isa::Settle s;
  s.slot = static_cast<std::uint16_t>(slot);
  emit(s);
}

}  // namespace anzan::compiler
