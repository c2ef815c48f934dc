// Questions to a store in SQL.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/work_observer.hpp"

namespace anzan::sim {

using QueryRow = std::vector<nlohmann::json>;  // null, number or text; blobs as hexadecimal text

// What a statement finds that changes nothing. Throws compiler::InputError for all other statements, and for
// what is no store. No value is longer than 64 MiB.
class Query {
 public:
  Query(const std::filesystem::path& store, const std::string& sql, models::Watch watch = {});
  ~Query();
  const std::vector<std::string>& columns() const { return columns_; }
  bool next(QueryRow& row);  // whether there is one

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::vector<std::string> columns_;
};

}  // namespace anzan::sim
