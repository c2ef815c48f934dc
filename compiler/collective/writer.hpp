// What the programs of all collectives are made of: how the buffer is cut, and the instructions.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/collective/program.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/instructions/listing.hpp"
#include "compiler/instructions/moves.hpp"

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

// Of each core's share of the buffer.
std::int64_t collective_piece_lines(const CollectiveParameters& parameters, std::int64_t cores);

// `buffers` of a segment's length lie in the scratchpad for each that is under way; one more line stays free,
// for credits. Throws InputError where there is no room for a line of each piece.
CollectiveCut cut(const CollectiveParameters& parameters, std::vector<Way> ways, int buffers);
// That the scratchpad has no room for so many lines of each of so many pieces.
InputError too_small(const CollectiveParameters& parameters, int pieces, int lines);

class CollectiveWriter {
 public:
  explicit CollectiveWriter(const CollectiveParameters& parameters) : p_(parameters) {}

  // Return the number of the instruction in the listing.
  std::int32_t emit(isa::Instruction instruction, Exchanged exchanged);
  std::int32_t emit(Exchanged exchanged);  // the one that it is in core 0
  // Levels outermost first. Arrivals are taken by the first copy, if it needs several.
  std::int32_t copy(const Location& from, const Location& to, std::vector<CopyLevel> levels,
                    const Exchanged& exchanged);
  // Takes one arrival and does nothing else: the unit `settings` has no other work here.
  std::int32_t collect(std::uint32_t semaphore, std::vector<Access> touches, std::int32_t cause,
                       std::int64_t lag_cycles);

  // How long after the end of a put of so many lines its arrival is expected.
  std::int64_t lag_cycles(std::int64_t lines) const;

  std::int64_t take_orders(std::int64_t count) { return listing_.take_orders(count); }
  // Ends the program, and writes the semaphores that its conflicts ask for. Nothing may be emitted after it.
  Listing finish();

 private:
  const CollectiveParameters& p_;
  Listing listing_;
};

}  // namespace anzan::compiler
