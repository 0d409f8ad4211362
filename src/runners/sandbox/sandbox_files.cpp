// SPDX-License-Identifier: Apache-2.0
// The outputs of a run that are files.
#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "runners/sandbox/image_options.h"
#include "runners/sandbox/picture.h"
#include "runners/sandbox/sandbox_run.h"

namespace hekto::runners {

using async::Task;
using domain::OutputKind;
using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunOutcome;

namespace {

constexpr std::size_t kMostFiles = 100;

/// draw_picture for a pool thread, where an exception would end the process.
Result<std::string> draw_safely(const Picture& picture) {
  try {
    return draw_picture(picture);
  } catch (const std::exception&) {
    return fail(ErrorCode::internal, "there was no memory to draw the image");
  }
}

}  // namespace

Task<RunOutcome> SandboxRun::images() {
  const auto options = image_options(inputs_);
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
                          .model = request_.model->full_name()};
    auto bytes = co_await pool_.run([picture] { return draw_safely(picture); });
    if (!bytes) co_return RunFailed{fmt::format("The sandbox failed: {}.", bytes.error().message), ""};
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

}  // namespace hekto::runners
