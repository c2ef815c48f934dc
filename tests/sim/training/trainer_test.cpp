// The driver's side of the chip: batches as they are stored, what a step and a test leave behind, and
// checkpoints.
#include "sim/training/trainer.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "sim/configuration/configuration.hpp"
#include "sim/data/dataset.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/checkpoint.hpp"
#include "sim/training/tensor_memory.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::trainer_test {
namespace {

using ::testing::HasSubstr;
using testing::ScratchDirectory;

class TrainerTest : public ::testing::Test {
 protected:
  void build(const std::vector<std::string>& sets = {}) {
    config_ = testing::small_configuration_with(scratch_, sets);
    model_ = compiler::compile(config_.input());
    dataset_ = load_dataset(config_.dataset, config_.network);
    trainer_ = make();
  }
  std::unique_ptr<Trainer> make() {
    return std::make_unique<Trainer>(model_, config_.network, 5, 1, engine_);
  }

  static std::vector<std::int64_t> batch(std::int64_t first, std::int64_t count = 16) {
    std::vector<std::int64_t> images;
    for (std::int64_t i = 0; i < count; ++i) images.push_back(first + i);
    return images;
  }

  ScratchDirectory scratch_;
  Configuration config_;
  compiler::CompiledModel model_;
  Dataset dataset_;
  FunctionalEngine engine_;
  std::unique_ptr<Trainer> trainer_;
};

TEST(BinaryPoint, IsTheFinestAtWhichOnlyTheTopSaturates) {
  std::vector<float> levels;
  for (int x = 0; x < 256; ++x) levels.push_back(static_cast<float>(x) / 256);
  EXPECT_EQ(binary_point_of(levels, 8, -16, 40), 7);  // 255/256 at 128/128, stored as 127/128
  EXPECT_EQ(binary_point_of(levels, 16, -16, 40), 15);
  EXPECT_EQ(binary_point_of(levels, 9, -16, 40), 8);
  EXPECT_EQ(binary_point_of(levels, 8, -16, 3), 3);
  EXPECT_EQ(binary_point_of({0, 255}, 8, -16, 40), -1);
  EXPECT_EQ(binary_point_of({-1, 0.25F}, 8, -16, 40), 7);
  EXPECT_EQ(binary_point_of({-1.01F, 0.25F}, 8, -16, 40), 6);
  EXPECT_EQ(binary_point_of({0}, 8, -16, 40), 40);
  EXPECT_EQ(binary_point_of({1e30F}, 8, -16, 40), -16);
}

HeaderCheck check_of(const char* identity) {
  return [identity](const nlohmann::json& found, const nlohmann::json& header) {
    if (header.at("step") != 6) throw std::invalid_argument("step");
    if (found != identity) throw compiler::InputError("checkpoint", "another configuration", identity);
  };
}

TEST_F(TrainerTest, BatchesStandWhereTheTensorsAre) {
  for (const char* preset : {"fp32", "int16", "int8"}) {
    build({std::string("/precision/preset=") + preset, "/network/input/scale=0.0078125",
           "/network/input/offset=-0.5", "/training/batch=20"});
    BatchWriter writer(trainer_->core(), &model_.tensor("data"), &model_.tensor("label"), config_.network);
    writer.write(dataset_.train, batch(3, 20));
    writer.write(dataset_.train, {7, 95, 0});  // the other places become empty
    const compiler::TensorInfo& data_info = model_.tensor("data");
    const TensorMemory data(trainer_->core(), data_info), label(trainer_->core(), model_.tensor("label"));
    const int width = model_.slots[static_cast<std::size_t>(data_info.slot)].settings.width;
    const double ulp = std::ldexp(1.0, 1 - width);
    const std::int64_t images[] = {7, 95, 0};
    for (std::int64_t n = 0; n < 20; ++n) {
      for (std::int64_t p = 0; p < 64; ++p) {
        const double value = n < 3 ? dataset_.train.image(images[n])[p] / 128.0 - 0.5 : 0.0;
        ASSERT_NEAR(data.value(n * 64 + p), value, std::string(preset) == "fp32" ? 0 : ulp)
            << preset << n << " " << p;
      }
      for (std::int64_t c = 0; c < 4; ++c) {
        ASSERT_EQ(label.value(n * 4 + c), n < 3 && dataset_.train.label(images[n]) == c ? 1 : 0)
            << preset << n << " " << c;
      }
    }
  }
}

// Channels and groups of images that share words of a line.
TEST_F(TrainerTest, BatchesOfSeveralChannelsStandWhereTheTensorsAre) {
  nlohmann::json json = testing::small_network();
  json["input"] = {{"channels", 3}, {"height", 5}, {"width", 7}};
  const compiler::Network network = compiler::parse_network(json);
  for (const char* preset : {"fp32", "int16", "int8"}) {
    build({std::string("/precision/preset=") + preset, "/training/batch=37", "/chip/lanes=4"});
    model_ = compiler::compile({network, config_.precision, config_.parameters, config_.chip});
    ImageSet set;
    set.count = 50;
    set.size = 105;
    for (int i = 0; i < 50 * 105; ++i) set.images.push_back(static_cast<std::uint8_t>(i * 2654435761U >> 24));
    set.labels.assign(50, 2);
    Trainer trainer(model_, network, 1, 1, engine_);
    BatchWriter writer(trainer.core(), &model_.tensor("data"), &model_.tensor("label"), network);
    writer.write(set, batch(9, 37));
    const TensorMemory data(trainer.core(), model_.tensor("data"));
    const float ulp = std::string(preset) == "fp32" ? 0 : std::string(preset) == "int8" ? 2 : 1.0F / 128;
    for (std::int64_t i = 0; i < 37 * 105; ++i) {
      ASSERT_NEAR(data.value(i), set.images[static_cast<std::size_t>(9 * 105 + i)], ulp)
          << preset << " " << i;
    }
  }
}

// (x scale + offset - mean) / deviation, each channel with its own; any of both may be left out.
TEST_F(TrainerTest, ChannelsHaveTheirMeanAndDeviation) {
  const double mean[] = {0.4914, -0.25, 0}, deviation[] = {0.2470, 2, 1};
  for (const int keys : {1, 2, 3}) {
    nlohmann::json json = testing::small_network();
    json["input"] = {{"channels", 3}, {"height", 5}, {"width", 7}, {"scale", 1.0 / 255}, {"offset", 0.125}};
    if ((keys & 1) != 0) json["input"]["mean"] = mean;
    if ((keys & 2) != 0) json["input"]["deviation"] = deviation;
    const compiler::Network network = compiler::parse_network(json);
    for (const char* preset : {"fp32", "int16", "int8"}) {
      build({std::string("/precision/preset=") + preset, "/training/batch=19", "/chip/lanes=4"});
      model_ = compiler::compile({network, config_.precision, config_.parameters, config_.chip});
      const ImageSet set = testing::noise(network, 30, 3);
      Trainer trainer(model_, network, 1, 1, engine_);
      BatchWriter writer(trainer.core(), &model_.tensor("data"), &model_.tensor("label"), network);
      writer.write(set, batch(4, 19));
      const compiler::TensorInfo& info = model_.tensor("data");
      const TensorMemory data(trainer.core(), info);
      const bool exact = std::string(preset) == "fp32";
      const int point = trainer.core().settings.slot(info.slot).q_read;
      double most = 0;
      for (std::int64_t i = 0; i < 19 * 105; ++i) {
        const auto c = static_cast<std::size_t>(i % 105 / 35);
        const double raw = set.images[static_cast<std::size_t>(4 * 105 + i)] * (1.0 / 255) + 0.125,
                     centred = (keys & 1) != 0 ? raw - mean[c] : raw,
                     value = (keys & 2) != 0 ? centred / deviation[c] : centred;
        most = std::max(most, std::abs(value));
        ASSERT_NEAR(data.value(i), static_cast<float>(value), exact ? 0 : std::ldexp(1.01, -point))
            << preset << keys << ' ' << i;
      }
      if (exact) continue;
      EXPECT_GT(std::ldexp(most, point), std::ldexp(0.45, std::string(preset) == "int8" ? 7 : 15));
    }
  }
}

// One a pixel of the logits, none where the label is -1; the loss is the mean over all of them, and as many
// may be found.
TEST_F(TrainerTest, LabelsMayBeMaps) {
  nlohmann::json json = testing::small_network();
  json["layers"] = {{{"name", "c"}, {"type", "convolution"}, {"channels", 5}, {"kernel", {2, 3}}},
                    {{"name", "loss"}, {"type", "softmax_cross_entropy"}}};
  const compiler::Network network = compiler::parse_network(json);
  constexpr std::int64_t kPixels = 7 * 6;
  for (const char* preset : {"fp32", "int8"}) {
    build({std::string("/precision/preset=") + preset});
    model_ = compiler::compile({network, config_.precision, config_.parameters, config_.chip});
    ImageSet set = testing::noise(network, 40, 3);
    ASSERT_EQ(set.labels_an_image, kPixels);
    set.labels[3 * kPixels + 17] = -1;
    Trainer trainer(model_, network, 1, 1, engine_);
    BatchWriter(trainer.core(), &model_.tensor("data"), &model_.tensor("label"), network)
        .write(set, batch(1, 9));
    const TensorMemory label(trainer.core(), model_.tensor("label"));
    for (std::int64_t n = 0; n < 16; ++n)
      for (std::int64_t c = 0; c < 5; ++c)
        for (std::int64_t p = 0; p < kPixels; ++p)
          ASSERT_EQ(label.value((n * 5 + c) * kPixels + p), n < 9 && c == set.label(1 + n, p) ? 1 : 0);
    trainer.initialise(set, batch(0), 0.05);
    const double step = trainer.step(set, batch(0), 0, 0.05);
    const TensorMemory loss(trainer.core(), model_.tensor("loss"));
    double sum = 0;
    for (std::int64_t i = 0; i < 16 * kPixels; ++i) sum += loss.value(i);
    EXPECT_NEAR(step, sum / (16 * kPixels), 1e-9);
    EXPECT_EQ(loss.value(3 * kPixels + 17), 0);
    std::int64_t right = 0;
    const std::int64_t found = trainer.classify(set, batch(0));
    const TensorMemory prediction(trainer.core(), model_.tensor("prediction"));
    for (std::int64_t i = 0; i < 16 * kPixels; ++i)
      right += prediction.value(i) == static_cast<float>(set.labels[static_cast<std::size_t>(i)]);
    EXPECT_EQ(found, right);
    EXPECT_GT(found, 16);
  }
}

TEST_F(TrainerTest, MoreClassesThanAByteCounts) {
  nlohmann::json json = testing::small_network();
  json["layers"][3]["channels"] = 700;
  const compiler::Network network = compiler::parse_network(json);
  for (const char* preset : {"fp32", "int8"}) {
    build({std::string("/precision/preset=") + preset});
    model_ = compiler::compile({network, config_.precision, config_.parameters, config_.chip});
    ImageSet set = testing::noise(network, 40, 3);
    for (std::int64_t i = 0; i < set.count; ++i)
      set.labels[static_cast<std::size_t>(i)] = 699 - 17 * static_cast<int>(i);
    Trainer trainer(model_, network, 1, 1, engine_);
    BatchWriter(trainer.core(), &model_.tensor("data"), &model_.tensor("label"), network)
        .write(set, batch(1));
    const TensorMemory label(trainer.core(), model_.tensor("label"));
    for (std::int64_t n = 0; n < 16; ++n)
      for (int c = 0; c < 700; ++c) ASSERT_EQ(label.value(n * 700 + c), c == set.label(1 + n) ? 1 : 0);
    trainer.initialise(set, batch(0), 0.05);
    const double first = trainer.step(set, batch(0), 0, 0.05);
    EXPECT_NEAR(first, std::log(700), 1);
    for (int s = 1; s < 150; ++s) trainer.step(set, batch(0), s, 0.05);
    EXPECT_GE(trainer.classify(set, batch(0)), 15) << preset;  // learnt by heart
  }
}

TEST_F(TrainerTest, TestsLeaveTrainingAlone) {
  build({"/precision/default/rounding=stochastic"});
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  for (int i = 0; i < 5; ++i) trainer_->step(dataset_.train, batch(16 * i), i, 0.05);
  const std::string state = trainer_->digest_of_state();
  const models::SettingsStore settings = trainer_->core().settings;
  const models::StatisticsDatabase statistics = trainer_->core().statistics;
  const std::int64_t right = trainer_->classify(dataset_.test, batch(0)) +
                             trainer_->classify(dataset_.test, batch(16)) +
                             trainer_->classify(dataset_.test, batch(32, 8));
  EXPECT_GE(right, 10);
  EXPECT_EQ(trainer_->digest_of_state(), state);
  EXPECT_TRUE(trainer_->core().settings == settings);
  EXPECT_TRUE(trainer_->core().statistics == statistics);
}

// A normalised network learns; and what it says of images by its running averages is what it says by those of
// the images themselves.
TEST_F(TrainerTest, RunningAveragesInferAsTheStepsThatMadeThem) {
  for (const char* preset : {"fp32", "int8"}) {
    build({std::string("/precision/preset=") + preset, "/training/batch=32"});
    nlohmann::json json = testing::small_network();
    json["layers"].insert(json["layers"].begin() + 1,
                          nlohmann::json{{"name", "norm"}, {"type", "batch_norm"}});
    const compiler::Network network = compiler::parse_network(json);
    model_ = compiler::compile({network, config_.precision, config_.parameters, config_.chip});
    Trainer trainer(model_, network, 5, 1, engine_);
    const auto images = [](std::int64_t step) { return batch(32 * (step % 3), 32); };
    trainer.initialise(dataset_.train, images(0), 0.02);
    double first = 0, last = 0;
    for (std::int64_t s = 0; s < 300; ++s) {
      last = trainer.step(dataset_.train, images(s), s, 0.02);
      if (s == 0) first = last;
    }
    EXPECT_LT(last, first / 10) << preset;
    EXPECT_GE(trainer.classify(dataset_.test, batch(0, 32)), 31) << preset;
    const auto predictions = [&] {
      const TensorMemory memory(trainer.core(), model_.tensor("prediction"));
      std::vector<float> all;
      for (std::int64_t n = 0; n < 32; ++n) all.push_back(memory.value(n));
      return all;
    };
    trainer.step(dataset_.test, batch(0, 32), 300, 0);
    const std::vector<float> by_images = predictions();
    trainer.classify(dataset_.test, batch(0, 32));
    int equal = 0;
    for (std::size_t n = 0; n < 32; ++n) equal += predictions()[n] == by_images[n];
    EXPECT_GE(equal, 31) << preset;
    const TensorMemory variance(trainer.core(), model_.tensor("norm.running_variance"));
    for (std::int64_t c = 0; c < 6; ++c) EXPECT_GT(variance.value(c), 0);
  }
}

TEST_F(TrainerTest, ResultOfAnImageDoesNotDependOnItsPlaceInTheBatch) {
  build();
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  for (int i = 0; i < 20; ++i) trainer_->step(dataset_.train, batch(16 * (i % 5)), i, 0.05);
  std::int64_t right = 0, singly = 0;
  for (const std::int64_t first : {0, 16}) right += trainer_->classify(dataset_.test, batch(first));
  for (std::int64_t i = 0; i < 32; ++i) singly += trainer_->classify(dataset_.test, {i});
  EXPECT_EQ(singly, right);
}

TEST_F(TrainerTest, CalibrationKeepsTheConfiguredSettings) {
  build({"/precision/default/policy/kind=static",
         "/precision/weight/policy={\"kind\": \"predictive\", \"interval\": 9, \"warmup\": 4, "
         "\"hysteresis\": 1}"});
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  int found = 0;
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    models::SlotSettings now = trainer_->core().settings.slot(static_cast<int>(s));
    found += now.q_write != model_.slots[s].settings.q_write;
    EXPECT_EQ(now.q_read, now.q_write);
    now.q_read = model_.slots[s].settings.q_read;
    now.q_write = model_.slots[s].settings.q_write;
    EXPECT_TRUE(now == model_.slots[s].settings) << model_.slots[s].name;  // nothing of the past, either
  }
  EXPECT_GE(found, 15);
  EXPECT_TRUE(trainer_->core().statistics == models::StatisticsDatabase());
  // A static point stays where calibration put it.
  const models::SettingsStore before = trainer_->core().settings;
  for (int i = 0; i < 5; ++i) trainer_->step(dataset_.train, batch(16 * i), i, 0.05);
  for (std::size_t s = 0; s < model_.slots.size(); ++s) {
    if (model_.slots[s].settings.policy != isa::Policy::kStatic) continue;
    EXPECT_EQ(trainer_->core().settings.slot(static_cast<int>(s)).q_write,
              before.slot(static_cast<int>(s)).q_write);
  }
}

