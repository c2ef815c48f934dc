// What all lowerings share: the program being written, the scratchpad, constants, and moving tiles between
// HBM and scratchpad. Rows are the unit of every address here; a copy becomes one of whole lines by itself
// where that is possible.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/graph/graph.hpp"
#include "compiler/graph/layout.hpp"
#include "compiler/instructions/listing.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"
#include "compiler/instructions/ranges.hpp"
#include "compiler/lowering/image.hpp"
#include "compiler/lowering/scratchpad_areas.hpp"
#include "compiler/lowering/tables.hpp"
#include "compiler/lowering/windows.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

// A walk of rows: count iterations, the source and the destination advance by so many rows.
struct Walk {
  std::int64_t count, src, dst;
};

class Lowering {
 public:
  // All must outlive the lowering. `stage`: of the pipeline.
  Lowering(const Graph& graph, const Constants& constants, Tables& tables, int stage = 0);

  const Graph& graph() const { return graph_; }
  const Constants& constants() const { return constants_; }
  std::int64_t lanes() const { return graph_.chip.lanes; }
  std::int64_t capacity() const { return capacity_; }  // lines of the scratchpad
  const Room& room() const { return areas_[static_cast<std::size_t>(area_)].room; }  // for one operation
  // Where instructions go from now on, and which part of the network they belong to.
  void into(Listing& listing) { listing_ = &listing; }
  void enter(const std::string& layer, const std::string& phase, Area area);
  // Begins an operation: enters its layer, works on its images, and takes statistics of what it writes or
  // none.
  void begin(const Op& op, const std::string& phase, Area area, bool analysing);
  int stage() const { return stage_; }
  // Where the network is divided: lines that other cores write to and messages go from, used by nothing else.
  Range roads() const { return roads_; }

  // Images that operations work on from now on: batch groups [first, first + count), or all of them.
  void work_on(std::int64_t first_group, std::int64_t groups) {
    groups_ = {first_group, first_group + groups};
  }
  Image image(int tensor) const;
  std::int64_t base_row(const TensorInfo& t) const {
    return t.hbm_line * models::elements_per_word(t.format);
  }

  // Scratchpad of one operation, `lines` in all, forgotten at the next one; throws std::logic_error where the
  // tile search promised too much. Operations take turns around their area, so that neighbours overlap in
  // time where they fit beside each other.
  void take_scratchpad(std::int64_t lines);
  std::int64_t allocate(std::int64_t lines);  // of what was taken; the first line

  // Scalars of the settings store: one entry for each distinct value.
  int scalar(float value);
  int scalar_bits(std::uint32_t bits);
  int learning_rate(double multiplier);  // entry that the driver fills

  // Copies rows; walks outermost first. Merges to whole lines where everything is aligned.
  static isa::Copy copying(isa::Format format, isa::Space src_space, std::int64_t src, isa::Space dst_space,
                           std::int64_t dst, const std::vector<Walk>& walks);
  void copy(isa::Format format, isa::Space src_space, std::int64_t src, isa::Space dst_space,
            std::int64_t dst, const std::vector<Walk>& walks);
  void load(const Image& image, const Tile& tile);  // tile.format == image.format
  // Channels [first, end) of the tile back to HBM; pad rows after the tensor's last channel may be written.
  void store(const Image& image, const Tile& tile, std::int64_t first, std::int64_t end);
  static isa::Copy storing(const Image& image, const Tile& tile, std::int64_t first, std::int64_t end);
  // Exact copy of `rows` rows in the scratchpad to a wider format.
  void widen(std::int64_t src_row, isa::Format from, std::int64_t dst_row, isa::Format to, int slot,
             std::int64_t rows);
  void emit(isa::Instruction instruction);
  // An instruction of an exchange, in one piece; returns its number in the listing.
  std::int32_t emit(isa::Instruction instruction, Exchanged exchanged);
  // All instructions of the listing so far have this access besides their own.
  void all_before(const Access& access);
  std::int64_t tensor_cycles() const { return tensor_cycles_; }  // of all that has been emitted
  void optimise(int slot);                                       // choose the next binary point for writing
  void settle(int slot);                                         // the tensor has been rewritten
  // What the tile searches decided, one line each, for the dump.
  void note(std::string decision) { tables_.notes.push_back(std::move(decision)); }

  // Statistics are taken of integer tensors that have a slot of their own.
  bool analyses(int slot, isa::Format format) const {
    return analysing_ && slot != kConstantSlot && models::has_binary_point(format);
  }

 private:
  const Graph& graph_;
  Constants constants_;
  Tables& tables_;
  int stage_ = 0;
  Range roads_{0, 0}, groups_{0, 0};
  struct Ring {
    std::int64_t begin, end, next;
    Room room;
  };
  std::int64_t capacity_ = 0, cursor_ = 0, taken_end_ = 0;
  std::array<Ring, kAreas> areas_;
  Area area_ = Area::kForward;
  Listing* listing_ = nullptr;
  std::uint16_t region_ = 0;
  bool analysing_ = true;
  std::int64_t tensor_cycles_ = 0;
};

// One lowering for each kind of operation. Program order is execution order; semaphores come later.
void lower_convolution(Lowering& low, const Op& op);
void lower_convolution_backward_data(Lowering& low, const Op& op);
void lower_convolution_backward_weight(Lowering& low, const Op& op);
void lower_pool(Lowering& low, const Op& op);
void lower_elementwise(Lowering& low, const Op& op);
void lower_loss(Lowering& low, const Op& op, bool gradient);
void lower_update(Lowering& low, const Op& op, bool store);
void lower_initialize(Lowering& low, const ParameterInfo& parameter);

}  // namespace anzan::compiler
