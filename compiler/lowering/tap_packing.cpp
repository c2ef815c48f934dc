// Shifts, masks and sums of whole words: a line of INT8 is a row of FP32 of which only the bits matter.
#include "compiler/lowering/tap_packing.hpp"

namespace anzan::compiler {

using isa::VectorOp;

Range TapPacking::packed(const Range& channels) const {
  const std::int64_t first = channels.begin / numbers_.together;
  return {first, first + kChannelAlignment * ceil_div(channels.size(), numbers_.alignment())};
}

void TapPacking::pack(const Tile& numbers, const Tile& packed, std::int64_t channels) {
  // whatever stands where there is no channel must not be carried to others
  if (const std::int64_t there = channels % kChannelAlignment; there != 0) {
    const Lines last{numbers, channels / kChannelAlignment};
    words(VectorOp::kIand, last, last, (1U << (8 * there)) - 1, 1);
  }
  const Lines first = of_place(numbers, 0), to{packed};
  const std::int64_t all = count_of_place(numbers, 0), shared = count_of_place(numbers, 1);
  if (shared < all)
    words(VectorOp::kIand, {packed, shared}, {numbers, shared * numbers_.together}, mask(), 1);
  for (int place = 1; place < numbers_.together; ++place) {
    const Lines more = of_place(numbers, place);
    const std::int64_t count = count_of_place(numbers, place);
    words(VectorOp::kIshl, more, more, shift(place), count);
    words(VectorOp::kIadd, to, place == 1 ? first : to, more, count);
  }
}

void TapPacking::unpack(const Tile& packed, const Tile& numbers) {
  const Lines from{packed};
  for (int place = 0; place < numbers_.together; ++place) {
    const Lines to = of_place(numbers, place);
    const std::int64_t count = count_of_place(numbers, place);
    if (place > 0) words(VectorOp::kIshr, to, from, shift(place), count);
    words(VectorOp::kIand, to, place > 0 ? to : from, mask(), count);
  }
}

std::int64_t TapPacking::count_of_place(const Tile& numbers, int place) const {
  return ceil_div(numbers.pitch / kChannelAlignment - place, numbers_.together);
}

void TapPacking::words(VectorOp op, const Lines& o, const Lines& a, const Lines& b, std::int64_t count) {
  isa::Vector v;
  v.op = op;
  v.b = rows(models::kRawWords, kConstantSlot, b.row());
  emit(v, o, a, &b, count);
}

void TapPacking::words(VectorOp op, const Lines& o, const Lines& a, std::uint32_t b, std::int64_t count) {
  isa::Vector v;
  v.op = op;
  v.b = scalar(low_.scalar_bits(b));
  emit(v, o, a, nullptr, count);
}

void TapPacking::emit(isa::Vector v, const Lines& o, const Lines& a, const Lines* b, std::int64_t count) {
  const std::int64_t pixels = o.tile.y.size() * o.tile.x.size() * o.tile.bg.size();
  if (pixels == 0 || count <= 0) return;
  writes_to(v, models::kRawWords, kConstantSlot);
  v.mask = lane_mask(0, low_.lanes());
  v.a = rows(models::kRawWords, kConstantSlot, a.row());
  v.o = at(o.row());
  low_.emit(v, Nest()
                   .loop(pixels, {a.a_pixel(), b != nullptr ? b->a_pixel() : 0, 0, o.a_pixel()})
                   .loop(count, {a.step, b != nullptr ? b->step : 0, 0, o.step}));
}

}  // namespace anzan::compiler