TEST_F(TrainerTest, InitialWeightsDoNotDependOnTheChip) {
  build({"/precision/preset=fp32"});
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  const std::string weights = trainer_->digest_of_weights();
  build({"/precision/preset=fp32", "/chip/lanes=8", "/chip/scratchpad_kib=64"});
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  EXPECT_EQ(trainer_->digest_of_weights(), weights);
}

TEST_F(TrainerTest, CheckpointRestoresEverything) {
  build({"/precision/default/rounding=stochastic", "/precision/preset=int8_master16"});
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  for (int i = 0; i < 6; ++i) trainer_->step(dataset_.train, batch(8 * i), i, 0.05);
  save_checkpoint(scratch_ / "checkpoint", "me", {{"step", 6}}, *trainer_);

  const auto other = make();
  EXPECT_EQ(load_checkpoint(scratch_ / "checkpoint", check_of("me"), *other).at("step"), 6);
  EXPECT_EQ(other->digest_of_state(), trainer_->digest_of_state());
  EXPECT_TRUE(other->core().settings == trainer_->core().settings);
  EXPECT_TRUE(other->core().statistics == trainer_->core().statistics);
  for (int i = 6; i < 12; ++i) {
    EXPECT_EQ(trainer_->step(dataset_.train, batch(8 * (i - 6)), i, 0.04),
              other->step(dataset_.train, batch(8 * (i - 6)), i, 0.04));
  }
  EXPECT_EQ(other->digest_of_state(), trainer_->digest_of_state());
}

