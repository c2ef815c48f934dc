// Computed by pagmo.
#include "sim/sweep/hypervolume.hpp"

#include <pagmo/utils/hypervolume.hpp>

namespace anzan::sim {

double hypervolume(const std::vector<Objectives>& points, const Objectives& reference) {
  std::vector<Objectives> better;
  for (const Objectives& point : points) {
    bool inside = true;
    for (std::size_t k = 0; k < reference.size(); ++k) inside = inside && point[k] < reference[k];
    if (inside) better.push_back(point);
  }
  return better.empty() ? 0 : pagmo::hypervolume(better).compute(reference);
}

}  // namespace anzan::sim
