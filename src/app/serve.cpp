// SPDX-License-Identifier: Apache-2.0
#include "app/serve.h"

#include <csignal>
#include <cstdio>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "app/gateway.h"
#include "base/log.h"

namespace hekto::app {
namespace {

constexpr int kInterrupted = 130;

/// As many descriptors as the system grants, one a connection; and no core files, which would hold keys and prompts.
void set_process_limits() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

/// On standard output, for people and scripts; the log goes to standard error.
void print_banner(const Config& config, const Gateway& gateway) {
  std::printf("Hekto %s\n", HEKTO_VERSION);
  for (const auto& url : gateway.urls()) std::printf("listening on %s\n", url.c_str());
  std::printf("API at <address>/replicate/v1 and <address>/v1, data in %s\n", config.data.c_str());
  for (const auto& upstream : config.upstreams) {
    std::printf("live keys run at %s (%s, %zu account%s); test keys run in the sandbox\n", upstream.url.c_str(),
                upstream.name.c_str(), upstream.accounts.size(), upstream.accounts.size() == 1 ? "" : "s");
  }
  if (config.upstreams.empty()) {
    std::printf(
        "No upstream is configured: every model runs in the sandbox, which stands in for it and never pretends to be "
        "it.\n");
  }
  if (gateway.recovered() > 0) std::printf("%zu unfinished predictions go on\n", gateway.recovered());
  std::fflush(stdout);
}

}  // namespace

int serve(const Config& config) {
  // Blocked before any thread starts, so that every thread inherits it and only sigwait below sees them.
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  set_process_limits();
  log::start(config.log_level, config.log_format);

  int exit_code = 0;
  {
    Gateway gateway(config);
    if (const auto started = gateway.start(); !started) {
      std::fprintf(stderr, "hekto: %s\n", started.error().message.c_str());
      exit_code = 1;
    } else {
      print_banner(config, gateway);
      log::info("server started", {{"version", HEKTO_VERSION}, {"unfinished", gateway.recovered()}});
      int signal = 0;
      sigwait(&signals, &signal);
      log::info("server stops", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      std::thread([signals] {
        int second = 0;
        sigwait(&signals, &second);
        _exit(kInterrupted);
      }).detach();
      gateway.stop_blocking();
      log::info("server stopped");
    }
  }
  log::stop();
  return exit_code;
}

}  // namespace hekto::app
