// One cycle of the unit: the grant goes in; writes, requests and the end come out and are handed on.
#include "models/clocked/rtl_unit.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace anzan::models::clocked {
namespace {
constexpr std::int64_t kStandstillCycles = 100'000'000;
}

void RtlUnitShell::pins(std::int64_t now) {
  const bool granted = std::exchange(granted_, false);
  const RtlUnit::Outputs out = rtl_.cycle(now, granted);
  if (granted) asked_ = false;
  // W is the last of the writes; units without a port for them end with it.
  if (out.wrote || (out.done && !job().merges)) work_done();
  if (out.done) return end();
  if (out.asks && !asked_) {
    if (port_ < 0) throw std::logic_error(std::string(name()) + ": asks for a database");
    asked_ = true;
    database->request(*this, port_);
  }
  if (now - started_ > kStandstillCycles) throw std::logic_error(std::string(name()) + ": stands still");
  pins_.call(*this, now + 1);
}

}  // namespace anzan::models::clocked
