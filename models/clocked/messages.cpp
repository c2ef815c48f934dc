// A put waits for the next cycle, enters the network in the order of the cores, and at its receiver queues
// for the port: a row a cycle.
#include "models/clocked/messages.hpp"

#include <algorithm>
#include <string>

namespace anzan::models::clocked {

Messages::Messages(std::int64_t clock_period_fs, const ChipsNetwork& network, const PacketFormat& packet,
                   const Alike& alike)
    : period_fs_(clock_period_fs), parameters_(network), packet_(packet), alike_(alike) {
  restart();
}

void Messages::restart(SystemObserver* observer) {
  network_ =
      std::make_unique<Network>(parameters_.topology, parameters_.routing, packet_,
                                [this](std::uint64_t id, std::int64_t time_fs) { delivered(id, time_fs); });
  observer_ = observer;
  network_->observe(observer);
  sent_.clear();
  puts_ = 0;
  flights_.clear();
  writing_.assign(static_cast<std::size_t>(alike_.simulated), {});
}

std::vector<LinkCounters> Messages::counters() const {
  std::vector<LinkCounters> result;
  for (std::size_t l = 0; l < parameters_.topology.links().size(); ++l)
    result.push_back(network_->counters(static_cast<int>(l)));
  return result;
}

std::uint64_t Messages::send(const Put& put, std::int64_t now) {
  sent_.push_back({puts_, now, put});
  return puts_++;
}

void Messages::step(std::int64_t now) {
  network_->advance(now * period_fs_);
  inject(now);
}

// What was sent in the cycle before, in the order of the cores. Some may have sent in this cycle already, and
// which of them have depends on the kernel.
void Messages::inject(std::int64_t now) {
  const auto later =
      std::partition(sent_.begin(), sent_.end(), [now](const Sent& s) { return s.cycle < now; });
  std::sort(sent_.begin(), later, [](const Sent& a, const Sent& b) { return a.put.core < b.put.core; });
  const std::int64_t time_fs = now * period_fs_;
  for (auto s = sent_.begin(); s != later; ++s) {
    const Put& put = s->put;
    Flight flight;
    flight.number = s->number;
    flight.put = put;
    std::uint64_t last = 0;
    for (int shift = 0; shift < alike_.cores(); shift += alike_.simulated) {
      const int receiver = alike_.shifted(put.receiver, shift);
      last = network_->inject(time_fs, alike_.shifted(put.core, shift), receiver, put.bytes);
      ++flight.under_way;
      if (receiver >= alike_.simulated) continue;
      flight.source = alike_.shifted(put.core, shift);
      flight.receiver = receiver;
    }
    flights_.emplace(last, flight);
  }
  sent_.erase(sent_.begin(), later);
}

void Messages::delivered(std::uint64_t id, std::int64_t time_fs) {
  const auto found = flights_.lower_bound(id);
  Flight& flight = found->second;
  if (flight.time_fs >= 0 && flight.time_fs != time_fs)
    throw NotAlike("messages that all cores send at once arrive at " + std::to_string(flight.time_fs) +
                   " and " + std::to_string(time_fs) + " fs");
  flight.time_fs = time_fs;
  if (--flight.under_way > 0) return;
  std::deque<Writing>& queue = writing(flight.receiver);
  const std::int64_t arrived = (time_fs + period_fs_ - 1) / period_fs_,
                     first = queue.empty() ? arrived : std::max(arrived, queue.back().last + 1);
  const Put& put = flight.put;
  queue.push_back({flight.number, first, first + put.rows - 1, put.semaphores});
  if (observer_ != nullptr)
    observer_->arrives(
        {put.core, put.instruction, flight.source, flight.receiver, first, first + put.rows - 1});
  flights_.erase(found);
}

std::optional<std::int64_t> Messages::next(std::int64_t now) const {
  if (!sent_.empty()) return now + 1;
  const std::optional<std::int64_t> event = network_->next_event();
  if (!event) return event;
  return std::max((*event + period_fs_ - 1) / period_fs_, now + 1);
}

bool Messages::idle() const {
  return sent_.empty() && flights_.empty() &&
         std::all_of(writing_.begin(), writing_.end(), [](const auto& queue) { return queue.empty(); });
}

}  // namespace anzan::models::clocked
