// SPDX-License-Identifier: Apache-2.0
// The outputs of a run that are files.
#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "domain/output_media.h"
#include "runners/sandbox/audio_file.h"
#include "runners/sandbox/given_image.h"
#include "runners/sandbox/image_options.h"
#include "runners/sandbox/movie.h"
#include "runners/sandbox/picture.h"
#include "runners/sandbox/sandbox_run.h"

namespace hekto::runners {

using async::Task;
using domain::Media;
using domain::OutputKind;
using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunOutcome;

namespace {

constexpr std::size_t kMostFiles = 100;
constexpr std::uint64_t kLargestGivenFile = 20'000'000;  // bytes

/// Does the work of a pool thread, where an exception would end the process.
template <class F>
auto safely(F work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception&) {
    return fail(ErrorCode::internal, "there was no memory for it");
  }
}

RunOutcome failed(const Error& error) { return RunFailed{fmt::format("The sandbox failed: {}.", error.message), ""}; }

bool is_mask(const ports::InputFile& file) { return file.pointer.contains("mask"); }

/// The file that a model would start from: one that is named as an image, before any other image.
const ports::InputFile* starting_image(const std::vector<ports::InputFile>& files) {
  const ports::InputFile* found = nullptr;
  for (const auto& file : files) {
    if (!file.content_type.starts_with("image/") || is_mask(file)) continue;
    if (file.pointer.contains("image") || file.pointer.contains("img")) return &file;
    if (found == nullptr) found = &file;
  }
  return found;
}

}  // namespace

Task<RunOutcome> SandboxRun::files() {
  switch (domain::output_media(*request_.model, *request_.version)) {
    case Media::image:
    case Media::cutout:
      break;
    case Media::speech:
    case Media::music:
      co_return co_await sound();
    case Media::video:
      co_return co_await movie();
  }
  co_return co_await images();
}

Task<std::shared_ptr<gdImageStruct>> SandboxRun::given_image() {
  const auto* file = starting_image(request_.files);
  if (file == nullptr || file->content->size() > kLargestGivenFile) co_return nullptr;
  auto bytes = co_await file->content->read(0, static_cast<std::size_t>(file->content->size()));
  if (!bytes) co_return nullptr;
  auto decoded = co_await pool_.run([content = std::move(*bytes)] {
    return safely([&content]() -> Result<std::shared_ptr<gdImageStruct>> { return decode_image(content); });
  });
  co_return decoded ? std::move(*decoded) : nullptr;
}

Task<RunOutcome> SandboxRun::images() {
  const auto given = co_await given_image();
  const auto options =
      image_options(inputs_, given == nullptr ? std::nullopt : std::optional(std::pair(given->sx, given->sy)));
  const bool list = request_.version->output == OutputKind::file_list;
  const auto wanted = std::min(steering_.items.value_or(static_cast<std::size_t>(options.count)), kMostFiles);
  const std::size_t count = list ? wanted : 1;
  for (std::size_t i = request_.items_done; i < count; ++i) {
    if (auto end = co_await before_item(i)) co_return *end;
    const Picture picture{.width = options.width,
                          .height = options.height,
                          .format = options.format,
                          .quality = options.quality,
                          .seed = seed_,
                          .index = i,
                          .prompt = prompt_,
                          .model = request_.model->full_name(),
                          .given = given,
                          .cutout = domain::output_media(*request_.model, *request_.version) == Media::cutout};
    auto bytes = co_await pool_.run([picture] { return safely([&picture] { return draw_picture(picture); }); });
    if (!bytes) co_return failed(bytes.error());
    if (request_.stop.stop_requested()) co_return RunInterrupted{};
    // Decoders of all three formats end at the image's own end and pass over what follows.
    if (bytes->size() < steering_.large) bytes->resize(steering_.large);
    ports::ProducedFile file{.name = fmt::format("out-{}.{}", i, options.extension),
                             .content_type = std::string(content_type(options.format)),
                             .bytes = std::move(*bytes)};
    if (auto end = go_on_if(co_await sink_.output_file(i, list, std::move(file)))) co_return *end;
  }
  auto line =
      fmt::format("sandbox: drew {} image{} of {}x{}\n", count, count == 1 ? "" : "s", options.width, options.height);
  if (auto end = co_await say(std::move(line))) co_return *end;
  co_return co_await succeed(count, fmt::format("\"image_output_count\":{}", count));
}

