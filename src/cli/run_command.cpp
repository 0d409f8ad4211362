// SPDX-License-Identifier: Apache-2.0
#include "cli/run_command.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/sse.h"
#include "cli/address.h"
#include "cli/api_client.h"
#include "cli/progress.h"
#include "cli/run_input.h"
#include "cli/run_output.h"
#include "cli/save_output.h"
#include "domain/key.h"
#include "json/value_json.h"

namespace hekto::cli {
namespace {

using domain::Value;
using namespace std::chrono_literals;

/// A server that restarts must not lose its waiters: reads are tried again for this long.
constexpr auto kPatience = 30s;
constexpr int kMaxCreateTries = 5;
constexpr int kMaxStreamTries = 5;

bool is_over(std::string_view status) { return status != "starting" && status != "processing"; }

bool may_pass(ErrorCode code) {
  return code == ErrorCode::unavailable || code == ErrorCode::timeout || code == ErrorCode::rate_limited ||
         code == ErrorCode::upstream;
}

/// One run, from the arguments to the exit code.
class Run {
 public:
  Run(const RunOptions& options, const RunWorld& world, Terminal& terminal, std::string root)
      : options_(options),
        world_(world),
        terminal_(terminal),
        client_(world.transport, std::move(root), options.key),
        started_(world.now()) {}

  int go(const ModelRef& model);

 private:
  bool must_stop() const { return world_.interrupted() || timed_out(); }
  bool timed_out() const { return options_.timeout && world_.now() - started_ >= *options_.timeout; }
  int report(const Error& error, int code = kFailed) {
    terminal_.err << "error: " << error.message << '\n';
    return code;
  }
  Result<Value> create(const ModelRef& model, const Value& input);
  void stream();
  bool on_stream_bytes(SseReader& reader, std::string_view bytes, bool& done);
  Result<void> wait();
  int stop();
  int finish();
  int print_output();

