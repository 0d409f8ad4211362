// SPDX-License-Identifier: Apache-2.0
#include "app/token_command.h"

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hekto::app {
namespace {

constexpr auto kLimit = std::chrono::seconds(10);
constexpr std::size_t kMaxOutput = 64 << 10;

std::unexpected<Error> failed(const char* why) { return fail(ErrorCode::invalid_input, why); }

/// Reads until the other end closes; false when the time is up or it is too much.
bool read_all(int from, std::string& text) {
  const auto until = std::chrono::steady_clock::now() + kLimit;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd wait{from, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
    const auto got = ::read(from, buffer.data(), buffer.size());
    if (got == 0) return true;
    if (got < 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxOutput) return false;
  }
}

}  // namespace

Result<std::string> run_token_command(const std::string& command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("cannot be run");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own, so that all of it can be ended.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string text = command;
  const std::array<char*, 4> arguments = {shell.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  const int spawned = ::posix_spawn(&child, shell.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  std::string printed;
  const bool read = spawned == 0 && read_all(ends[0], printed);
  ::close(ends[0]);
  if (spawned != 0) return failed("cannot be run");
  if (!read) ::kill(-child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!read) return failed("did not end within ten seconds, or printed too much");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed("failed");
  return printed;
}

}  // namespace hekto::app
