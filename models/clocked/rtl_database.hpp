// The shell of a statistics database that is RTL: who asks, and who is granted, goes through its pins. Users
// that are models and users that are RTL look the same to it. Page: README.md.
#pragma once
#include <array>

#include "models/clocked/faces.hpp"
#include "models/clocked/pin_cycles.hpp"
#include "models/clocked/rtl_block.hpp"

namespace anzan::models::clocked {

class RtlDatabaseShell : public sc_core::sc_module, public DatabaseFace, public Transactor {
 public:
  RtlDatabaseShell(const sc_core::sc_module_name& name, const Clock& clock, PinCycles& pins,
                   RtlStatisticsDatabase& rtl);

  void restart();
  void request(DatabaseUser& user, int port) override;
  std::int64_t wait_cycles() const { return wait_cycles_; }

 private:
  struct Request {
    DatabaseUser* user = nullptr;
    std::int64_t cycle = 0;
  };
  void pins(std::int64_t now) override;

  const Clock& clock_;
  PinCycles& pins_;
  RtlStatisticsDatabase& rtl_;
  std::array<Request, 3> requests_;
  std::int64_t busy_to_ = -1;  // last cycle of the grant
  std::int64_t wait_cycles_ = 0;
};

}  // namespace anzan::models::clocked