TEST_F(TrainerTest, CheckpointIsRefusedWithSettingsOfAnotherNetwork) {
  build();
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  const auto file = scratch_ / "checkpoint";
  const auto refused = [&](const std::function<void(models::Core&)>& change) {
    const auto other = make();
    other->initialise(dataset_.train, batch(0), 0.05);
    change(other->core());
    save_checkpoint(file, "me", {{"step", 6}}, *other);
    try {
      load_checkpoint(file, check_of("me"), *trainer_);
    } catch (const compiler::InputError& e) {
      return std::string(e.what()).find("damaged") != std::string::npos;
    }
    return false;
  };
  const std::string state = trainer_->digest_of_state();
  EXPECT_FALSE(refused([](models::Core&) {}));
  EXPECT_FALSE(refused([](models::Core& core) { core.settings.slot(1).q_write = 3; }));  // moves in training
  EXPECT_TRUE(refused([](models::Core& core) { core.settings.slot(1).width = 16; }));
  EXPECT_TRUE(refused([](models::Core& core) { core.settings.slot(1).q_max = 2; }));
  EXPECT_TRUE(refused([](models::Core& core) { core.semaphores[0] = 1; }));
  // memories of another size, which hold the same in the slots that both have
  for (const int slots : {models::kUsualSlots - 1, models::kUsualSlots + 1}) {
    EXPECT_TRUE(refused([slots](models::Core& core) {
      models::SettingsStore other(slots);
      for (int s = 0; s < std::min(slots, core.settings.size()); ++s) other.slot(s) = core.settings.slot(s);
      core.settings = other;
    })) << slots;
    EXPECT_TRUE(refused([slots](models::Core& core) { core.statistics = models::StatisticsDatabase(slots); }))
        << slots;
  }
  EXPECT_EQ(trainer_->digest_of_state(), state);
}

