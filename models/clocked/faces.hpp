// How the blocks of a core speak to each other: calls in a cycle that take effect in a later one, so that the
// order in which the kernel evaluates processes within a cycle cannot matter.
#pragma once
#include <cstdint>
#include <systemc>

#include "models/clocked/job.hpp"

namespace anzan::models::clocked {

// A unit, as the sequencer sees it. Its face in RTL: `start` with a descriptor, answered by one `done`.
class UnitFace : public virtual sc_core::sc_interface {
 public:
  virtual void start(const Job& job) = 0;  // in cycle S; the unit is idle
};

// The sequencer, as units see it.
class SequencerFace : public virtual sc_core::sc_interface {
 public:
  virtual void worked(const Job& job) = 0;  // in cycle W
  virtual void done(const Job& job) = 0;  // in cycle E; the unit is idle and its semaphores count from E + 1
};

// Who asked for the statistics database.
class DatabaseUser {
 public:
  virtual ~DatabaseUser() = default;
  virtual void granted(std::int64_t last_cycle) = 0;  // the database works for it up to and in that cycle
  virtual int slot() const = 0;                       // whose entry
};

// The statistics database, as units see it: asked in cycle c, it may begin in c + 1.
class DatabaseFace : public virtual sc_core::sc_interface {
 public:
  virtual void request(DatabaseUser& user, int port) = 0;
};

}  // namespace anzan::models::clocked
