// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/replicate/replicate-go"
)

func hasModel(models []replicate.Model) bool {
	for _, model := range models {
		if model.Owner+"/"+model.Name == imageModel {
			return true
		}
	}
	return false
}

func getModel() *replicate.Model {
	owner, name, _ := strings.Cut(imageModel, "/")
	return must(client.GetModel(ctx, owner, name))
}

func hasInput(version *replicate.ModelVersion) bool {
	schemas := version.OpenAPISchema.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	return schemas["Input"] != nil && schemas["Output"] != nil
}

func makeDeployment(name string) *replicate.Deployment {
	return must(client.CreateDeployment(ctx, replicate.CreateDeploymentOptions{
		Name:         fmt.Sprintf("%s-%d", name, time.Now().UnixMilli()),
		Model:        imageModel,
		Version:      getModel().LatestVersion.ID,
		Hardware:     (*must(client.ListHardware(ctx)))[0].SKU,
		MinInstances: 0,
		MaxInstances: 1,
	}))
}

// train begins a training that ends at once, or does what triggerWord tells the sandbox.
func train(triggerWord string) *replicate.Training {
	owner, name := must(client.GetCurrentAccount(ctx)).Username, fmt.Sprintf("trained-%d", time.Now().UnixNano())
	must(client.CreateModel(ctx, owner, name, replicate.CreateModelOptions{
		Visibility: "private", Hardware: (*must(client.ListHardware(ctx)))[0].SKU,
	}))
	emptyZip := base64.StdEncoding.EncodeToString(append([]byte("PK\x05\x06"), make([]byte, 18)...))
	input := replicate.TrainingInput{
		"input_images": "data:application/zip;base64," + emptyZip, "steps": 3, "trigger_word": triggerWord,
	}
	of, base, _ := strings.Cut(trainer, "/")
	return must(client.CreateTraining(ctx, of, base, trainerVersion, owner+"/"+name, input, nil))
}

type received struct {
	request *http.Request
	body    string
}