  const RunOptions& options_;
  const RunWorld& world_;
  Terminal& terminal_;
  ApiClient client_;
  std::chrono::steady_clock::time_point started_;
  Value schema_;
  Value prediction_;
  std::string id_;
  std::string streamed_;  // what the stream has printed so far
  bool streams_files_ = false;
};

int Run::go(const ModelRef& model) {
  auto schema = client_.schema(model);
  if (!schema) {
    auto error = schema.error();
    if (error.code == ErrorCode::unavailable && is_loopback_url(options_.url)) {
      error.message += "\nStart a server with 'hekto serve', or name one with --url or HEKTO_URL.";
    }
    return report(error);
  }
  schema_ = std::move(*schema);
  auto input = build_input(options_.inputs, schema_.is_null() ? nullptr : &schema_);
  if (!input) return report(input.error(), kUsage);
  for (const auto& warning : input->warnings) terminal_.err << "warning: " << warning << '\n';

  auto created = create(model, input->value);
  if (!created) return world_.interrupted() ? kInterrupted : report(created.error());
  prediction_ = std::move(*created);
  id_ = prediction_.text_of("id");
  const bool is_plain_id = !id_.empty() && std::ranges::all_of(id_, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!is_plain_id) return report({ErrorCode::upstream, "the server's answer holds no prediction id"});

  if (options_.stream) stream();
  if (auto waited = wait(); !waited) {
    return waited.error().code == ErrorCode::canceled ? stop() : report(waited.error());
  }
  return finish();
}

Result<Value> Run::create(const ModelRef& model, const Value& input) {
  for (int tries = 1;; ++tries) {
    auto created = client_.create(model, input);
    // Only a 429 says for sure that nothing was created; anything else might run the model twice.
    if (created || created.error().code != ErrorCode::rate_limited || tries == kMaxCreateTries || must_stop()) {
      return created;
    }
    const auto pause = std::clamp<std::chrono::seconds>(client_.retry_after().value_or(5s), 1s, 60s);
    terminal_.err << "too many requests; trying again in " << pause.count() << " s\n";
    world_.sleep(pause);
  }
}

void Run::stream() {
  const Value* urls = prediction_.find("urls");
  const std::string url(urls != nullptr ? urls->text_of("stream") : std::string_view{});
  if (url.empty()) {
    terminal_.err << "this model does not stream; waiting for its whole output\n";
    return;
  }
  streams_files_ = url.find("/files/") != std::string::npos;
  SseReader reader;
  bool done = false;
  for (int tries = 0; tries < kMaxStreamTries && !done && !must_stop(); ++tries) {
    if (tries > 0) world_.sleep(500ms * (1 << tries));
    reader.restart();
    const auto read = client_.stream(
        url, reader.last_id(), [&](std::string_view bytes) { return on_stream_bytes(reader, bytes, done); },
        [this] { return must_stop(); });
    if (!read && !may_pass(read.error().code)) return;  // wait() and finish() bring the rest
  }
}

/// Prints the output events among `bytes`; false once the stream is complete or nobody reads what is printed.
bool Run::on_stream_bytes(SseReader& reader, std::string_view bytes, bool& done) {
  for (const auto& event : reader.feed(bytes)) {
    if (event.name == "done") done = true;
    if (event.name != "output" || (streams_files_ && !options_.save_folder.empty())) continue;
    const auto text = streams_files_ ? event.data + "\n" : event.data;
    terminal_.out << (terminal_.out_is_terminal ? printable(text) : text) << std::flush;
    streamed_ += text;
  }
  return !done && terminal_.out.good();
}

/// Polls until the prediction is over. canceled when it is time to stop.
Result<void> Run::wait() {
  ProgressLine line(terminal_);
  auto last_answer = world_.now();
  while (true) {
    // What a stream prints and a progress line would get in each other's way.
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(world_.now() - started_);
    if (streamed_.empty()) line.show(prediction_.text_of("status"), prediction_.text_of("logs"), elapsed);
    if (is_over(prediction_.text_of("status"))) return {};
    // After a stream the prediction is over already, so the first look need not wait.
    if (streamed_.empty()) world_.sleep(elapsed < 2s ? 100ms : 500ms);
    if (must_stop() || !terminal_.out.good()) return fail(ErrorCode::canceled, "stopped");
    auto now = client_.prediction(id_);
    if (now) {
      prediction_ = std::move(*now);
      last_answer = world_.now();
      if (!streamed_.empty() && !is_over(prediction_.text_of("status"))) world_.sleep(100ms);
    } else if (!may_pass(now.error().code) || world_.now() - last_answer > kPatience) {
      return std::unexpected(now.error());
    } else {
      world_.sleep(std::max<std::chrono::milliseconds>(client_.retry_after().value_or(0s), 500ms));
    }
  }
}

int Run::stop() {
  const auto canceled = client_.cancel(id_);
  const std::string outcome = canceled ? "the prediction was canceled" : "canceling the prediction failed too";
  if (!streamed_.empty()) terminal_.out << '\n';
  if (world_.interrupted()) {
    terminal_.err << "interrupted; " << outcome << '\n';
    return kInterrupted;
  }
  if (timed_out()) terminal_.err << "error: not finished in time; " << outcome << '\n';
  return kFailed;
}

int Run::finish() {
  const auto status = prediction_.text_of("status");
  if (options_.json) terminal_.out << json::dump(prediction_) << '\n';
  if (status == "succeeded") return print_output();
  if (!streamed_.empty() && !streamed_.ends_with('\n')) terminal_.out << '\n' << std::flush;
  const auto why = prediction_.text_of("error", "no reason was given");
  terminal_.err << "error: the prediction "
                << (status == "failed" ? "failed: " + printable(why) : "was " + printable(status)) << '\n';
  return kFailed;
}

int Run::print_output() {
  const Value* output = prediction_.find("output");
  const Value none;
  if (output == nullptr) output = &none;
  if (!options_.json) {
    const bool saves = !options_.save_folder.empty();
    auto text = render_output(*output, output_is_joined_text(&schema_), saves);
    // A stream that broke off leaves the end to be printed; one that was complete leaves only the line break.
    if (!streamed_.empty()) text = text.starts_with(streamed_) ? text.substr(streamed_.size()) : "\n";
    terminal_.out << (terminal_.out_is_terminal ? printable(text) : text) << std::flush;
  }
  if (options_.save_folder.empty()) return kDone;
  for (const auto& url : file_urls(*output)) {
    const auto path = save_file(client_, url, options_.save_folder, world_.interrupted);
    if (!path) return world_.interrupted() ? kInterrupted : report(path.error());
    (options_.json ? terminal_.err : terminal_.out) << path->string() << '\n' << std::flush;
  }
  return kDone;
}

}  // namespace

int run_model(const RunOptions& options, const RunWorld& world, Terminal& terminal) {
  const auto usage = [&](const std::string& message) {
    terminal.err << "error: " << message << '\n';
    return kUsage;
  };
  const auto model = parse_model_ref(options.model);
  if (!model) return usage(model.error().message);
  auto root = api_root(options.url);
  if (!root) return usage(root.error().message);
  if (options.key.empty()) {
    return usage(
        "no key: give one with --key or HEKTO_KEY. Make one on the server with 'hekto keys create --name me'.");
  }
  const auto& key = options.key.reveal();
  if (!std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; })) {
    return usage("the key in --key or HEKTO_KEY holds characters that no key has");
  }
  if (key.starts_with("hk-") && !domain::is_whole_key(key)) {
    return usage("the key in --key or HEKTO_KEY is not whole: its check characters do not fit. Is it cut or mistyped?");
  }
  return Run(options, world, terminal, std::move(*root)).go(*model);
}

}  // namespace hekto::cli
