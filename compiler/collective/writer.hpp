// What the programs of all collectives are made of: how the buffer is cut, and the instructions.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/collective/program.hpp"
#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/instructions/listing.hpp"

namespace anzan::compiler {

// Lines [first, first + count) of every piece.
struct PieceSegment {
  std::int64_t first = 0, count = 0;
};

struct CollectiveCut {
  int cores = 1;
  std::int64_t line_bytes = 64, piece_lines = 0;
  std::vector<Way> ways;
  std::vector<PieceSegment> segments;  // segment k goes way k mod ways
  std::int64_t segment_lines = 0;      // of the longest, over all pieces
  std::int64_t place_lines = 0;        // of the scratchpad, of a segment that is under way
  std::int64_t places = 1;             // that many are under way; segment k has place k mod places
  std::int64_t lines() const { return cores * piece_lines; }
};

// `buffers` of a segment's length lie in the scratchpad for each that is under way; `reserve` lines stay
// free.
CollectiveCut cut(const CollectiveParameters& parameters, std::vector<Way> ways, int buffers,
                  std::int64_t reserve);

// Number of dimensions of more than one core.
std::size_t long_dimensions(const Way& way);

class CollectiveWriter {
 public:
  struct Level {
    std::int64_t count, src, dst;  // strides in lines
  };

  explicit CollectiveWriter(const CollectiveParameters& parameters) : p_(parameters) {}

  // Return the number of the instruction in the listing.
  std::int32_t emit(isa::Instruction instruction, Exchanged exchanged);
  // Levels outermost first. Arrivals are taken by the first copy, if it needs several.
  std::int32_t copy(isa::Space from, std::int64_t src, isa::Space to, std::int64_t dst,
                    std::vector<Level> levels, const Exchanged& exchanged);
  // Takes one arrival and does nothing else: the unit `settings` has no other work here.
  std::int32_t collect(std::uint32_t semaphore, std::vector<Access> touches, std::int32_t cause,
                       std::int64_t lag_cycles);

  // How long after the end of a put of so many lines its arrival is expected.
  std::int64_t lag_cycles(std::int64_t lines) const;

  Listing& listing() { return listing_; }
  void end();

  static Access lines(std::int64_t first, std::int64_t count, bool write) {
    return {Access::Resource::kScratchpad, first, first + count, write};
  }
  // An order of this program's own, beside those of collective.hpp.
  static Access order(std::int64_t number, bool write) {
    constexpr std::int64_t kFirst = std::int64_t{1} << 40;
    return {Access::Resource::kOrder, kFirst + number, kFirst + number + 1, write};
  }

 private:
  const CollectiveParameters& p_;
  Listing listing_;
};

// One for each family; of `broadcast`, a listing for each core, in the order of the instructions.
Listing ring_collective(const CollectiveParameters& parameters, const CollectiveCut& cut,
                        std::int64_t result_line);
Listing all_to_all(const CollectiveParameters& parameters, const CollectiveCut& cut,
                   std::int64_t result_line);
Listing all_to_all_in_turns(const CollectiveParameters& parameters, const CollectiveCut& cut,
                            std::int64_t result_line);
Listing broadcast_in_core(const CollectiveParameters& parameters, const CollectiveCut& cut,
                          std::int64_t result_line, int core);

// Lengths of a segment that all_to_all_in_turns needs in the scratchpad.
int turns_buffers(const Way& way);

// Cores that a core sends to or receives from: each dimension of more than one core, in both directions where
// these are two cores. Each has a semaphore for what it sends, one for its credits, and, where there are
// enough, one for what it sends last.
enum class NeighbourSignal { kData, kCredit, kLast };
std::size_t neighbours(const std::vector<Way>& ways);
std::uint32_t neighbour_semaphore(const std::vector<Way>& ways, const Dimension& dimension,
                                  NeighbourSignal signal);

// Ways that leave enough semaphores for the collective's credits.
std::vector<Way> ways_of(const CollectiveParameters& parameters);
// Of the collectives on rings: a semaphore for the credits of the core that this dimension leads to.
std::uint32_t credit_semaphore(const std::vector<Way>& ways, const Dimension& dimension);
// That all this takes.
std::size_t semaphores_needed(const CollectiveParameters& parameters, const std::vector<Way>& ways,
                              bool credits);

}  // namespace anzan::compiler
