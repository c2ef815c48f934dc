// Wakes in the cycles in which something happens in the network or is written to a scratchpad.
#include "models/clocked/interconnect.hpp"

#include <algorithm>
#include <limits>

namespace anzan::models::clocked {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const Clock& clock,
                           const ChipsNetwork& network, const PacketFormat& packet, const Alike& alike)
    : sc_core::sc_module(name), clock_(clock), parameters_(network), packet_(packet), alike_(alike) {
  SC_METHOD(wake);
  sensitive << wake_;
  dont_initialize();
}

void Interconnect::restart(int line_bytes, SystemObserver* observer) {
  line_bytes_ = line_bytes;
  network_ =
      std::make_unique<Network>(parameters_.topology, parameters_.routing, packet_,
                                [this](std::uint64_t id, std::int64_t time_fs) { delivered(id, time_fs); });
  observer_ = observer;
  network_->observe(observer);
  sent_.clear();
  flights_.clear();
  writing_.assign(receivers_.size(), {});
  failure_ = nullptr;
}

std::vector<LinkCounters> Interconnect::counters() const {
  std::vector<LinkCounters> result;
  for (std::size_t l = 0; l < parameters_.topology.links().size(); ++l)
    result.push_back(network_->counters(static_cast<int>(l)));
  return result;
}

void Interconnect::send(int core, const Job& put) {
  const std::int64_t now = clock_.cycle();
  sent_.push_back({core, &put});
  sent_cycle_ = now;
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
  network_->advance(now * clock_.period_fs());
  inject(now);
  for (std::size_t r = 0; r < receivers_.size(); ++r) {
    std::deque<Writing>& queue = writing_[r];
    while (!queue.empty() && queue.front().cycle <= now) {
      receivers_[r]->arrived(queue.front().semaphores);
      queue.pop_front();
    }
  }
  notify(now);
}

// In the order of the cores, whatever the order in which the kernel has called them.
void Interconnect::inject(std::int64_t now) {
  if (sent_.empty() || sent_cycle_ == now) return;
  std::sort(sent_.begin(), sent_.end(), [](const Sent& a, const Sent& b) { return a.core < b.core; });
  const std::int64_t time_fs = now * clock_.period_fs();
  for (const Sent& s : sent_) {
    Flight flight;
    flight.sent = s;
    flight.rows = s.put->rows_sent;
    flight.semaphores = s.put->remote_signal;
    const std::int64_t bytes =
        (flight.rows * line_bytes_ + (1 << s.put->rows_per_line_log2) - 1) >> s.put->rows_per_line_log2;
    std::uint64_t last = 0;
    for (int shift = 0; shift < alike_.cores(); shift += alike_.simulated) {
      const int receiver = alike_.shifted(s.put->receiver, shift);
      last = network_->inject(time_fs, alike_.shifted(s.core, shift), receiver, bytes);
      if (flight.under_way++ == 0) flight.first = last;
      if (receiver >= alike_.simulated) continue;
      flight.source = alike_.shifted(s.core, shift);
      flight.receiver = receiver;
    }
    flights_.emplace(last, flight);
  }
  sent_.clear();
}

void Interconnect::delivered(std::uint64_t id, std::int64_t time_fs) {
  const auto found = flights_.lower_bound(id);
  Flight& flight = found->second;
  if (flight.time_fs >= 0 && flight.time_fs != time_fs)
    throw NotAlike("messages that all cores send at once arrive at " + std::to_string(flight.time_fs) +
                   " and " + std::to_string(time_fs) + " fs");
  flight.time_fs = time_fs;
  if (--flight.under_way > 0) return;
  std::deque<Writing>& queue = writing_[static_cast<std::size_t>(flight.receiver)];
  const std::int64_t period = clock_.period_fs(), arrived = (time_fs + period - 1) / period,
                     first = queue.empty() ? arrived : std::max(arrived, queue.back().cycle + 1);
  const std::int64_t last = first + flight.rows - 1;
  queue.push_back({last, flight.semaphores});
  if (observer_ != nullptr)
    observer_->arrives(
        {flight.sent.core, flight.sent.put->index, flight.source, flight.receiver, first, last});
  flights_.erase(found);
}

void Interconnect::notify(std::int64_t now) {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t next = sent_.empty() ? kNever : now + 1;
  if (const auto event = network_->next_event())
    next = std::min(next, (*event + clock_.period_fs() - 1) / clock_.period_fs());
  for (const std::deque<Writing>& queue : writing_)
    if (!queue.empty()) next = std::min(next, queue.front().cycle);
  if (next != kNever) clock_.notify(wake_, std::max(next, now + 1));
}

}  // namespace anzan::models::clocked