Task<RunOutcome> SandboxRun::sound() {
  const auto options = audio_options(inputs_);
  const bool tune = domain::output_media(*request_.model, *request_.version) == Media::music;
  struct Made {
    std::string bytes;
    double seconds = 0;
  };
  const auto make = [tune, options, text = prompt_, seed = seed_]() -> Result<Made> {
    const auto made = tune ? play({.seed = seed, .seconds = options.seconds})
                           : speak({.text = text, .seed = seed, .speed = options.speed});
    auto bytes = encode_audio(made, options.format);
    if (!bytes) return std::unexpected(std::move(bytes).error());
    return Made{std::move(*bytes), made.seconds()};
  };
  if (auto end = co_await before_item(0)) co_return *end;
  auto made = co_await pool_.run([make] { return safely(make); });
  if (!made) co_return failed(made.error());
  co_return co_await one_file({.name = fmt::format("out.{}", extension(options.format)),
                               .content_type = std::string(content_type(options.format)),
                               .bytes = std::move(made->bytes)},
                              fmt::format("sandbox: made {:.1f} seconds of sound\n", made->seconds),
                              "\"audio_output_count\":1");
}

Task<RunOutcome> SandboxRun::movie() {
  constexpr int kPart = 8;  // frames at a time
  const auto options = movie_options(inputs_);
  const MovieSpec spec{.options = options,
                       .seed = seed_,
                       .prompt = prompt_,
                       .model = request_.model->full_name(),
                       .given = co_await given_image()};
  if (auto end = co_await before_item(0)) co_return *end;
  const auto made = co_await pool_.run([spec] {
    return safely([&spec]() -> Result<std::shared_ptr<Movie>> {
      auto movie = Movie::make(spec);
      if (!movie) return std::unexpected(std::move(movie).error());
      return std::make_shared<Movie>(std::move(*movie));
    });
  });
  if (!made) co_return failed(made.error());
  while (!(*made)->complete()) {
    if (request_.stop.stop_requested()) co_return RunInterrupted{};
    const auto drawn = co_await pool_.run([movie = *made] { return safely([&movie] { return movie->draw(kPart); }); });
    if (!drawn) co_return failed(drawn.error());
  }
  auto bytes = co_await pool_.run(
      [movie = *made] { return safely([&movie]() -> Result<std::string> { return movie->file(); }); });
  if (!bytes) co_return failed(bytes.error());
  co_return co_await one_file(
      {.name = "out.mp4", .content_type = "video/mp4", .bytes = std::move(*bytes)},
      fmt::format("sandbox: drew {} frames of {}x{}\n", options.frames, options.width, options.height),
      fmt::format("\"video_output_count\":1,\"video_output_total_pixel_count\":{}",
                  std::int64_t{options.frames} * options.width * options.height));
}

Task<RunOutcome> SandboxRun::one_file(ports::ProducedFile file, std::string line, std::string metrics) {
  if (request_.stop.stop_requested()) co_return RunInterrupted{};
  // Players end where the index says and pass over what follows.
  if (file.bytes.size() < steering_.large) file.bytes.resize(steering_.large);
  const bool list = request_.version->output == OutputKind::file_list;
  if (request_.items_done == 0) {
    if (auto end = go_on_if(co_await sink_.output_file(0, list, std::move(file)))) co_return *end;
  }
  if (auto end = co_await say(std::move(line))) co_return *end;
  co_return co_await succeed(1, std::move(metrics));
}

}  // namespace hekto::runners
