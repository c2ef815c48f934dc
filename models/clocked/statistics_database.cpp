// Arbitrates between merges of the two write-back paths and the settings optimiser.
#include "models/clocked/statistics_database.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "models/timing.hpp"

namespace anzan::models::clocked {

StatisticsDatabasePort::StatisticsDatabasePort(const sc_core::sc_module_name& name, const Clock& clock)
    : sc_core::sc_module(name), clock_(clock) {
  SC_METHOD(arbitrate);
  sensitive << wake_;
  dont_initialize();
}

void StatisticsDatabasePort::restart() {
  requests_ = {};
  busy_to_ = -1;
  wait_cycles_ = 0;
}

void StatisticsDatabasePort::request(DatabaseUser& user, int port) {
  const std::int64_t now = clock_.cycle();
  requests_[static_cast<std::size_t>(port)] = {&user, now};
  clock_.notify(wake_, std::max(now, busy_to_) + 1);
}

void StatisticsDatabasePort::arbitrate() {
  const std::int64_t now = clock_.cycle();
  if (now > busy_to_) {
    for (std::size_t port = 0; port < requests_.size(); ++port) {
      Request& request = requests_[port];
      if (request.user == nullptr || request.cycle >= now) continue;
      owner_ = static_cast<unsigned>(port);
      wait_cycles_ += now - request.cycle - 1;
      busy_to_ = now + kMergeCycles - 1;
      if (grants_ != nullptr) grants_->push_back({now, static_cast<int>(port), request.user->slot()});
      std::exchange(request.user, nullptr)->granted(busy_to_);
      break;
    }
  }
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  for (const Request& request : requests_) {
    if (request.user != nullptr) next = std::min(next, std::max(request.cycle, busy_to_) + 1);
  }
  if (next != std::numeric_limits<std::int64_t>::max()) clock_.notify(wake_, std::max(next, now + 1));
}

void StatisticsDatabasePort::trace(sc_core::sc_trace_file* file) const {
  sc_core::sc_trace(file, owner_, std::string(name()) + ".owner");
}

}  // namespace anzan::models::clocked
