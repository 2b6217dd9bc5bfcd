package main

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// The Open Inference Protocol, version 2, JSON tensors.

const (
	serverMetadata = `{"name":"faults","version":"1","extensions":[]}`
	modelMetadata  = `{"name":"toy","versions":["1"],"platform":"go",` +
		`"inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],` +
		`"outputs":[{"name":"y","datatype":"FP32","shape":[-1,3]},` +
		`{"name":"label","datatype":"BYTES","shape":[-1]}]}`
	otherMetadata = `{"name":"toy","versions":["1"],"platform":"go",` +
		`"inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],` +
		`"outputs":[{"name":"y","datatype":"FP64","shape":[-1,4]},` +
		`{"name":"label","datatype":"BYTES","shape":[-1]}]}`
)

// query is a request that was understood: input rows, and what it takes to write the answer.
type query struct {
	x       []float32
	id      string
	outputs []string
}

func parseOIP(body []byte) (query, error) {
	var request struct {
		ID     string `json:"id"`
		Inputs []struct {
			Name     string          `json:"name"`
			Datatype string          `json:"datatype"`
			Shape    []int           `json:"shape"`
			Data     json.RawMessage `json:"data"`
		} `json:"inputs"`
		Outputs []struct {
			Name string `json:"name"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return query{}, fmt.Errorf("the request is not JSON: %w", err)
	}
	if len(request.Inputs) != 1 || request.Inputs[0].Name != "x" {
		return query{}, fmt.Errorf("expected exactly one input, x")
	}
	input := request.Inputs[0]
	if input.Datatype != "FP32" {
		return query{}, fmt.Errorf("input x: expected datatype FP32, got %s", input.Datatype)
	}
	if len(input.Shape) != 2 || input.Shape[0] < 0 || input.Shape[1] != width {
		return query{}, fmt.Errorf("input x: expected shape [-1,%d], got %v", width, input.Shape)
	}
	x, err := flatten(input.Data)
	if err != nil {
		return query{}, fmt.Errorf("input x: %w", err)
	}
	if len(x) != input.Shape[0]*width {
		return query{}, fmt.Errorf("input x: shape %v needs %d elements, got %d",
			input.Shape, input.Shape[0]*width, len(x))
	}
	parsed := query{x: x, id: request.ID}
	for _, o := range request.Outputs {
		if o.Name != "y" && o.Name != "label" {
			return query{}, fmt.Errorf("unknown output %q", o.Name)
		}
		parsed.outputs = append(parsed.outputs, o.Name)
	}
	return parsed, nil
}

// flatten reads a tensor's data, which the protocol lets be flat or nested.
func flatten(data json.RawMessage) ([]float32, error) {
	var flat []float32
	if json.Unmarshal(data, &flat) == nil {
		return flat, nil
	}
	var rows [][]float32
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("data is neither numbers nor rows of numbers: %w", err)
	}
	flat = flat[:0]
	for _, row := range rows {
		flat = append(flat, row...)
	}
	return flat, nil
}

func renderOIP(q query, a answer) []byte {
	b := append(make([]byte, 0, 512), `{"model_name":"toy","model_version":"1",`...)
	if q.id != "" {
		b = append(appendString(append(b, `"id":`...), q.id), ',')
	}
	b = append(b, `"outputs":[`...)
	for i, o := range a.only(q.outputs) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":"`+o.name+`","datatype":"`+o.datatype+`","shape":[`...)
		for j, size := range o.shape {
			if j > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(size), 10)
		}
		b = append(o.appendData(append(b, `],"data":`...)), '}')
	}
	return append(b, "]}"...)
}
