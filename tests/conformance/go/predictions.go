// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"sort"
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

// pageItems returns what the account with the long lists has, newest first.
func pageItems() (items struct{ Predictions, Deployments, Files, Models, Trainings, Versions []string }) {
	err := json.Unmarshal(must(os.ReadFile(os.Getenv("CONFORMANCE_PAGES_FILE"))), &items)
	holds(err == nil, err)
	return items
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
		reference := must(replicate.ParseIdentifier(versionedModel + ":" + version)).String()
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
		holds(strings.Contains(modelError.Error(), "the brush broke"), modelError)
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
		pager, known := newClient(os.Getenv("CONFORMANCE_PAGES_KEY")), pageItems()
		ids := []string{}
		// The pager appends the absolute address of the next page to its base URL.
		for _, prediction := range allPages(must(pager.ListPredictions(ctx)), pager) {
			ids = append(ids, prediction.ID)
		}
		equal(ids, known.Predictions)
	},

	"pages-others": func() {
		pager, known := newClient(os.Getenv("CONFORMANCE_PAGES_KEY")), pageItems()
		files, deployments, models := []string{}, []string{}, map[string]bool{}
		for _, file := range allPages(must(pager.ListFiles(ctx)), pager) {
			files = append(files, file.ID)
		}
		equal(files, known.Files)
		for _, deployment := range allPages(must(pager.ListDeployments(ctx)), pager) {
			deployments = append(deployments, deployment.Name)
		}
		equal(deployments, known.Deployments)
		trainings, versions := []string{}, []string{}
		for _, training := range allPages(must(pager.ListTrainings(ctx)), pager) {
			trainings = append(trainings, training.ID)
		}
		equal(trainings, known.Trainings)
		for _, version := range allPages(must(pager.ListModelVersions(ctx, "pages", "trained")), pager) {
			versions = append(versions, version.ID)
		}
		sort.Strings(versions)
		sort.Strings(known.Versions)
		equal(versions, known.Versions)
		for _, model := range allPages(must(pager.ListModels(ctx)), pager) {
			models[model.Owner+"/"+model.Name] = true
		}
		for _, name := range append(known.Models, imageModel) {
			holds(models[name], name+" is listed")
		}
	},

	"wait": func() {
		prediction := create(newPrompt(""))
		finish(prediction)
		equal(prediction.Status, replicate.Succeeded)
		holds(prediction.Status.Terminated(), prediction.Status.String())
		equal(len(list(prediction.Output)), 1)
		kept(prediction)

		other := create(newPrompt(""))
		seen, errs := client.WaitAsync(ctx, other, replicate.WithPollingInterval(50*time.Millisecond))
		last := replicate.Starting
		for !last.Terminated() {
			last = (<-seen).Status
		}
		holds(<-errs == nil, "no error")
		equal(last, replicate.Succeeded)
	},

	"cancel": func() {
		created := create(newPrompt("[sandbox:delay=300s]"))
		equal(must(client.CancelPrediction(ctx, created.ID)).Status, replicate.Canceled)
		equal(must(client.GetPrediction(ctx, created.ID)).Status, replicate.Canceled)
	},

	"error-401": func() {
		_, err := newClient("wrong").ListPredictions(ctx)
		refused(err, 401, "You did not pass a valid authentication token")
		holds(strings.Contains(err.Error(), "Unauthenticated"), err)
		// What a server in between uses to hand an error on.
		passed := httptest.NewRecorder()
		var apiError *replicate.APIError
		holds(errors.As(err, &apiError), err)
		apiError.WriteHTTPResponse(passed)
		equal(passed.Code, http.StatusUnauthorized)
	},

	"error-404": func() {
		words := "The requested resource could not be found."
		_, err := client.GetPrediction(ctx, strings.Repeat("0", 26))
		refused(err, 404, words)
		_, err = client.Run(ctx, "nobody/nothing", replicate.PredictionInput{}, nil)
		refused(err, 404, words)
	},

	"error-429": func() {
		address := os.Getenv("CONFORMANCE_LIMITED_ORIGIN") + os.Getenv("CONFORMANCE_MOUNT")
		key := os.Getenv("CONFORMANCE_LIMITED_KEY")
		// A client that repeats nothing shows the refusal, the usual one waits for as long as it is told to.
		_ = os.Setenv("REPLICATE_API_TOKEN", key)
		once := must(replicate.NewClient(
			replicate.WithTokenFromEnv(), replicate.WithBaseURL(address), replicate.WithUserAgent("conformance"),
			replicate.WithHTTPClient(&http.Client{}),
			replicate.WithRetryPolicy(0, &replicate.ConstantBackoff{Base: time.Millisecond}),
		))
		useUpLimit(address, key)
		_, err := once.GetCurrentAccount(ctx)
		holds(err != nil && strings.Contains(err.Error(), "Request was throttled"), err)
		patient := must(replicate.NewClient(replicate.WithToken(key), replicate.WithBaseURL(address)))
		holds(must(patient.GetCurrentAccount(ctx)).Username != "", "it has a name")
	},

	"error-422": func() {
		_, err := client.Run(ctx, imageModel, replicate.PredictionInput{"num_outputs": 9}, nil)
		refused(err, 422, "- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n")
	},
}
