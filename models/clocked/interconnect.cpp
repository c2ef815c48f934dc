// Wakes in the cycles in which something happens in the network or a last row is written to a scratchpad.
#include "models/clocked/interconnect.hpp"

#include <algorithm>
#include <limits>

namespace anzan::models::clocked {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const Clock& clock, int line_bytes,
                           const ChipsNetwork& network, const PacketFormat& packet, const Alike& alike)
    : sc_core::sc_module(name),
      clock_(clock),
      line_bytes_(line_bytes),
      messages_(clock.period_fs(), network, packet, alike) {
  SC_METHOD(wake);
  sensitive << wake_;
  dont_initialize();
}

void Interconnect::restart(SystemObserver* observer) {
  messages_.restart(observer);
  failure_ = nullptr;
}

void Interconnect::send(int core, const Job& put) {
  const std::int64_t now = clock_.cycle();
  const std::int64_t bytes = put.rows_sent * line_bytes_ >> put.rows_per_line_log2;
  messages_.send({core, put.receiver, put.rows_sent, bytes, put.remote_signal, put.index}, now);
  clock_.notify(wake_, now + 1);
}

void Interconnect::wake() {
  if (failure_) return;
  try {
    step(clock_.cycle());
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void Interconnect::step(std::int64_t now) {
  messages_.step(now);
  for (std::size_t r = 0; r < receivers_.size(); ++r) {
    std::deque<Messages::Writing>& queue = messages_.writing(static_cast<int>(r));
    while (!queue.empty() && queue.front().last <= now) {
      receivers_[r]->arrived(queue.front().semaphores);
      queue.pop_front();
    }
  }
  notify(now);
}

void Interconnect::notify(std::int64_t now) {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t next = messages_.next(now).value_or(kNever);
  for (std::size_t r = 0; r < receivers_.size(); ++r) {
    const std::deque<Messages::Writing>& queue = messages_.writing(static_cast<int>(r));
    if (!queue.empty()) next = std::min(next, queue.front().last);
  }
  if (next != kNever) clock_.notify(wake_, std::max(next, now + 1));
}

}  // namespace anzan::models::clocked