TEST_F(TrainerTest, CheckpointIsRefusedWhereItDoesNotFit) {
  build();
  trainer_->initialise(dataset_.train, batch(0), 0.05);
  const auto file = scratch_ / "checkpoint";
  save_checkpoint(file, "me", {{"step", 6}}, *trainer_);
  const std::string state = trainer_->digest_of_state();
  const auto error = [&](const std::filesystem::path& path, const char* identity) {
    try {
      load_checkpoint(path, check_of(identity), *trainer_);
    } catch (const compiler::InputError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(error(scratch_ / "none", "me"), HasSubstr("no checkpoint"));
  EXPECT_THAT(error(file, "you"), HasSubstr("another configuration"));
  std::ifstream stream(file, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  for (std::size_t at = 0; at < content.size(); at += content.size() / 50) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    testing::write_file(scratch_ / "damaged", damaged);
    EXPECT_THAT(error(scratch_ / "damaged", "me"), HasSubstr("damaged")) << at;
    testing::write_file(scratch_ / "damaged", content.substr(0, at));
    EXPECT_THAT(error(scratch_ / "damaged", "me"), HasSubstr("damaged")) << at;
  }
  EXPECT_EQ(trainer_->digest_of_state(), state);
}

}  // namespace
}  // namespace anzan::sim::trainer_test
