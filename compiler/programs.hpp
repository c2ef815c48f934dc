// The programs of a network: operations in order, with the choices of binary points between them, lowered and
// then scheduled.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "compiler/compiler.hpp"
#include "compiler/graph/graph.hpp"
#include "compiler/instructions/listing.hpp"
#include "compiler/lowering/lowering.hpp"
#include "compiler/parallel/partition.hpp"

namespace anzan::compiler {

// Instructions in the order in which the operations stand, without semaphores. Of the initial values, a
// listing for each piece; the listing of the step holds all stages of the pipeline.
struct Lowered {
  ByProgram<std::vector<Listing>> programs;
  Listing two_steps, exchange;  // empty where there is nothing to exchange, or the network is divided; the
                                // first is there also if it is asked for
  Tables tables;
};

using SharedListing = std::shared_ptr<const Listing>;  // large: encoders keep what the passes have made
struct Scheduled {
  ByProgram<std::vector<SharedListing>>
      programs;  // initialize: of each piece; the step: of each stage; the others: one, if any
  std::int64_t longest_program_words = 0;
  SharedListing two_steps, exchange;  // null where they are not there
  Tables tables;

  std::int64_t expected_step_cycles() const {  // from step to step
    const std::int64_t step = programs[ProgramKind::kStep].front()->expected_cycles;
    return two_steps != nullptr ? two_steps->expected_cycles - step : step;
  }
};

Constants plan_constants(const Graph& graph);
// `parts`: what the cores do in a step where the system divides the network. `two_steps`: as in Input.
Lowered lower_all(const Graph& whole, const std::vector<InitialPiece>& initial,
                  const std::optional<Partition>& parts, const Constants& constants, bool two_steps,
                  models::Watch watch);
Scheduled schedule_all(Lowered lowered, std::int64_t lanes, const CompileOptions& options);

}  // namespace anzan::compiler
