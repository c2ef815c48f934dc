// A request is shown at the pins from the cycle after it; a grant keeps the database busy for one merge.
#include "models/clocked/rtl_database.hpp"

#include <utility>

#include "models/timing.hpp"

namespace anzan::models::clocked {

RtlDatabaseShell::RtlDatabaseShell(const sc_core::sc_module_name& name, const Clock& clock, PinCycles& pins,
                                   RtlStatisticsDatabase& rtl)
    : sc_core::sc_module(name), clock_(clock), pins_(pins), rtl_(rtl) {
  pins.join(PinCycles::Order::kGrants, *this);
  pins.at_end([&rtl] { rtl.end_cycle(); });
}

void RtlDatabaseShell::restart() {
  requests_ = {};
  busy_to_ = -1;
  wait_cycles_ = 0;
}

void RtlDatabaseShell::request(DatabaseUser& user, int port) {
  const std::int64_t now = clock_.cycle();
  requests_[static_cast<std::size_t>(port)] = {&user, now};
  pins_.call(*this, now + 1);
}

void RtlDatabaseShell::pins(std::int64_t now) {
  unsigned ports = 0;
  std::array<int, 3> slots{};
  for (std::size_t port = 0; port < requests_.size(); ++port) {
    if (requests_[port].user == nullptr || requests_[port].cycle >= now) continue;
    ports |= 1U << port;
    slots[port] = requests_[port].user->slot();
  }
  const int granted = rtl_.ask(ports, slots);
  if (granted >= 0) {
    Request& request = requests_.at(static_cast<std::size_t>(granted));
    if (request.user == nullptr) throw std::logic_error("statistics database: grants who has not asked");
    wait_cycles_ += now - request.cycle - 1;
    busy_to_ = now + kMergeCycles - 1;
    std::exchange(request.user, nullptr)->granted(busy_to_);
  }
  bool more = now < busy_to_;
  for (const Request& request : requests_) more = more || request.user != nullptr;
  if (more) pins_.call(*this, now + 1);
}

}  // namespace anzan::models::clocked
