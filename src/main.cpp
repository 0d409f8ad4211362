// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "app/admin_call.h"
#include "app/serve.h"
#include "cli/command_line.h"
#include "cli/curl_transport.h"
#include "cli/interrupt.h"
#include "cli/run_command.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

int run(const hekto::cli::RunOptions& options, hekto::cli::Terminal& terminal) {
  hekto::cli::CurlTransport transport;
  const hekto::cli::InterruptWatch watch;
  const hekto::cli::RunWorld world{.transport = transport,
                                   .interrupted = [&] { return watch.requested(); },
                                   .sleep =
                                       [&](std::chrono::milliseconds span) {
                                         // In slices, so that Ctrl-C is obeyed at once.
                                         constexpr std::chrono::milliseconds kSlice{50};
                                         for (; span.count() > 0 && !watch.requested(); span -= kSlice) {
                                           std::this_thread::sleep_for(std::min(span, kSlice));
                                         }
                                       },
                                   .now = [] { return std::chrono::steady_clock::now(); }};
  return hekto::cli::run_model(options, world, terminal);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    hekto::cli::Terminal terminal{.out = std::cout,
                                  .err = std::cerr,
                                  .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                                  .err_is_terminal = isatty(STDERR_FILENO) == 1};
    const hekto::cli::Actions actions{
        .serve = hekto::app::serve, .admin_call = hekto::app::admin_call, .run = run, .environment = environment};
    const int code = hekto::cli::run_command_line({argv + 1, argv + argc}, actions, terminal);
    std::cout.flush();
    // A full disk or a closed pipe must not look like success to a script.
    return code == 0 && !std::cout ? hekto::cli::kFailed : code;
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << '\n';
    return hekto::cli::kFailed;
  }
}
