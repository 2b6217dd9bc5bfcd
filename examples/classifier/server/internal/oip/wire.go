// Package oip serves a classifier over the Open Inference Protocol, version 2, HTTP with JSON tensors.
package oip

import "encoding/json"

// The tensor datatypes that this server speaks.
const (
	Int32   = "INT32"
	Float32 = "FP32"
)

// TensorSpec declares an input or output; -1 stands for a free dimension.
type TensorSpec struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

type serverMetadata struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

type modelMetadata struct {
	Name     string       `json:"name"`
	Versions []string     `json:"versions"`
	Platform string       `json:"platform"`
	Inputs   []TensorSpec `json:"inputs"`
	Outputs  []TensorSpec `json:"outputs"`
}

type inferRequest struct {
	ID      string            `json:"id"`
	Inputs  []requestInput    `json:"inputs"`
	Outputs []requestedOutput `json:"outputs"`
}

type requestInput struct {
	TensorSpec
	Data json.RawMessage `json:"data"`
}

type requestedOutput struct {
	Name string `json:"name"`
}

type inferResponse struct {
	ModelName    string           `json:"model_name"`
	ModelVersion string           `json:"model_version"`
	ID           string           `json:"id,omitempty"`
	Outputs      []responseOutput `json:"outputs"`
}

type responseOutput struct {
	TensorSpec
	Data []float32 `json:"data"`
}

type liveResponse struct {
	Live bool `json:"live"`
}

type readyResponse struct {
	Name  string `json:"name,omitempty"`
	Ready bool   `json:"ready"`
}

type errorResponse struct {
	Error string `json:"error"`
}
