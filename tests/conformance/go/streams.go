// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"strings"

	"github.com/replicate/replicate-go"
)

func createText(prompt string) *replicate.Prediction {
	owner, name, _ := strings.Cut(textModel, "/")
	input := replicate.PredictionInput{"prompt": prompt, "max_tokens": 60}
	return must(client.CreatePredictionWithModel(ctx, owner, name, input, nil, true))
}

// streamText returns the text of a stream that is read as a channel of events.
func streamText(input replicate.PredictionInput) string {
	return textOf(client.Stream(ctx, textModel, input, nil))
}

func textOf(events <-chan replicate.SSEEvent, errs <-chan error) string {
	text := ""
	for {
		select {
		case event, open := <-events:
			holds(open, "the stream goes on until done")
			text += event.String()
			if event.Type == replicate.SSETypeDone {
				return text
			}
		case err, open := <-errs:
			holds(!open, err)
			errs = nil // the client closes it as soon as it has read the end, with events still to be taken
		}
	}
}

// Both interfaces of the client: channels of events, and readers.
var streams = operations{
	"stream-text": func() {
		// The client takes an end of the connection that comes together with the last event for a broken stream,
		// but only now and then: so it is tried several times.
		for range [10]struct{}{} {
			prompt := newPrompt("")
			text := streamText(replicate.PredictionInput{"prompt": prompt, "max_tokens": 60})
			holds(len(text) > 10, text)
			equal(text, strings.Join(list(withPrompt(prompt)[0].Output), ""))
		}

		made := createText(newPrompt(""))
		text := textOf(client.StreamPrediction(ctx, made))
		equal(text, strings.Join(list(must(client.GetPrediction(ctx, made.ID)).Output), ""))

		prediction := createText(newPrompt(""))
		read := string(readAll(must(client.StreamPredictionText(ctx, prediction))))
		equal(read, strings.Join(list(must(client.GetPrediction(ctx, prediction.ID)).Output), ""))
	},

	"stream-silent": func() {
		text := streamText(replicate.PredictionInput{"prompt": newPrompt("[sandbox:delay=36s]"), "max_tokens": 20})
		holds(len(text) > 10, text)
	},

	"stream-files": func() {
		input := image(newPrompt(""))
		input["num_outputs"] = 2
		owner, name, _ := strings.Cut(imageModel, "/")
		prediction := must(client.CreatePredictionWithModel(ctx, owner, name, input, nil, true))
		stream := must(client.StreamPredictionFiles(prediction))
		defer stream.Close()
		count := 0
		for {
			file, err := stream.NextFile(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			holds(err == nil, err)
			wholeJpeg(readAll(must(file.Body(ctx))))
			count++
		}
		equal(count, 2)
	},

	"stream-failed": func() {
		prediction := createText(newPrompt("[sandbox:fail=out of words]"))
		reader := must(client.StreamPredictionText(ctx, prediction))
		defer reader.Close()
		_, err := io.ReadAll(reader)
		holds(err != nil && strings.Contains(err.Error(), "out of words"), err)
	},
}
