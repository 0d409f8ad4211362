// SPDX-License-Identifier: Apache-2.0

// The official Go client. ../node/driver.mjs says what a driver is given and prints.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/replicate/replicate-go"
)

const (
	imageModel     = "black-forest-labs/flux-schnell"
	versionedModel = "lucataco/flux-schnell-lora"
	version        = "2a6b576af31790b470f0a8442e1e9791213fa13799cbb65a9fc1436e96389574"
	trainer        = "ostris/flux-dev-lora-trainer"
	trainerVersion = "e440909d3512c31646ee2e0c7d6f6f4923224863a6a10c494606e79fb5844497"
	textModel      = "meta/meta-llama-3-8b-instruct"
)

var (
	base     = os.Getenv("CONFORMANCE_ORIGIN") + os.Getenv("CONFORMANCE_MOUNT")
	client   = newClient(os.Getenv("CONFORMANCE_KEY"))
	prompts  = 0
	allKinds = merge(predictions, streams, resources)
)

type operations map[string]func()

func merge(parts ...operations) operations {
	all := operations{}
	for _, part := range parts {
		for name, run := range part {
			all[name] = run
		}
	}
	return all
}

func newClient(key string) *replicate.Client {
	return must(replicate.NewClient(replicate.WithToken(key), replicate.WithBaseURL(base)))
}

// useUpLimit makes as many requests to the limited server as the key for it allows, so that the next one is refused.
func useUpLimit(address, key string) {
	for range [500]struct{}{} {
		request := must(http.NewRequest(http.MethodGet, address+"/account", nil))
		request.Header.Set("Authorization", "Bearer "+key)
		answer := must(http.DefaultClient.Do(request))
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusTooManyRequests {
			return
		}
		equal(answer.StatusCode, http.StatusOK)
	}
	panic("500 requests, and none was refused with 429")
}

// must returns the value of a call that shall not fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err.Error())
	}
	return value
}

func holds(condition bool, what any) {
	if !condition {
		panic(fmt.Sprintf("does not hold: %v", what))
	}
}

func equal(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("%#v is not %#v", got, wanted))
	}
}

// newPrompt returns a prompt that no other operation uses, followed by what the sandbox shall do.
func newPrompt(directives string) string {
	prompts++
	return strings.TrimSpace(fmt.Sprintf("prompt %d %s", prompts, directives))
}

// image returns the input of an image model that is quick to make: 512x512.
func image(prompt string) replicate.PredictionInput {
	return replicate.PredictionInput{"prompt": prompt, "megapixels": "0.25", "output_format": "jpg"}
}

func wholeJpeg(data []byte) {
	holds(bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}), "the file begins as a JPEG does")
	holds(bytes.HasSuffix(data, []byte{0xff, 0xd9}), "the file ends as a JPEG does")
}

func readAll(from io.ReadCloser) []byte {
	defer from.Close()
	return must(io.ReadAll(from))
}

func download(url string) []byte {
	answer := must(http.Get(url))
	equal(answer.StatusCode, http.StatusOK)
	return readAll(answer.Body)
}

// list returns an output that is a list of texts.
func list(output replicate.PredictionOutput) []string {
	texts := []string{}
	for _, item := range output.([]any) {
		texts = append(texts, item.(string))
	}
	return texts
}

func refused(err error, status int, words string) {
	var apiError *replicate.APIError
	holds(errors.As(err, &apiError), err)
	equal(apiError.Status, status)
	holds(strings.Contains(apiError.Detail, words), apiError.Detail)
}

// allPages returns what a client gets by going through all pages, of which there must be more than one.
func allPages[T any](first *replicate.Page[T], pager *replicate.Client) []T {
	holds(json.Valid(first.RawJSON()), "the page as it came is kept")
	pages, errs := replicate.Paginate(ctx, pager, first)
	items, number := []T{}, 0
	for {
		select {
		case page, open := <-pages:
			if !open {
				holds(number > 1, "there is more than one page")
				return items
			}
			items = append(items, page...)
			number++
		case err, open := <-errs:
			holds(!open, err)
			errs = nil // it is closed just before the pages are
		}
	}
}

// kept holds that an object of the client has kept the JSON that it was made from.
func kept(object interface{ RawJSON() json.RawMessage }) {
	holds(json.Valid(object.RawJSON()), "the answer as it came is kept")
}

func clientVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/replicate/replicate-go" {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return ""
}

// attempt runs one operation and returns what went wrong, or nil.
func attempt(name string) (problem any) {
	run, known := allKinds[name]
	if !known {
		return "the driver does not have this operation"
	}
	defer func() {
		if fault := recover(); fault != nil {
			problem = fmt.Sprintf("%v\n%s", fault, debug.Stack())
		}
	}()
	run()
	return nil
}

func main() {
	report := json.NewEncoder(os.Stdout)
	_ = report.Encode(map[string]string{"version": clientVersion()})
	for _, name := range strings.Split(os.Getenv("CONFORMANCE_OPERATIONS"), ",") {
		_ = report.Encode(map[string]any{"operation": name, "problem": attempt(name)})
	}
}
