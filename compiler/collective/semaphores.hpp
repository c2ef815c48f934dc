// Which semaphores a collective raises in other cores. What raises one does so in the order in which others
// take it (`raising` and `taking` of compiler/instructions/accesses.hpp).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "compiler/input/remote_semaphores.hpp"
#include "compiler/input/system.hpp"

namespace anzan::compiler {

// Those of sums: one for each neighbour that sends, and one that says that the sums are complete.
class ArrivalSemaphores {
 public:
  // Of collectives that go this way. Throws std::invalid_argument where `semaphores` are too few.
  explicit ArrivalSemaphores(const Way& way, std::size_t semaphores = RemoteSemaphores::kAll);
  // Of collectives that go several ways: a neighbour has one semaphore in all of them.
  static std::vector<ArrivalSemaphores> of(const std::vector<Way>& ways,
                                           std::size_t semaphores = RemoteSemaphores::kAll);
  static std::size_t needed(const std::vector<Way>& ways);

  std::uint32_t from(std::size_t dimension) const { return from_.at(dimension); }
  std::uint32_t complete() const { return complete_; }
  // Those of the other dimensions. Who says there that the sums are complete is another neighbour than in all
  // of them, and so raises the semaphore of what it sends.
  ArrivalSemaphores without_first() const;

 private:
  ArrivalSemaphores() = default;
  std::vector<std::uint32_t> from_;
  std::uint32_t complete_ = 0;
};

// Cores that a core receives from on these ways. Of two cores, each is the next of the other in both
// directions.
std::size_t senders(const std::vector<Way>& ways);
// Of the collectives on rings, beside their ArrivalSemaphores: one for the credits of the core that this
// dimension leads to.
std::uint32_t credit_semaphore(const std::vector<Way>& ways, const Dimension& dimension);

// Cores that a core sends to or receives from. Where all of them send both ways, each has a semaphore for
// what it sends, one for its credits, and, where there are enough, one for what it sends last.
enum class NeighbourSignal { kData, kCredit, kLast };
std::size_t neighbours(const std::vector<Way>& ways);
std::uint32_t neighbour_semaphore(const std::vector<Way>& ways, const Dimension& dimension,
                                  NeighbourSignal signal);

}  // namespace anzan::compiler
