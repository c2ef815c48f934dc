// The event queue against an ordered multimap, under pushes that never go back behind the last pop.
#include "models/network/event_queue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace anzan::models::event_queue_test {
namespace {

TEST(EventQueue, PopsLikeASortedList) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    EventQueue queue;
    std::multimap<std::int64_t, std::uint32_t> reference;
    std::int64_t now_fs = 0;
    for (std::uint32_t step = 0; step < 5000; ++step) {
      if (random() % 5 < 3) {
        const std::int64_t time_fs =
            now_fs + static_cast<std::int64_t>(random() >> (2 + random() % 62)) % (1LL << 50);
        queue.push(time_fs, step);
        reference.emplace(time_fs, step);
      }
      ASSERT_EQ(queue.empty(), reference.empty());
      if (reference.empty()) continue;
      ASSERT_EQ(queue.next_fs(), reference.begin()->first);
      if (random() % 2 == 0) continue;
      const EventQueue::Event event = queue.pop();
      now_fs = event.time_fs;
      ASSERT_EQ(now_fs, reference.begin()->first);
      auto match = reference.lower_bound(now_fs);
      while (match != reference.end() && match->second != event.code) ++match;
      ASSERT_TRUE(match != reference.end() && match->first == now_fs);
      reference.erase(match);
    }
  }
}

}  // namespace
}  // namespace anzan::models::event_queue_test
