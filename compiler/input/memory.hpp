// How tensors share HBM, and what is done that a step needs less of it.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace anzan::compiler {

// Which tensors may have the same place.
enum class MemoryPlaces {
  kConventional,     // none
  kSharedGradients,  // gradients of activations lie over their activations, those of weights over each other
  kLifetimes,        // all that are never alive at the same time
};
inline constexpr std::array<std::string_view, 3> kMemoryPlaces{"conventional", "shared_gradients",
                                                               "lifetimes"};
// Of the two gradients of a layer, that of its input and that of its weights: which one is computed first.
enum class GradientOrder {
  kInputFirst,
  kSmallerFirst,
  kLeastPeak,  // as the peak is least; other operations of the backward pass move, too
};
inline constexpr std::array<std::string_view, 3> kGradientOrders{"input_first", "smaller_first",
                                                                 "least_peak"};
// Which activations the backward pass computes again instead of keeping them.
enum class Recompute {
  kNothing,
  kCheap,  // all that are no sums of products: normalised, pooled, added, functions
};
inline constexpr std::array<std::string_view, 2> kRecomputes{"nothing", "cheap"};

struct MemoryParameters {
  MemoryPlaces places = MemoryPlaces::kLifetimes;
  GradientOrder order = GradientOrder::kInputFirst;
  // Of the tightest plan: so much more that memory may take, where writers then wait less.
  int slack_percent = 25;
  // The gradient of a layer's weights has at most so much memory: it is computed and used up part by part.
  // 0: all at once.
  std::int64_t weight_gradient_kib = 0;
  Recompute recompute = Recompute::kNothing;
  // Of all tensors: as many activations are computed again as it takes to need no more. 0: no budget.
  std::int64_t budget_mib = 0;
};

}  // namespace anzan::compiler
