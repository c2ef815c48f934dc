// Rows of one store into another.
#pragma once
#include <filesystem>

#include "sim/sweep/store_file.hpp"

namespace anzan::sim {

// Takes all rows of `other` that are not in `store`, which is made if there is none, in one transaction.
// Throws as opening and writing do.
void merge_store(const std::filesystem::path& store, const std::filesystem::path& other);

}  // namespace anzan::sim
