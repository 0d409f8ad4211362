// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/replicate/replicate-go"
)

// The one context: an operation that hangs is ended with the whole driver.
var ctx = context.Background()

func create(prompt string) *replicate.Prediction {
	owner, name, _ := strings.Cut(imageModel, "/")
	return must(client.CreatePredictionWithModel(ctx, owner, name, image(prompt), nil, false))
}

func finish(prediction *replicate.Prediction) {
	err := client.Wait(ctx, prediction, replicate.WithPollingInterval(50*time.Millisecond))
	holds(err == nil, err)
}

func withPrompt(prompt string) []replicate.Prediction {
	found := []replicate.Prediction{}
	for _, prediction := range must(client.ListPredictions(ctx)).Results {
		if prediction.Input["prompt"] == prompt {
			found = append(found, prediction)
		}
	}
	return found
}

var predictions = operations{
	"run-blocking": func() {
		output := must(client.RunWithOptions(ctx, imageModel, image(newPrompt("")), nil, replicate.WithBlockUntilDone()))
		wholeJpeg(download(list(output)[0]))
	},

	"run-polling": func() {
		wholeJpeg(download(list(must(client.Run(ctx, imageModel, image(newPrompt("")), nil)))[0]))
	},

	"run-version": func() {
		input := replicate.PredictionInput{"prompt": newPrompt(""), "output_format": "jpg"}
		reference := versionedModel + ":" + version
		output := must(client.RunWithOptions(ctx, reference, input, nil, replicate.WithBlockUntilDone()))
		wholeJpeg(download(list(output)[0]))
	},

	"run-text": func() {
		input := replicate.PredictionInput{"prompt": newPrompt(""), "max_tokens": 20}
		output := must(client.RunWithOptions(ctx, textModel, input, nil, replicate.WithBlockUntilDone()))
		holds(len(strings.Join(list(output), "")) > 10, output)
	},

	"run-failed": func() {
		input := image(newPrompt("[sandbox:fail=the brush broke]"))
		_, err := client.RunWithOptions(ctx, imageModel, input, nil, replicate.WithBlockUntilDone())
		var modelError *replicate.ModelError
		holds(errors.As(err, &modelError), err)
		equal(modelError.Prediction.Error, "the brush broke")
	},

	"longest-wait": func() {
		prompt := newPrompt("[sandbox:delay=61s]")
		output := must(client.RunWithOptions(ctx, imageModel, image(prompt), nil, replicate.WithBlockUntilDone()))
		wholeJpeg(download(list(output)[0]))
		equal(len(withPrompt(prompt)), 1)
	},

	"files-out": func() {
		input := image(newPrompt(""))
		input["num_outputs"] = 3
		options := []replicate.RunOption{replicate.WithBlockUntilDone(), replicate.WithFileOutput()}
		files := must(client.RunWithOptions(ctx, imageModel, input, nil, options...)).([]any)
		equal(len(files), 3)
		for _, file := range files {
			wholeJpeg(readAll(file.(*replicate.FileOutput)))
		}
	},

	"progress": func() {
		prediction := create(newPrompt(""))
		finish(prediction)
		progress := prediction.Progress()
		holds(progress != nil, *prediction.Logs)
		equal(*progress, replicate.PredictionProgress{Percentage: 1, Current: 4, Total: 4})
	},

	"create-by-model": func() {
		prompt := newPrompt("")
		created := create(prompt)
		equal(created.Status, replicate.Starting)
		equal(created.Model, imageModel)
		equal(created.Input, image(prompt))
	},

	"create-by-version": func() {
		input := replicate.PredictionInput{"prompt": newPrompt("")}
		created := must(client.CreatePrediction(ctx, version, input, nil, false))
		equal([]string{created.Model, created.Version}, []string{versionedModel, version})
	},

	"get": func() {
		created := create(newPrompt(""))
		got := must(client.GetPrediction(ctx, created.ID))
		equal(got.Input, created.Input)
		equal(got.URLs, created.URLs)
		equal(got.URLs["get"], base+"/predictions/"+got.ID)
	},

	"list": func() {
		first, second := create(newPrompt("")), create(newPrompt(""))
		results := must(client.ListPredictions(ctx)).Results
		equal([]string{results[0].ID, results[1].ID}, []string{second.ID, first.ID})
	},

	"pages": func() {
		var wanted []string
		holds(json.Unmarshal(must(os.ReadFile(os.Getenv("CONFORMANCE_PAGES_FILE"))), &wanted) == nil, "a list of ids")
		pager := newClient(os.Getenv("CONFORMANCE_PAGES_KEY"))
		// The pager appends the absolute address of the next page to its base URL.
		pages, errs := replicate.Paginate(ctx, pager, must(pager.ListPredictions(ctx)))
		ids, count := []string{}, 0
		for page := range pages {
			count++
			for _, prediction := range page {
				ids = append(ids, prediction.ID)
			}
			if count == 3 {
				break
			}
		}
		select {
		case err := <-errs:
			holds(err == nil, err)
		default:
		}
		equal(count, 3)
		equal(ids, wanted)
	},

	"wait": func() {
		prediction := create(newPrompt(""))
		finish(prediction)
		equal(prediction.Status, replicate.Succeeded)
		equal(len(list(prediction.Output)), 1)
	},

	"cancel": func() {
		created := create(newPrompt("[sandbox:delay=300s]"))
		equal(must(client.CancelPrediction(ctx, created.ID)).Status, replicate.Canceled)
		equal(must(client.GetPrediction(ctx, created.ID)).Status, replicate.Canceled)
	},

	"error-401": func() {
		_, err := newClient("wrong").ListPredictions(ctx)
		refused(err, 401, "You did not pass a valid authentication token")
	},

	"error-404": func() {
		words := "The requested resource could not be found."
		_, err := client.GetPrediction(ctx, strings.Repeat("0", 26))
		refused(err, 404, words)
		_, err = client.Run(ctx, "nobody/nothing", replicate.PredictionInput{}, nil)
		refused(err, 404, words)
	},

	"error-422": func() {
		_, err := client.Run(ctx, imageModel, replicate.PredictionInput{"num_outputs": 9}, nil)
		refused(err, 422, "- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n")
	},
}