var resources = operations{
	"models-list": func() { holds(len(must(client.ListModels(ctx)).Results) > 0, "there are models") },

	"models-get": func() {
		model := getModel()
		equal([]string{model.Owner + "/" + model.Name, model.Visibility}, []string{imageModel, "public"})
		holds(hasInput(model.LatestVersion), "the version has schemas")
		kept(model)
	},

	"versions-list": func() {
		owner, name, _ := strings.Cut(versionedModel, "/")
		equal(must(client.ListModelVersions(ctx, owner, name)).Results[0].ID, version)
	},

	"versions-get": func() {
		owner, name, _ := strings.Cut(versionedModel, "/")
		got := must(client.GetModelVersion(ctx, owner, name, version))
		equal(got.ID, version)
		holds(hasInput(got), "the version has schemas")
		kept(got)
	},

	"versions-delete": func() {
		owner, name, _ := strings.Cut(versionedModel, "/")
		refused(client.DeleteModelVersion(ctx, owner, name, version), 403, "")
	},

	"account": func() {
		account := must(client.GetCurrentAccount(ctx))
		equal(account.Type, "organization")
		holds(account.Username != "" && account.Name != "", "it has names")
		kept(account)
	},

	"files": func() {
		made := must(client.CreateFileFromBytes(ctx, []byte("a note"), &replicate.CreateFileOptions{
			Filename: "note.txt", ContentType: "text/plain", Metadata: map[string]string{"about": "x"},
		}))
		equal([]any{made.Name, made.ContentType, made.Size, made.Metadata["about"]}, []any{"note.txt", "text/plain", 6, "x"})
		equal(must(client.GetFile(ctx, made.ID)).Checksums, made.Checksums)
		kept(made)
		listed := false
		for _, file := range must(client.ListFiles(ctx)).Results {
			listed = listed || file.ID == made.ID
		}
		holds(listed, "the file is listed")
		err := client.DeleteFile(ctx, made.ID)
		holds(err == nil, err)
		_, err = client.GetFile(ctx, made.ID)
		refused(err, 404, "")
	},

	"file-input": func() {
		output := must(client.RunWithOptions(ctx, imageModel, image(newPrompt("")), nil, replicate.WithBlockUntilDone()))
		file := must(client.CreateFileFromBytes(ctx, download(list(output)[0]), &replicate.CreateFileOptions{
			Filename: "start.jpg", ContentType: "image/jpeg",
		}))
		prompt := newPrompt("")
		input := replicate.PredictionInput{"prompt": prompt, "image": file, "output_format": "jpg"}
		reference := versionedModel + ":" + version
		made := must(client.RunWithOptions(ctx, reference, input, nil, replicate.WithBlockUntilDone()))
		wholeJpeg(download(list(made)[0]))
		equal(withPrompt(prompt)[0].Input["image"], base+"/files/"+file.ID)
	},

	"file-kinds": func() {
		output := must(client.RunWithOptions(ctx, imageModel, image(newPrompt("")), nil, replicate.WithBlockUntilDone()))
		picture := download(list(output)[0])
		holds(os.WriteFile("kind.jpg", picture, 0o600) == nil, "the file could be written")
		options := &replicate.CreateFileOptions{Filename: "kind.jpg"}
		for _, kind := range []any{
			must(client.CreateFileFromPath(ctx, "kind.jpg", nil)),
			must(client.CreateFileFromBytes(ctx, picture, options)),
			must(client.CreateFileFromBuffer(ctx, bytes.NewBuffer(picture), options)),
			"data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(picture),
		} {
			input := replicate.PredictionInput{"prompt": newPrompt(""), "image": kind, "output_format": "jpg"}
			reference := versionedModel + ":" + version
			made := must(client.RunWithOptions(ctx, reference, input, nil, replicate.WithBlockUntilDone()))
			wholeJpeg(download(list(made)[0]))
		}
	},

	"files-too-large": func() {
		_, err := client.CreateFileFromBytes(ctx, make([]byte, (2<<20)+1), nil)
		refused(err, 413, "Files must be less than 2MB in size")
	},

	"models-search": func() {
		holds(hasModel(must(client.SearchModels(ctx, "flux-schnell")).Results), "the model is found")
	},

	"models-own": func() {
		owner := must(client.GetCurrentAccount(ctx)).Username
		name := fmt.Sprintf("own-%d", time.Now().UnixMilli())
		made := must(client.CreateModel(ctx, owner, name, replicate.CreateModelOptions{
			Visibility: "private", Hardware: (*must(client.ListHardware(ctx)))[0].SKU,
		}))
		equal([]string{made.Owner, made.Name, made.Visibility}, []string{owner, name, "private"})
		err := client.DeleteModel(ctx, owner, name)
		holds(err == nil, err)
		_, err = client.GetModel(ctx, owner, name)
		refused(err, 404, "")
	},

	"hardware": func() {
		hardware := *must(client.ListHardware(ctx))
		holds(len(hardware) > 0 && hardware[0].SKU != "", "there is hardware")
		kept(&hardware[0])
	},

	"collections": func() {
		found := must(client.ListCollections(ctx)).Results[0]
		collection := must(client.GetCollection(ctx, found.Slug))
		equal(collection.Name, found.Name)
		kept(collection)
		holds(len(*collection.Models) > 0, "it has models")
	},

	"deployments": func() {
		made := makeDeployment("listed")
		equal(made.CurrentRelease.Model, imageModel)
		kept(made)
		equal(must(client.GetDeployment(ctx, made.Owner, made.Name)).CurrentRelease.Version, made.CurrentRelease.Version)
		listed := false
		for _, deployment := range must(client.ListDeployments(ctx)).Results {
			listed = listed || deployment.Name == made.Name
		}
		holds(listed, "the deployment is listed")
		most := 2
		options := replicate.UpdateDeploymentOptions{MaxInstances: &most}
		updated := must(client.UpdateDeployment(ctx, made.Owner, made.Name, options))
		equal(updated.CurrentRelease.Configuration.MaxInstances, most)
		equal(updated.CurrentRelease.Number, made.CurrentRelease.Number+1)
		err := client.DeleteDeployment(ctx, made.Owner, made.Name)
		holds(err == nil, err)
		_, err = client.GetDeployment(ctx, made.Owner, made.Name)
		refused(err, 404, "")
	},

	"deployment-run": func() {
		made := makeDeployment("run")
		input := image(newPrompt(""))
		prediction := must(client.CreatePredictionWithDeployment(ctx, made.Owner, made.Name, input, nil, false))
		finish(prediction)
		equal([]string{string(prediction.Status), prediction.Model}, []string{"succeeded", imageModel})
	},

	"trainings": func() {
		created := train("[sandbox:delay=300s]")
		equal([]string{string(created.Status), created.Version}, []string{"starting", trainerVersion})
		equal(must(client.ListTrainings(ctx)).Results[0].ID, created.ID)
		equal(must(client.CancelTraining(ctx, created.ID)).Status, replicate.Canceled)
		equal(must(client.GetTraining(ctx, created.ID)).Status, replicate.Canceled)
	},

	"trained-run": func() {
		training := train("TOK")
		for !training.Status.Terminated() {
			time.Sleep(50 * time.Millisecond)
			training = must(client.GetTraining(ctx, training.ID))
		}
		reference := training.Output.(map[string]any)["version"].(string)
		input := image(newPrompt(""))
		output := must(client.RunWithOptions(ctx, reference, input, nil, replicate.WithBlockUntilDone()))
		wholeJpeg(download(list(output)[0]))
		made := must(replicate.ParseIdentifier(reference))
		err := client.DeleteModelVersion(ctx, made.Owner, made.Name, *made.Version)
		holds(err == nil, err)
		_, err = client.GetModelVersion(ctx, made.Owner, made.Name, *made.Version)
		refused(err, 404, "")
	},

	"webhook-secret": func() {
		secret := must(client.GetDefaultWebhookSecret(ctx))
		holds(strings.HasPrefix(secret.Key, "whsec_"), "it is a secret")
		kept(secret)
	},

	"webhook": func() {
		secret := must(client.GetDefaultWebhookSecret(ctx))
		arrived := make(chan received, 10)
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
			arrived <- received{request, string(must(io.ReadAll(request.Body)))}
		}))
		defer receiver.Close()
		owner, name, _ := strings.Cut(imageModel, "/")
		events := []replicate.WebhookEventType{replicate.WebhookEventCompleted}
		webhook := &replicate.Webhook{URL: receiver.URL, Events: events}
		created := must(client.CreatePredictionWithModel(ctx, owner, name, image(newPrompt("")), webhook, false))
		select {
		case hook := <-arrived:
			holds(strings.Contains(hook.body, created.ID), hook.body)
			equal(replicate.WebhookEventCompleted.String(), "completed")
			hook.request.Body = io.NopCloser(strings.NewReader(hook.body))
			equal(must(replicate.ValidateWebhookRequest(hook.request, *secret)), true)
			hook.request.Body = io.NopCloser(strings.NewReader(hook.body + " "))
			equal(must(replicate.ValidateWebhookRequest(hook.request, *secret)), false)
		case <-time.After(30 * time.Second):
			panic("waited 30 s in vain for the webhook")
		}
	},
}
