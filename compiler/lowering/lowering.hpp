// What all lowerings share: the program being written, the scratchpad, constants, and moving tiles between
// HBM and scratchpad. Rows are the unit of every address here; a copy becomes one of whole lines by itself
// where that is possible. Each kind of operation has its lowering in a file of its own. Program order is
// execution order; semaphores come later.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/graph/graph.hpp"
#include "compiler/graph/layout.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/instructions/listing.hpp"
#include "compiler/instructions/moves.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"
#include "compiler/instructions/ranges.hpp"
#include "compiler/lowering/image.hpp"
#include "compiler/lowering/scratchpad_areas.hpp"
#include "compiler/lowering/tables.hpp"
#include "compiler/lowering/windows.hpp"
#include "models/number_format.hpp"
#include "models/work_observer.hpp"

namespace anzan::compiler {

// What is lowered.
struct Work {
  Listing* listing = nullptr;  // where instructions go; the lowering keeps the pointer
  Region region;               // that they belong to
  Area area = Area::kForward;  // of the scratchpad
  Range groups{0, 0};          // batch groups of images that it works on; none: all
  bool analysing = true;       // whether statistics are taken
};

class Lowering {
 public:
  // All must outlive the lowering. `stage`: of the pipeline.
  Lowering(const Graph& graph, const Constants& constants, Tables& tables, int stage = 0,
           models::Watch watch = {});

  const Graph& graph() const { return graph_; }
  const Constants& constants() const { return constants_; }
  std::int64_t lanes() const { return graph_.chip.lanes; }
  int stage() const { return stage_; }
  const models::Watch& watch() const { return watch_; }

  // What is emitted from now on belongs to this work. Nothing of the work before holds any longer.
  void begin(const Work& work);
  // Other work in the same program, with statistics, on all images or on these.
  void begin(const Region& region, Area area, const Range& groups = {0, 0});
  void end(Listing& listing);  // the instruction that ends a program

  Image image(int tensor) const;  // the batch groups that the work is on
  Image image(int tensor, const Range& groups) const;
  // Of row 0, whether it is there or not.
  std::int64_t base_row(const TensorInfo& t) const {
    return models::row_of_line(t.format, t.hbm_line) - t.first_row;
  }

  // Scratchpad of one operation, `lines` in all, forgotten at the next one; throws std::logic_error where the
  // tile search promised too much. Operations take turns around their area, so that neighbours overlap in
  // time where they fit beside each other.
  void take_scratchpad(std::int64_t lines);
  std::int64_t allocate(std::int64_t lines);                           // of what was taken; the first line
  std::int64_t capacity() const { return shares_.operations.size(); }  // lines for operations
  const Room& room() const { return ring().lines.room; }               // for one operation of this area
  // Where the network is divided: lines that other cores write to and messages go from, used by nothing else.
  Range roads() const { return shares_.roads; }
  // That the scratchpad is too small for something that needs so many lines of one of its shares.
  InputError too_small(std::int64_t lines, const std::string& for_what,
                       Range ScratchpadShares::*share = &ScratchpadShares::operations) const;

  // Scalars of the settings store: one entry for each distinct value. Throw InputError where the table is
  // full.
  int scalar(float value);
  int scalar_bits(std::uint32_t bits);
  int step_scalar(StepScalar::Kind kind, double multiplier = 1);  // entry that the driver fills

  void copy(isa::Format format, const Location& from, const Location& to, const std::vector<Walk>& walks) {
    emit(copying(format, from, to, walks));
  }
  void load(const Image& image, const Tile& tile) { emit(loading(image, tile)); }
  void store(const Image& image, const Tile& tile, const Range& channels) {
    emit(storing(image, tile, channels));
  }
  void load_countdown(std::int64_t line);  // countdown_lines() of them
  std::int64_t countdown_lines() const;
  // Element of the countdown that stands at `line` and has this value.
  std::int64_t countdown_at(std::int64_t line, std::int64_t value) const;
  // Exact copy of rows in the scratchpad to a wider format.
  struct Rows {
    isa::Format format;
    std::int64_t first;
  };
  void widen(const Rows& from, const Rows& to, int slot, std::int64_t rows);
  void widen(const Tile& from, const Tile& to, int slot) {
    widen({from.format, from.base_row}, {to.format, to.base_row}, slot, from.rows());
  }

  void emit(const isa::Instruction& instruction);
  template <class Instruction>
  void emit(const std::vector<Instruction>& pieces) {
    for (const Instruction& i : pieces) emit(isa::Instruction(i));
  }
  // With these loops.
  template <class Instruction>
  void emit(const Instruction& instruction, Nest nest) {
    emit(nest.finish(instruction));
  }
  // An instruction of an exchange, in one piece; returns its number in the listing.
  std::int32_t emit(isa::Instruction instruction, Exchanged exchanged);
  std::int32_t emit(Exchanged exchanged);  // the one that it is in core 0
  // Adds the access to every instruction of this stage that has been emitted so far.
  void all_before(const Access& access);
  Listing& listing() { return *work_.listing; }
  std::int64_t tensor_cycles() const { return tensor_cycles_; }  // of all that has been emitted
  void optimise(int slot);                                       // choose the next binary point for writing
  void settle(int slot);                                         // the tensor has been rewritten
  // What the tile searches decided, one line each, for the dump.
  void note(std::string decision) { tables_.notes.push_back(std::move(decision)); }

  // Statistics are taken of tensors that have a slot of their own, whether or not it has a binary point.
  bool analyses(int slot) const { return work_.analysing && slot != kConstantSlot; }
  // The instruction writes new values of an image or a tensor: they are counted, if any are.
  template <class Arithmetic, class Target>
  void produces(Arithmetic& instruction, const Target& target) const {
    writes_to(instruction, target);
    instruction.analyse = analyses(target.slot) ? 1 : 0;
  }

 private:
  struct Ring {
    AreaLines lines;
    std::int64_t next = 0;
  };
  Ring& ring() { return areas_[static_cast<std::size_t>(work_.area)]; }
  const Ring& ring() const { return areas_[static_cast<std::size_t>(work_.area)]; }
  int new_scalar(std::uint32_t bits);
  // Of the instructions from number `first` of the listing on, which write by this slot.
  void shift_indices(std::size_t first, int slot);

  const Graph& graph_;
  Constants constants_;
  Tables& tables_;
  int stage_ = 0;
  models::Watch watch_;
  ScratchpadShares shares_;
  std::array<Ring, kAreas> areas_;
  std::vector<std::shared_ptr<const IndexShift>> index_shifts_;  // of what is written, by its slot
  std::int64_t cursor_ = 0, taken_end_ = 0;
  Work work_;
  std::uint16_t region_ = 0;
  std::int64_t tensor_cycles_ = 0;
};

}  // namespace anzan::compiler
